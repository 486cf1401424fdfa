/**
 * Routes of the audit log: all of it for administrators, their own lines for users.
 * In: a cursor and filters. Out: AuditEntry, newest first.
 */
import type { AuditQuery as Lines } from '../../../accounts/audit/audit-trail.ts';
import { AuditEntry } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import type { HttpDeps } from '../../deps.ts';
import { instantForms, readInstant } from '../../route/instant-field.ts';
import { NextCursor, PageQuery } from '../../route/page-query.ts';
import { defineRoute, type Route, type RouteAnswer } from '../../route/route.ts';
import { auditEntry } from './account-views.ts';

const MOST = 200;
const MOST_JSONL = 10_000;

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
    limit: Type.Optional({
      ...PageQuery.properties.limit,
      pattern: '^[0-9]{1,5}$',
      description: `lines per page, at most ${MOST}, or ${MOST_JSONL} with \`format=jsonl\``,
    }),
    target: Type.Optional(
      Type.String({
        pattern: '^/[^/]',
        maxLength: 200,
        description: 'only requests to this path and to all below it, e.g. `/streams/door`, with or without `/api/v1`',
      }),
    ),
    from: Type.Optional(Type.String({ maxLength: 40, description: `only lines from then on: ${instantForms}` })),
    to: Type.Optional(Type.String({ maxLength: 40, description: 'only lines before then' })),
    format: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('jsonl')], {
        description:
          '`jsonl`: one line of JSON each, as a file; the header `Oxbow-Next-Cursor` has the cursor of the rest',
      }),
    ),
    user: Type.Optional(Type.String({ maxLength: 80, description: 'only of this user, by id' })),
  },
  { additionalProperties: false },
);
const AuditList = Type.Object({ items: Type.Array(AuditEntry), nextCursor: NextCursor }, { $id: 'AuditList' });

interface Query {
  readonly limit?: string;
  readonly cursor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly from?: string;
  readonly to?: string;
  readonly format?: 'json' | 'jsonl';
}

async function pageOf({ access }: HttpDeps, query: Query, userId: string | undefined): Promise<RouteAnswer> {
  const { action, target, from, to, cursor, format = 'json' } = query;
  const most = format === 'jsonl' ? MOST_JSONL : MOST;
  const limit = Math.min(most, Number(query.limit ?? most));
  const asked: Lines = {
    before: cursor === undefined ? undefined : Number(cursor),
    action,
    target,
    userId,
    limit: limit + 1,
    fromMs: from === undefined ? undefined : readInstant('from', from),
    toMs: to === undefined ? undefined : readInstant('to', to),
  };
  const lines = await access.audit.page(asked);
  const shown = lines.slice(0, limit);
  const nextCursor = lines.length > limit ? String(shown.at(-1)!.seq) : null;
  if (format === 'json') return { body: { items: shown.map(auditEntry), nextCursor } };
  return {
    headers: {
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': 'attachment; filename="audit.jsonl"',
      ...(nextCursor !== null && { 'oxbow-next-cursor': nextCursor }),
    },
    body: shown.map((line) => `${JSON.stringify(auditEntry(line))}\n`).join(''),
  };
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
