/**
 * Sessions, API tokens, stream keys and revocations in the metadata store. Times are whole µs there, ms here.
 * In: rows of the accounts. Out: rows of the store.
 */
import type { Kysely, Selectable } from 'kysely';
import type { RowChanges, SharedTable } from '../store/row-changes.ts';
import type { ApiTokenTable, SessionTable, Tables } from '../store/schema.ts';
import type { ApiToken, TokenScope } from './api-tokens.ts';
import { auditRows } from './audit/audit-rows.ts';
import type { AuditRows } from './audit/audit-trail.ts';
import { type IdentityRows, identityRows } from './identity/identities.ts';
import { type EmailCodeRows, emailCodeRows } from './mail/email-codes.ts';
import { type MailRows, mailRows } from './mail/mail-rows.ts';
import type { PublishKey, PublishScope } from './publish-keys.ts';
import type { Rows } from './secret-table.ts';
import type { Session } from './sessions.ts';
import type { InvitationRows } from './users/invitations.ts';
import { invitationRows, takeInvitation, userIdOfName, userRows } from './users/user-tables.ts';
import type { UserRows } from './users/users.ts';
import type { WatchEpoch } from './watch-tokens.ts';

export interface AccountTables {
  readonly sessions: Rows<Session>;
  readonly tokens: Rows<ApiToken>;
  readonly publishKeys: Rows<PublishKey>;
  readonly epochs: Rows<WatchEpoch>;
  readonly users: UserRows;
  readonly invitations: InvitationRows;
  readonly emailCodes: EmailCodeRows;
  readonly mails: MailRows;
  readonly audit: AuditRows;
  readonly identities: IdentityRows;
}

/**
 * The tables of a store.
 * @param changes in a cluster: receives the changes of other nodes, and notifies them of changes here
 */
export function accountTables(db: Kysely<Tables>, changes?: RowChanges): AccountTables {
  const shared = <R extends object>(
    table: SharedTable,
    make: (db: Kysely<Tables>) => Rows<R>,
    keyOf: (row: R) => string,
  ) => (changes ? sharedRows(table, make, { db, changes, keyOf }) : make(db));
  const id = (row: { readonly id: string }) => row.id;
  return {
    sessions: shared('session', sessionRows, id),
    tokens: shared('api_token', tokenRows, id),
    publishKeys: shared('publish_key', keyRows, id),
    epochs: shared('watch_epoch', epochRows, ({ stream }) => stream),
    users: { ...shared('user', userRows, id), ...(changes && { idOfName: (key) => userIdOfName(db, key) }) },
    invitations: {
      ...shared('invitation', invitationRows, id),
      take: (id, uses) => {
        const take = (on: Kysely<Tables>) => takeInvitation(on, id, uses);
        return changes ? changes.write('invitation', id, take) : take(db);
      },
    },
    emailCodes: emailCodeRows(db),
    mails: mailRows(db, changes !== undefined),
    audit: auditRows(db),
    identities: identityRows(db, changes),
  };
}

/**
 * Rows that several nodes change: each writes its changes, and no row that another node has removed.
 */
function sharedRows<R extends object>(
  table: SharedTable,
  make: (db: Kysely<Tables>) => Rows<R>,
  {
    db,
    changes,
    keyOf,
  }: { readonly db: Kysely<Tables>; readonly changes: RowChanges; readonly keyOf: (row: R) => string },
): Rows<R> {
  const rows = make(db);
  return {
    ...rows,
    put: (row) => changes.write(table, keyOf(row), (transaction) => make(transaction).put(row)),
    remove: (key) => changes.write(table, key, (transaction) => make(transaction).remove(key)),
    change: (row, before) =>
      changes.write(table, keyOf(row), async (transaction) => (await make(transaction).change?.(row, before)) ?? false),
    follow: (learn) =>
      changes.follow(table, async (keys) => {
        const read = await rows.all(keys);
        return () => learn(keys, read);
      }),
  };
}

function sessionRows(db: Kysely<Tables>): Rows<Session> {
  return {
    async all(keys) {
      const query = db.selectFrom('session').selectAll();
      return (await (keys ? query.where('id', 'in', keys) : query).execute()).map(sessionOf);
    },
    async ofDigest(digest) {
      const row = await db.selectFrom('session').selectAll().where('digest', '=', digest).executeTakeFirst();
      return row && sessionOf(row);
    },
    async change({ id, seenMs }) {
      const changed = db
        .updateTable('session')
        .set({ seen_us: toUs(seenMs) })
        .where('id', '=', id);
      return (await changed.executeTakeFirst()).numUpdatedRows > 0n;
    },
    async put({ id, digest, userId, createdMs, seenMs, address, program, isTelevision }) {
      const user_id = userId ?? null;
      const television = isTelevision ? 1 : 0;
      const times = { created_us: toUs(createdMs), seen_us: toUs(seenMs) };
      const row = { id, digest, user_id, ...times, address, program, television };
      const { seen_us } = row;
      await db
        .insertInto('session')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_us }))
        .execute();
    },
    remove: async (id) => void (await db.deleteFrom('session').where('id', '=', id).execute()),
  };
}

function sessionOf(row: Selectable<SessionTable>): Session {
  const { id, digest, user_id, created_us, seen_us, address, program, television } = row;
  return {
    id,
    digest,
    userId: user_id ?? undefined,
    address,
    program,
    isTelevision: television === 1,
    createdMs: created_us / 1000,
    seenMs: seen_us / 1000,
  };
}

function tokenRows(db: Kysely<Tables>): Rows<ApiToken> {
  return {
    async all(keys) {
      const query = db.selectFrom('api_token').selectAll();
      return (await (keys ? query.where('id', 'in', keys) : query).execute()).map(tokenOf);
    },
    async ofDigest(digest) {
      const row = await db.selectFrom('api_token').selectAll().where('digest', '=', digest).executeTakeFirst();
      return row && tokenOf(row);
    },
    async put({ id, digest, userId, label, scopes, createdMs, expiresMs }) {
      const expires_us = toUsOrNull(expiresMs);
      const row = {
        id,
        digest,
        user_id: userId ?? null,
        label,
        scopes: scopes.join(' '),
        created_us: toUs(createdMs),
        expires_us,
      };
      await db.insertInto('api_token').values(row).execute();
    },
    remove: async (id) => void (await db.deleteFrom('api_token').where('id', '=', id).execute()),
  };
}

function tokenOf({ id, digest, user_id, label, scopes, created_us, expires_us }: Selectable<ApiTokenTable>): ApiToken {
  return {
    id,
    digest,
    userId: user_id ?? undefined,
    label,
    scopes: scopes.split(' ') as TokenScope[],
    createdMs: created_us / 1000,
    expiresMs: toMs(expires_us),
  };
}

function keyRows(db: Kysely<Tables>): Rows<PublishKey> {
  return {
    async all(keys) {
      const query = db.selectFrom('publish_key').selectAll();
      const rows = await (keys ? query.where('id', 'in', keys) : query).execute();
      return rows.map(({ id, digest, label, stream_id, prefix, max_streams, allow, ...times }) => ({
        id,
        digest,
        label,
        scope: scopeOf(stream_id, prefix ?? '', max_streams ?? 0),
        allow: allow === '' ? [] : allow.split(' '),
        createdMs: times.created_us / 1000,
        expiresMs: toMs(times.expires_us),
        usedMs: toMs(times.used_us),
      }));
    },
    async put({ id, digest, label, scope, allow, createdMs, expiresMs, usedMs }) {
      const changing = { expires_us: toUsOrNull(expiresMs), used_us: toUsOrNull(usedMs) };
      const of =
        scope.type === 'stream'
          ? { stream_id: scope.streamId, prefix: null, max_streams: null }
          : { stream_id: null, prefix: scope.prefix, max_streams: scope.maxStreams };
      const row = { id, digest, label, ...of, allow: allow.join(' '), created_us: toUs(createdMs), ...changing };
      await db
        .insertInto('publish_key')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
        .execute();
    },
    async change({ id, expiresMs, usedMs }, before) {
      const changing = {
        ...(expiresMs !== before.expiresMs && { expires_us: toUsOrNull(expiresMs) }),
        ...(usedMs !== before.usedMs && { used_us: toUsOrNull(usedMs) }),
      };
      const changed = db
        .updateTable('publish_key')
        .set({ ...changing, id })
        .where('id', '=', id);
      return (await changed.executeTakeFirst()).numUpdatedRows > 0n;
    },
    remove: async (id) => void (await db.deleteFrom('publish_key').where('id', '=', id).execute()),
  };
}

function scopeOf(streamId: string | null, prefix: string, maxStreams: number): PublishScope {
  return streamId === null ? { type: 'prefix', prefix, maxStreams } : { type: 'stream', streamId };
}

function epochRows(db: Kysely<Tables>): Rows<WatchEpoch> {
  return {
    all(keys) {
      const query = db.selectFrom('watch_epoch').selectAll();
      return (keys ? query.where('stream', 'in', keys) : query).execute();
    },
    async put({ stream, epoch }) {
      await db
        .insertInto('watch_epoch')
        .values({ stream, epoch })
        .onConflict((conflict) => conflict.column('stream').doUpdateSet({ epoch }))
        .execute();
    },
    remove: async (stream) => void (await db.deleteFrom('watch_epoch').where('stream', '=', stream).execute()),
  };
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}

function toUsOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : toUs(ms);
}

function toMs(us: number | null): number | undefined {
  return us === null ? undefined : us / 1000;
}
