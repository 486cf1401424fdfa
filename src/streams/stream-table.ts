/**
 * The rows of streams in the store.
 * In: definitions. Out: definitions, at the start. A lost database is restored from the identity files of the
 * recordings.
 */

import type { Kysely, Selectable } from 'kysely';
import { NO_ONE } from '../accounts/watch-rules/watch-rules.ts';
import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import { CLOSED_PAST, type PastRules } from '../api/past/past-rules.ts';
import { NO_TEXTS } from '../api/stream/stream-texts.ts';
import { recordingPrefix } from '../archive/recording-locations.ts';
import type { SegmentStore } from '../archive/segment-store.ts';
import type { SourceConfig, StreamEncryption } from '../config/schema.ts';
import type { Log } from '../observe/log.ts';
import { readIdentities } from '../recording/stream-identity.ts';
import type { Store } from '../store/db.ts';
import { holdLease, indexTaken } from '../store/lease-table.ts';
import type { StreamTable, Tables } from '../store/schema.ts';
import { openStreamColumns, streamColumns } from '../store/sealed/sealed-columns.ts';
import { sealOf, type TextSeal } from '../store/sealed/text-seal.ts';
import { changeRows } from '../store/shards/stream-rows.ts';
import { eraseViewing } from '../store/tables/viewing-rows.ts';
import { type QualitySettings, qualitySettingsOf, type StreamDefinition } from './definition.ts';
import type { StreamDeps } from './stream-deps.ts';

/** Where a damaged row is reported: the start of a server does it once. */
type RowLog = Pick<Log, 'error'>;

/** All streams that are not removed. What is damaged in a row is reported, and has its default. */
export async function readDefinitions(db: Kysely<Tables>, log?: RowLog): Promise<StreamDefinition[]> {
  const rows = await db.selectFrom('stream').selectAll().where('deleted_us', 'is', null).execute();
  return rows.map((row) => definitionOf(row, sealOf(db), log));
}

/** The stream of a name, a removed one too. */
export async function readDefinition(
  db: Kysely<Tables>,
  name: string,
): Promise<{ readonly definition: StreamDefinition | undefined; readonly isRemoved: boolean }> {
  const row = await db.selectFrom('stream').selectAll().where('name', '=', name).executeTakeFirst();
  return { definition: row && definitionOf(row, sealOf(db)), isRemoved: row?.deleted_us != null };
}

/** The id of a stream by its name; undefined if there is none. */
export async function readStreamId(db: Kysely<Tables>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('stream').select('id').where('name', '=', name).executeTakeFirst();
  return row?.id;
}

/** The object store of each of some streams, by id; undefined: as in the settings. */
export async function readStorage(
  db: Kysely<Tables>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string | undefined>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('stream').select(['id', 'storage']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, storage }) => [id, storage ?? undefined]));
}

/** The names of all streams, removed ones too, by their ids. */
export async function readNames(db: Kysely<Tables>): Promise<ReadonlyMap<string, string>> {
  const rows = await db.selectFrom('stream').select(['id', 'name']).execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** The name of a stream by its id; undefined if there is none. */
export async function readStreamName(db: Kysely<Tables>, id: string): Promise<string | undefined> {
  const row = await db.selectFrom('stream').select('name').where('id', '=', id).executeTakeFirst();
  return row?.name;
}

/**
 * One damaged row must not keep all streams from starting. Without its source, a stream of the API is stopped
 * until it is set again; so is one whose source another key has sealed.
 */
function definitionOf(stored: Selectable<StreamTable>, seal: TextSeal | undefined, log?: RowLog): StreamDefinition {
  const { locked, ...opened } = openStreamColumns(stored, seal);
  const row = { ...stored, ...opened };
  const wasStopped = row.stopped === 1;
  const isLocked = locked?.source !== undefined;
  const read = <T>(column: 'source' | 'qualities' | 'watch_rules' | 'past_rules' | 'heal_from'): T | undefined => {
    try {
      return (JSON.parse(row[column] ?? 'null') as T | null) ?? undefined;
    } catch (error) {
      log?.error(
        { stream: row.name, column, err: error },
        'the settings of a stream in the database are damaged: set them again',
      );
      return undefined;
    }
  };
  const source = read<SourceConfig>('source');
  return {
    id: row.id,
    name: row.name,
    source: source ?? { type: 'test' },
    origin: row.origin as StreamDefinition['origin'],
    title: row.title,
    description: row.description,
    record: row.record === 1,
    keepMs: row.keep_ms ?? undefined,
    visibility: row.visibility as StreamDefinition['visibility'],
    visibilityIsSet: row.visibility_set === 1,
    createdUs: row.created_us,
    stopped: wasStopped || isLocked || (source === undefined && row.origin === 'api'),
    paused: row.paused === 1,
    ...(locked && { locked: { ...locked, wasStopped } }),
    ...read<QualitySettings>('qualities'),
    ...(row.storage !== null && { storage: row.storage }),
    ...(row.alarms !== null && { alarms: row.alarms }),
    ...(row.encryption !== null && { encryption: row.encryption as StreamEncryption }),
    ...(row.show_rewound === 1 && { showRewound: true }),
    ...(row.peer_delivery === 1 && { peerDelivery: true }),
    ...(row.heal_from !== null && { healFrom: read<readonly string[]>('heal_from') ?? [] }),
    ...(row.watch_rules !== null && { watchRules: read<WatchRuleLists>('watch_rules') ?? NO_ONE }),
    ...(row.past_rules !== null && { past: read<PastRules>('past_rules') ?? CLOSED_PAST }),
    ...(row.start_mark_ms !== null && { startMarkMs: row.start_mark_ms }),
  };
}

/** Where rows of streams are written. With a fence only while it holds its lease. */
type WrittenStore = Pick<Store, 'db'> & Partial<Pick<Store, 'fence'>>;

/** Writes a stream's row. @throws OxbowError `data-in-use` if another process has taken what this one ran */
export async function writeDefinition(store: WrittenStore, definition: StreamDefinition): Promise<void> {
  const { locked } = definition;
  const { source, heal_from, sealed } = streamColumns(definition, sealOf(store.db));
  const values = {
    name: definition.name,
    source,
    heal_from,
    sealed,
    origin: definition.origin,
    title: definition.title,
    description: definition.description,
    record: definition.record ? 1 : 0,
    keep_ms: definition.keepMs ?? null,
    visibility: definition.visibility,
    visibility_set: definition.visibilityIsSet ? 1 : 0,
    stopped: (locked?.source === undefined ? definition.stopped : locked.wasStopped) ? 1 : 0,
    paused: definition.paused ? 1 : 0,
    qualities: JSON.stringify(qualitySettingsOf(definition)),
    storage: definition.storage ?? null,
    alarms: definition.alarms ?? null,
    show_rewound: definition.showRewound ? 1 : 0,
    peer_delivery: definition.peerDelivery ? 1 : 0,
    watch_rules: definition.watchRules === undefined ? null : JSON.stringify(definition.watchRules),
    past_rules: definition.past === undefined ? null : JSON.stringify(definition.past),
    start_mark_ms: definition.startMarkMs ?? null,
    encryption: definition.encryption ?? null,
    deleted_us: null,
  };
  await whileHeld(store, (db) =>
    db
      .insertInto('stream')
      .values({ id: definition.id, created_us: definition.createdUs, ...values })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
      .execute(),
  );
}

async function whileHeld({ db, fence }: WrittenStore, write: (db: Kysely<Tables>) => Promise<unknown>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    if (fence && !(await holdLease(transaction, fence))) throw indexTaken();
    await write(transaction);
  });
}

/** Removed streams whose recordings are kept until retention deletes them. */
export async function readRemoved(db: Kysely<Tables>, log?: RowLog): Promise<StreamDefinition[]> {
  const rows = await db.selectFrom('stream').selectAll().where('deleted_us', 'is not', null).execute();
  return rows.map((row) => definitionOf(row, sealOf(db), log));
}

/**
 * Marks a stream as removed; a new stream of the same name gets its recording.
 * @throws OxbowError as `writeDefinition`
 */
export async function hideStream(store: WrittenStore, streamId: string, atUs: number): Promise<void> {
  await whileHeld(store, (db) =>
    db.updateTable('stream').set({ deleted_us: atUs, stopped: 1 }).where('id', '=', streamId).execute(),
  );
}

/**
 * Deletes a stream and its files; when this resolves, no reader has a file open and the disk space is free.
 */
export async function eraseStream(deps: StreamDeps, streamId: string): Promise<void> {
  const { db } = deps.store;
  await deps.recordings.table.clear(streamId);
  await changeRows(deps.store.rows, streamId, async (rows) => {
    for (const table of ['init', 'stream_caption', 'gap_healing'] as const)
      await rows.deleteFrom(table).where('stream_id', '=', streamId).execute();
  });
  for (const table of [
    'stream_on_air',
    'relay',
    'mixer',
    'alarm',
    'alarm_mute',
    'journal',
    'channel',
    'channel_item',
    'camera',
    'camera_event',
    'push_follow',
  ] as const) {
    await db.deleteFrom(table).where('stream_id', '=', streamId).execute();
  }
  await eraseViewing(db, { kind: 'stream', id: streamId });
  await deps.recordings.stats.clear(streamId);
  deps.recordings.horizons.forget(streamId);
  await deps.recordings.pins.forget(streamId);
  await deps.recordings.markers.forget(streamId);
  await deps.recordings.pictures.remove(streamId);
  await db.deleteFrom('stream').where('id', '=', streamId).execute();
  const prefix = recordingPrefix(streamId);
  deps.recordings.release(prefix);
  await deps.recordings.segments.delete(prefix);
  deps.recordings.storyboards.forget(streamId);
  // Again, because a reader may have opened a file between the release and the deletion.
  deps.recordings.release(prefix);
  await deps.store.rows.forget(streamId);
}

/**
 * Adds a row for every recording whose stream is not in the database.
 *
 * @param options.onlyIfEmpty does nothing if the database has any stream
 * @returns the number of added streams
 */
export async function adoptRecordings(
  store: WrittenStore,
  segments: SegmentStore,
  { onlyIfEmpty }: { onlyIfEmpty: boolean },
): Promise<number> {
  const rows = await store.db.selectFrom('stream').select(['id', 'name']).execute();
  if (onlyIfEmpty && rows.length > 0) return 0;
  const ids = new Set(rows.map((row) => row.id));
  const names = new Set(rows.map((row) => row.name));
  let added = 0;
  for (const { id, name, createdUs } of await readIdentities(segments)) {
    if (ids.has(id)) continue;
    let free = name;
    for (let n = 2; names.has(free); n++) free = `${name.slice(0, 60)}-${n}`;
    names.add(free);
    await writeDefinition(store, {
      id,
      name: free,
      source: { type: 'test' },
      origin: 'api',
      ...NO_TEXTS,
      record: true,
      keepMs: undefined,
      visibility: 'private',
      visibilityIsSet: false,
      createdUs,
      stopped: true,
      paused: false,
    });
    added++;
  }
  return added;
}
