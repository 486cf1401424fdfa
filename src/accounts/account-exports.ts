/**
 * The data of accounts about a user, for the document of `GET /api/v1/me/export`: sessions, tokens,
 * invitations, lines of the audit log.
 * In: the tables. Out: exporters; no secrets, no digests.
 */
import { printRfc3339 } from '../api/instant.ts';
import type { ApiTokens } from './api-tokens.ts';
import type { AuditTrail } from './audit/audit-trail.ts';
import type { Sessions } from './sessions.ts';
import type { Exporters } from './users/exporters.ts';
import type { Invitations } from './users/invitations.ts';

/** Most lines of the audit log in the document. */
const MAX_LINES = 10_000;

/** Adds the parts. */
export function addAccountExports(
  exporters: Exporters,
  {
    sessions,
    tokens,
    invitations,
    audit,
  }: {
    readonly sessions: Sessions;
    readonly tokens: ApiTokens;
    readonly invitations: Invitations;
    readonly audit: AuditTrail;
  },
): void {
  exporters.add('sessions', async (userId) =>
    sessions.of(userId).map(({ id, createdMs, seenMs, address, program }) => ({
      id,
      address,
      program,
      createdAt: printRfc3339(createdMs),
      seenAt: printRfc3339(seenMs),
    })),
  );
  exporters.add('tokens', async (userId) =>
    tokens.of(userId).map(({ id, label, scopes, createdMs }) => ({
      id,
      label,
      scopes,
      createdAt: printRfc3339(createdMs),
    })),
  );
  exporters.add('invitations', async (userId) =>
    invitations.all
      .filter(({ createdBy }) => createdBy === userId)
      .map(({ id, label, usesLeft, createdMs }) => ({ id, label, usesLeft, createdAt: printRfc3339(createdMs) })),
  );
  exporters.add('audit', async (userId) =>
    (await audit.page({ userId, limit: MAX_LINES })).map(({ atMs, address, action, request, status }) => ({
      at: printRfc3339(atMs),
      address,
      action,
      request,
      status,
    })),
  );
}
