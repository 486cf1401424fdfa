/**
 * Routes of the audit log: all of it for administrators, their own lines for users.
 * In: a cursor and filters. Out: AuditEntry, newest first.
 */
import type { AuditQuery as Lines } from '../../../accounts/audit/audit-trail.ts';
import { AuditEntry } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import type { HttpDeps } from '../../deps.ts';
import { NextCursor, PageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import { auditEntry } from './account-views.ts';

const MOST = 200;

const OwnQuery = Type.Object(
  {
    limit: Type.Optional({ ...PageQuery.properties.limit, description: `lines per page, at most ${MOST}` }),
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: '`nextCursor` of the page before' })),
    action: Type.Optional(Type.String({ maxLength: 80, description: 'only this action, e.g. `createRoom`' })),
  },
  { additionalProperties: false },
);
const AuditQuery = Type.Object(
  {
    ...OwnQuery.properties,
    user: Type.Optional(Type.String({ maxLength: 80, description: 'only of this user, by id' })),
  },
  { additionalProperties: false },
);
const AuditList = Type.Object({ items: Type.Array(AuditEntry), nextCursor: NextCursor }, { $id: 'AuditList' });

interface Query {
  readonly limit?: string;
  readonly cursor?: string;
  readonly action?: string;
}

async function pageOf({ access }: HttpDeps, query: Query, userId: string | undefined) {
  const limit = Math.min(MOST, Number(query.limit ?? MOST));
  const before = query.cursor === undefined ? undefined : Number(query.cursor);
  const asked: Lines = { before, action: query.action, userId, limit: limit + 1 };
  const lines = await access.audit.page(asked);
  const shown = lines.slice(0, limit);
  const nextCursor = lines.length > limit ? String(shown.at(-1)!.seq) : null;
  return { body: { items: shown.map(auditEntry), nextCursor } };
}

/** The rows. */
export const auditRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/audit',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Lists who did what, newest first: requests that may change something, and failed sign-ins.',
    query: AuditQuery,
    replies: { 200: AuditList },
    answer: ({ query: { user, ...query } }, deps) => pageOf(deps, query, user),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/me/audit',
    tag: 'accounts',
    access: 'user',
    sentence: 'Lists what the caller did, newest first.',
    query: OwnQuery,
    replies: { 200: AuditList },
    answer: ({ query, principal }, deps) => pageOf(deps, query, principal.user!.id),
  }),
];
