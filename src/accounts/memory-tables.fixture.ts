/**
 * Accounts kept in memory, for tests.
 * In: nothing. Out: AccountTables. Two accesses that are opened one after the other can share them, as after
 * a restart.
 */
import type { AccountTables } from './account-tables.ts';
import { type AuditRows, type StoredLine, targetPath } from './audit/audit-trail.ts';
import type { Identity, IdentityRows } from './identity/identities.ts';
import type { EmailCodeRows } from './mail/email-codes.ts';
import type { Rows } from './secret-table.ts';
import type { Invitation, InvitationRows } from './users/invitations.ts';

/** Empty tables. */
export function memoryTables(): AccountTables {
  return {
    sessions: memoryRows(({ id }) => id),
    tokens: memoryRows(({ id }) => id),
    publishKeys: memoryRows(({ id }) => id),
    epochs: memoryRows(({ stream }) => stream),
    users: memoryRows(({ id }) => id),
    invitations: memoryInvitations(),
    emailCodes: memoryCodes(),
    mails: memoryRows(({ id }) => id),
    audit: memoryAudit(),
    identities: memoryIdentities(),
  };
}

function memoryIdentities(): IdentityRows {
  const rows = new Map<string, Identity>();
  return {
    all: async () => [...rows.values()],
    put: async (row) => void rows.set(`${row.provider} ${row.subject}`, row),
    remove: async (provider, subject) => void rows.delete(`${provider} ${subject}`),
  };
}

function memoryInvitations(): InvitationRows {
  const rows = memoryRows<Invitation>(({ id }) => id);
  return {
    ...rows,
    async take(id, uses) {
      const row = (await rows.all()).find((one) => one.id === id);
      if (!row || row.usesLeft + uses < 0) return false;
      await rows.put({ ...row, usesLeft: row.usesLeft + uses });
      return true;
    },
  };
}

function memoryCodes(): EmailCodeRows {
  const rows = new Map<string, Parameters<EmailCodeRows['put']>[0]>();
  const removeOf: EmailCodeRows['removeOf'] = async (userId, kind) => {
    for (const [digest, row] of rows) {
      if (row.userId === userId && (kind === undefined || row.kind === kind)) rows.delete(digest);
    }
  };
  return {
    async put(row, nowMs) {
      for (const [digest, { expiresMs }] of rows) if (expiresMs <= nowMs) rows.delete(digest);
      await removeOf(row.userId, row.kind);
      rows.set(row.digest, row);
    },
    async take(digest) {
      const row = rows.get(digest);
      rows.delete(digest);
      return row;
    },
    removeOf,
  };
}

function memoryAudit(): AuditRows {
  let lines: StoredLine[] = [];
  let seq = 0;
  return {
    async add(more) {
      for (const line of more) lines.push({ ...line, seq: ++seq });
    },
    async page({ before = Number.POSITIVE_INFINITY, userId, action, target, fromMs = 0, toMs = Infinity, limit }) {
      const shown = lines.filter(
        (line) =>
          line.seq < before &&
          (userId === undefined || line.userId === userId) &&
          (action === undefined || line.action === action) &&
          (target === undefined || `${line.request.split(' ')[1]}/`.startsWith(`${targetPath(target)}/`)) &&
          line.atMs >= fromMs &&
          line.atMs < toMs,
      );
      return shown.toReversed().slice(0, limit);
    },
    async removeBefore(atMs) {
      lines = lines.filter((line) => line.atMs >= atMs);
    },
    async forget(userId) {
      lines = lines.map((line) => (line.userId === userId ? { ...line, name: '', address: '' } : line));
    },
  };
}

function memoryRows<R>(keyOf: (row: R) => string): Rows<R> {
  const rows = new Map<string, R>();
  return {
    all: async () => [...rows.values()],
    put: async (row) => void rows.set(keyOf(row), row),
    remove: async (key) => void rows.delete(key),
  };
}
