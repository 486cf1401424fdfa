/**
 * Channels in the metadata store, and in memory: what is played is decided without the database.
 * In: schedules that the API has checked. Out: the same; each change raises the revision of its channel, in
 * one transaction. In a cluster every node is notified.
 */
import type { Kysely, Selectable } from 'kysely';
import { createSecret } from '../../accounts/random-secret.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import { type RowChanges, writeShared } from '../../store/row-changes.ts';
import type { Tables } from '../../store/schema.ts';
import type { Interruption } from './plan/plan.ts';
import type { ChannelItem, ItemKind } from './plan/schedule.ts';
import type { ChannelItemTable, ChannelTable as ChannelRow } from './tables.ts';

/** Random bytes of an id: its 71 bits cannot be guessed. */
const ID_BYTES = 9;
/** A change is tried again this often when another one came between. */
const TRIES = 20;

/** A channel with its schedule. */
export interface Channel {
  readonly streamId: string;
  /** IANA name of the zone of its times. */
  readonly zone: string;
  /** Ids of the streams whose past fills empty hours; empty: those of its items. */
  readonly fillFrom: readonly string[];
  readonly interruption: Interruption | undefined;
  /** Id of the room that it follows; undefined: none. */
  readonly room: string | undefined;
  /** 0: it was never changed. */
  readonly revision: number;
  /** In order of their start. */
  readonly items: readonly ChannelItem[];
}

/** A change of a channel: the settings that differ, and the items. */
export interface ChannelChange {
  readonly zone?: string;
  readonly fillFrom?: readonly string[];
  /** null: there is none any more. */
  readonly interruption?: Interruption | null;
  /** null: it follows none any more. */
  readonly room?: string | null;
  readonly added?: Omit<ChannelItem, 'id'>;
  readonly changed?: ChannelItem;
  /** Id of an item. */
  readonly removed?: string;
}

/** The channels of all streams. */
export class ChannelTable {
  readonly #db: Kysely<Tables>;
  readonly #changes: RowChanges | undefined;
  readonly #channels = new Map<string, Channel>();
  readonly #changed = new Emitter<string>();

  private constructor(db: Kysely<Tables>, changes: RowChanges | undefined) {
    this.#db = db;
    this.#changes = changes;
  }

  /** Reads all channels. @param changes in a cluster */
  static async open(db: Kysely<Tables>, changes?: RowChanges): Promise<ChannelTable> {
    const table = new ChannelTable(db, changes);
    changes?.follow('channel', (streams) => table.#read(streams));
    (await table.#read())();
    return table;
  }

  /** Emits the id of a stream whose channel has changed, on any node. */
  get changed(): Subscribable<string> {
    return this.#changed;
  }

  /** The channel of a stream; without a row one without items, in UTC. */
  of(streamId: string): Channel {
    const settings = { zone: 'UTC', fillFrom: [], interruption: undefined, room: undefined };
    return this.#channels.get(streamId) ?? { streamId, ...settings, revision: 0, items: [] };
  }

  /**
   * Changes a channel.
   *
   * @param decide returns the change of the channel as it is now; what it throws is thrown, and nothing is
   *   written
   */
  async change(streamId: string, decide: (now: Channel) => ChannelChange): Promise<Channel> {
    for (let tries = 1; ; tries++) {
      const written = await writeShared({ db: this.#db, changes: this.#changes }, ['channel', streamId], (db) =>
        this.#write(db, streamId, decide),
      );
      if (written) {
        this.#set(written);
        return written;
      }
      if (tries === TRIES) throw new OxbowError('not-ready', 'The channel is changed by others. Try again.');
    }
  }

  /** Returns undefined where another node was faster. */
  async #write(
    db: Kysely<Tables>,
    streamId: string,
    decide: (now: Channel) => ChannelChange,
  ): Promise<Channel | undefined> {
    return inTransaction(db, async (transaction) => {
      const now = (await readChannels(transaction, [streamId]))[0] ?? this.of(streamId);
      const change = decide(now);
      const channel: Channel = {
        streamId,
        zone: change.zone ?? now.zone,
        fillFrom: change.fillFrom ?? now.fillFrom,
        interruption: change.interruption === undefined ? now.interruption : (change.interruption ?? undefined),
        room: change.room === undefined ? now.room : (change.room ?? undefined),
        revision: now.revision + 1,
        items: now.items,
      };
      // The revision first: where another node was faster, no item is written.
      if (!(await writeRow(transaction, channel, now.revision))) return undefined;
      return { ...channel, items: await writeItems(transaction, now, change) };
    });
  }

  async #read(streams?: readonly string[]): Promise<() => void> {
    const channels = await readChannels(this.#db, streams);
    return () => {
      const gone = new Set(streams ?? this.#channels.keys());
      for (const channel of channels) {
        gone.delete(channel.streamId);
        this.#set(channel);
      }
      for (const id of gone) if (this.#channels.delete(id)) this.#changed.emit(id);
    };
  }

  #set(channel: Channel): void {
    this.#channels.set(channel.streamId, channel);
    this.#changed.emit(channel.streamId);
  }
}

/** In a cluster the write is inside a transaction already. */
function inTransaction<T>(db: Kysely<Tables>, work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}

async function readChannels(db: Kysely<Tables>, streams?: readonly string[]): Promise<Channel[]> {
  const channels = db.selectFrom('channel').selectAll();
  const items = db.selectFrom('channel_item').selectAll().orderBy('start_ms').orderBy('id');
  const [rows, itemRows] = [
    await (streams ? channels.where('stream_id', 'in', streams) : channels).execute(),
    await (streams ? items.where('stream_id', 'in', streams) : items).execute(),
  ];
  const byStream = Map.groupBy(itemRows, ({ stream_id }) => stream_id);
  return rows.map((row) => channelOf(row, (byStream.get(row.stream_id) ?? []).map(itemOf)));
}

/** Writes the row of a channel; false: it has another revision than `before` by now. */
async function writeRow(db: Kysely<Tables>, channel: Channel, before: number): Promise<boolean> {
  const { stream_id, ...fields } = rowOf(channel);
  if (before === 0) {
    const { numInsertedOrUpdatedRows } = await db
      .insertInto('channel')
      .values({ stream_id, ...fields })
      .onConflict((conflict) => conflict.column('stream_id').doNothing())
      .executeTakeFirst();
    return numInsertedOrUpdatedRows !== 0n;
  }
  const { numUpdatedRows } = await db
    .updateTable('channel')
    .set(fields)
    .where('stream_id', '=', stream_id)
    .where('revision', '=', before)
    .executeTakeFirst();
  return numUpdatedRows !== 0n;
}

async function writeItems(
  db: Kysely<Tables>,
  { streamId, items }: Channel,
  { added, changed, removed }: ChannelChange,
): Promise<readonly ChannelItem[]> {
  let list = [...items];
  if (removed !== undefined) {
    await db.deleteFrom('channel_item').where('id', '=', removed).where('stream_id', '=', streamId).execute();
    list = list.filter(({ id }) => id !== removed);
  }
  if (changed) {
    const { id, stream_id: _, ...fields } = itemRowOf(streamId, changed);
    await db.updateTable('channel_item').set(fields).where('id', '=', id).execute();
    list = list.map((item) => (item.id === id ? changed : item));
  }
  if (added) {
    const item = { ...added, id: createSecret(ID_BYTES) };
    await db.insertInto('channel_item').values(itemRowOf(streamId, item)).execute();
    list.push(item);
  }
  return list.sort((a, b) => a.startMs - b.startMs);
}

function channelOf(row: Selectable<ChannelRow>, items: readonly ChannelItem[]): Channel {
  const { live_stream_id: live, live_until_us: until } = row;
  return {
    streamId: row.stream_id,
    zone: row.zone,
    fillFrom: JSON.parse(row.fill_from) as readonly string[],
    interruption: live === null || until === null ? undefined : { streamId: live, untilMs: until / 1000 },
    room: row.room_id ?? undefined,
    revision: row.revision,
    items,
  };
}

function rowOf(channel: Omit<Channel, 'items'>): Selectable<ChannelRow> {
  const { streamId, zone, fillFrom, interruption, room, revision } = channel;
  return {
    stream_id: streamId,
    zone,
    fill_from: JSON.stringify(fillFrom),
    live_stream_id: interruption?.streamId ?? null,
    live_until_us: interruption ? Math.round(interruption.untilMs * 1000) : null,
    room_id: room ?? null,
    revision,
  };
}

function itemOf(row: Selectable<ChannelItemTable>): ChannelItem {
  return {
    id: row.id,
    kind: row.kind as ItemKind,
    ref: row.ref,
    title: row.title,
    startMs: row.start_ms,
    durationMs: row.duration_ms,
    weekly: row.weekly === 1,
    mediaMs: row.media_ms,
  };
}

function itemRowOf(streamId: string, item: ChannelItem): Selectable<ChannelItemTable> {
  return {
    id: item.id,
    stream_id: streamId,
    kind: item.kind,
    ref: item.ref,
    title: item.title,
    start_ms: item.startMs,
    duration_ms: item.durationMs,
    weekly: item.weekly ? 1 : 0,
    media_ms: item.mediaMs,
  };
}
