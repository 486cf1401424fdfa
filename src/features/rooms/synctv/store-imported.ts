/**
 * Stores data converted from SyncTV, in one transaction. Rows that are there already stay as they are.
 * In: rows of oxbow's tables. Out: the store, and the counts of new rows.
 */
import type { Insertable, Kysely, Transaction } from 'kysely';
import type { Tables } from '../../../store/schema.ts';
import type { UserTable } from '../../../store/tables/account-tables.ts';
import type { Converted } from './convert.ts';

/** New rows. */
interface Imported {
  readonly users: number;
  readonly rooms: number;
  readonly members: number;
  readonly items: number;
  /** Users whose name was taken. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

/** Stores everything, or nothing. */
export function storeImported(db: Kysely<Tables>, converted: Converted): Promise<Imported> {
  return db.transaction().execute(async (transaction) => {
    const storedIds = new Set((await transaction.selectFrom('user').select('id').execute()).map(({ id }) => id));
    const { users, renamed } = await withFreeNames(
      transaction,
      converted.users.filter(({ id }) => !storedIds.has(id)),
    );
    const newRooms = await newOf(transaction, converted.rooms);
    const isNew = ({ room_id }: { readonly room_id: string }) => newRooms.has(room_id);
    const rooms = converted.rooms.filter(({ id }) => newRooms.has(id));
    const newNames = new Map(users.map(({ id, name }) => [id, name]));
    const members = converted.members
      .filter(isNew)
      .map((member) => ({ ...member, name: newNames.get(member.user_id) ?? member.name }));
    const items = converted.items.filter(isNew);
    for (const row of users) await transaction.insertInto('user').values(row).execute();
    for (const row of converted.identities) {
      await transaction
        .insertInto('user_identity')
        .values(row)
        .onConflict((on) => on.doNothing())
        .execute();
    }
    for (const row of rooms) await transaction.insertInto('room').values(row).execute();
    for (const row of members) await transaction.insertInto('room_member').values(row).execute();
    for (const row of items) await transaction.insertInto('room_item').values(row).execute();
    return { users: users.length, rooms: rooms.length, members: members.length, items: items.length, renamed };
  });
}

async function newOf(transaction: Transaction<Tables>, rooms: Converted['rooms']): Promise<ReadonlySet<string>> {
  const storedIds = new Set((await transaction.selectFrom('room').select('id').execute()).map(({ id }) => id));
  return new Set(rooms.map(({ id }) => id).filter((id) => !storedIds.has(id)));
}

/** Names and verified e-mail addresses are unique: a taken name gets a number, a taken address is dropped. */
async function withFreeNames(transaction: Transaction<Tables>, users: readonly Insertable<UserTable>[]) {
  const rows = await transaction.selectFrom('user').select(['name_key', 'email', 'email_verified']).execute();
  const keys = new Set(rows.map(({ name_key }) => name_key));
  const emails = new Set(rows.flatMap(({ email, email_verified }) => (email_verified === 1 ? [email] : [])));
  const renamed: { from: string; to: string }[] = [];
  const free = users.map((user) => {
    let suffix = '';
    for (let i = 2; keys.has(`${user.name_key}${suffix}`); i++) suffix = `-${i}`;
    keys.add(`${user.name_key}${suffix}`);
    if (suffix !== '') renamed.push({ from: user.name, to: `${user.name}${suffix}` });
    const isFree = !emails.has(user.email ?? null);
    return {
      ...user,
      name: `${user.name}${suffix}`,
      name_key: `${user.name_key}${suffix}`,
      ...(!isFree && { email: null, email_verified: 0 }),
    };
  });
  return { users: free, renamed };
}
