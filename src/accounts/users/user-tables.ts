/**
 * Users and invitations in the metadata store. Times are whole µs there, ms here.
 * In: rows of the accounts. Out: rows of the store.
 */
import type { Kysely, Selectable } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import type { UserTable } from '../../store/tables/account-tables.ts';
import type { Rows } from '../secret-table.ts';
import type { Invitation } from './invitations.ts';
import type { User } from './user.ts';

/** The users. */
export function userRows(db: Kysely<Tables>): Rows<User> {
  return {
    async all(keys) {
      const query = db.selectFrom('user').selectAll();
      const rows = await (keys ? query.where('id', 'in', keys) : query).execute();
      return rows.map((row) => ({
        id: row.id,
        name: row.name,
        nameKey: row.name_key ?? undefined,
        role: row.role as User['role'],
        state: row.state as User['state'],
        password: row.password ?? undefined,
        email: row.email ?? undefined,
        emailVerified: row.email_verified === 1,
        createdMs: row.created_us / 1000,
        seenMs: row.seen_us / 1000,
      }));
    },
    async put(user) {
      const changing = changingOf(user);
      await db
        .insertInto('user')
        .values({ id: user.id, created_us: Math.round(user.createdMs * 1000), ...changing })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
        .execute();
    },
    async change(user, before) {
      const old = Object.entries(changingOf(before));
      const now: Record<string, unknown> = changingOf(user);
      const set = Object.fromEntries(old.flatMap(([name, value]) => (now[name] === value ? [] : [[name, now[name]]])));
      const { id } = user;
      const { numUpdatedRows } = await db
        .updateTable('user')
        .set({ ...set, id })
        .where('id', '=', id)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    remove: async (id) => void (await db.deleteFrom('user').where('id', '=', id).execute()),
  };
}

/** The columns of a user that may change. */
function changingOf(user: User): Omit<Selectable<UserTable>, 'id' | 'created_us'> {
  return {
    name: user.name,
    name_key: user.nameKey ?? null,
    role: user.role,
    state: user.state,
    password: user.password ?? null,
    email: user.email ?? null,
    email_verified: user.emailVerified ? 1 : 0,
    seen_us: Math.round(user.seenMs * 1000),
  };
}

/** Id of the user with a name; undefined if it is free. @param nameKey as `User.nameKey` */
export async function userIdOfName(db: Kysely<Tables>, nameKey: string): Promise<string | undefined> {
  const row = await db.selectFrom('user').select('id').where('name_key', '=', nameKey).executeTakeFirst();
  return row?.id;
}

/**
 * Adds to the uses that are left of an invitation, unless fewer than none would be left. Returns whether it
 * did.
 */
export async function takeInvitation(db: Kysely<Tables>, id: string, uses: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('invitation')
    .set((eb) => ({ uses_left: eb('uses_left', '+', uses) }))
    .where('id', '=', id)
    .where('uses_left', '>=', -uses)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** The invitations. Only the number of uses that are left changes. */
export function invitationRows(db: Kysely<Tables>): Rows<Invitation> {
  return {
    async all(keys) {
      const query = db.selectFrom('invitation').selectAll();
      const rows = await (keys ? query.where('id', 'in', keys) : query).execute();
      return rows.map(({ id, digest, label, role, uses_left, created_by, created_us, expires_us }) => ({
        id,
        digest,
        label,
        role: role as Invitation['role'],
        usesLeft: uses_left,
        createdBy: created_by,
        createdMs: created_us / 1000,
        expiresMs: expires_us === null ? undefined : expires_us / 1000,
      }));
    },
    async put({ id, digest, label, role, usesLeft, createdBy, createdMs, expiresMs }) {
      const expires_us = expiresMs === undefined ? null : Math.round(expiresMs * 1000);
      const times = { created_by: createdBy, created_us: Math.round(createdMs * 1000), expires_us };
      await db
        .insertInto('invitation')
        .values({ id, digest, label, role, uses_left: usesLeft, ...times })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ uses_left: usesLeft }))
        .execute();
    },
    remove: async (id) => void (await db.deleteFrom('invitation').where('id', '=', id).execute()),
  };
}
