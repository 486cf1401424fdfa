/**
 * The rows of relays that were added over the API. Their addresses have secrets, are sealed in the rows, and
 * never leave this module but to connect.
 * In: relays of streams. Out: rows of the store.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import { openRelayColumns, relayColumns } from '../../store/sealed/sealed-columns.ts';
import { sealOf } from '../../store/sealed/text-seal.ts';

export interface StoredRelay {
  readonly id: string;
  readonly streamId: string;
  readonly label: string;
  /** With secrets; undefined: another key sealed it. */
  readonly url: string | undefined;
  /** As it is stored: without secrets, if they are sealed. */
  readonly shown: string;
  readonly enabled: boolean;
  readonly createdMs: number;
}

/** All relays, oldest first. @param streams only those of these */
export async function readRelays(db: Kysely<Tables>, streams?: readonly string[]): Promise<StoredRelay[]> {
  const query = db.selectFrom('relay').selectAll().orderBy('created_us').orderBy('id');
  const rows = await (streams ? query.where('stream_id', 'in', streams) : query).execute();
  return rows.map((row) => ({
    id: row.id,
    streamId: row.stream_id,
    label: row.label,
    url: openRelayColumns(row, sealOf(db)),
    shown: row.url,
    enabled: row.enabled === 1,
    createdMs: row.created_us / 1000,
  }));
}

/** Writes a relay: a new one, or the label and the state of one that is there, whose address stays. */
export async function writeRelay(db: Kysely<Tables>, relay: StoredRelay): Promise<void> {
  const values = { label: relay.label, enabled: relay.enabled ? 1 : 0 };
  const { id, streamId, url, shown, createdMs } = relay;
  const address = url === undefined ? { url: shown, sealed: null } : relayColumns(url, sealOf(db));
  await db
    .insertInto('relay')
    .values(Object.assign({ id, stream_id: streamId, created_us: Math.round(createdMs * 1000) }, address, values))
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
}

/** Which of some streams exist, running or not. */
export async function existingStreams(db: Kysely<Tables>, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('stream')
    .select('id')
    .where('id', 'in', ids)
    .where('deleted_us', 'is', null)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

export async function deleteRelay(db: Kysely<Tables>, id: string): Promise<void> {
  await db.deleteFrom('relay').where('id', '=', id).execute();
}
