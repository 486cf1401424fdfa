/**
 * Clips: stretches of a recording with an address and a visibility. Retention keeps their media
 * while they exist. They are only in the database: backed up, not rebuilt (docs/media.md 22). In: clips of
 * users. Out: clips and the windows that they keep, synchronously from memory.
 */
import type { Kysely, Selectable } from 'kysely';
import { createSecret } from '../../accounts/random-secret.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type PinnedRange, windowsOver } from '../../recording/pinned-windows.ts';
import { type RowChanges, writeShared } from '../../store/row-changes.ts';
import type { Tables } from '../../store/schema.ts';
import type { ClipTable as ClipRow } from './tables.ts';

/** Most clips of one stream, lost ones included. */
export const MAX_CLIPS = 1000;
/** Random bytes of an id: its 71 bits cannot be guessed. */
const ID_BYTES = 9;

/** A clip, µs since 1970. */
export interface Clip extends PinnedRange {
  readonly id: string;
  readonly streamId: string;
  /** May be empty. */
  readonly title: string;
  readonly visibility: 'public' | 'unlisted' | 'signed' | 'private';
  /** Owner, as in `Principal.owner`. */
  readonly owner: string;
  readonly createdUs: number;
  /** When its media was deleted because the disk was full. */
  readonly lostUs: number | undefined;
}

/** The fields of a clip that may change. */
type ClipChange = Partial<Pick<Clip, 'title' | 'visibility'>>;

/**
 * The clips of all streams, cached in memory. In a cluster the owner of a stream writes them, and every node
 * is notified.
 */
export class ClipTable {
  readonly #db: Kysely<Tables>;
  readonly #changes: RowChanges | undefined;
  readonly #clips = new Map<string, Clip>();
  readonly #ranges = new Map<string, readonly PinnedRange[]>();

  private constructor(db: Kysely<Tables>, changes: RowChanges | undefined) {
    this.#db = db;
    this.#changes = changes;
  }

  /** Reads all clips. @param changes in a cluster */
  static async open(db: Kysely<Tables>, changes?: RowChanges): Promise<ClipTable> {
    const table = new ClipTable(db, changes);
    changes?.follow('clip', (streams) => table.#read(streams));
    await table.reload();
    return table;
  }

  /** Reads the clips of some streams again; of all if none are given. */
  async reload(streams?: readonly string[]): Promise<void> {
    (await this.#read(streams))();
  }

  async #read(streams?: readonly string[]): Promise<() => void> {
    const query = this.#db.selectFrom('clip').selectAll().orderBy('created_us').orderBy('id');
    const rows = await (streams ? query.where('stream_id', 'in', streams) : query).execute();
    return () => {
      const clips = streams ? streams.flatMap((streamId) => this.#of(streamId)) : [...this.#clips.values()];
      for (const clip of clips) this.#drop(clip);
      for (const row of rows) this.#set(clipOf(row));
    };
  }

  /** A clip by its id, a lost one too. */
  find(id: string): Clip | undefined {
    return this.#clips.get(id);
  }

  /** Name of the stream of a clip as the database has it now; undefined if there is none with that id. */
  async streamOf(id: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('clip')
      .innerJoin('stream', 'stream.id', 'clip.stream_id')
      .select('stream.name')
      .where('clip.id', '=', id)
      .executeTakeFirst();
    return row?.name;
  }

  /** All clips that have their media, newest first. */
  get newestFirst(): readonly Clip[] {
    const kept = [...this.#clips.values()].filter(({ lostUs }) => lostUs === undefined);
    return kept.sort((a, b) => b.createdUs - a.createdUs || (a.id < b.id ? 1 : -1));
  }

  /**
   * The windows that the clips of a stream keep: whole, in order, disjoint. The same array until a clip of
   * the stream changes.
   */
  ranges(streamId: string): readonly PinnedRange[] {
    let ranges = this.#ranges.get(streamId);
    if (!ranges) {
      ranges = windowsOver(this.#of(streamId).filter(({ lostUs }) => lostUs === undefined));
      this.#ranges.set(streamId, ranges);
    }
    return ranges;
  }

  /**
   * Adds a clip. It keeps its media at once. If the stream has too many, its oldest lost clip makes room.
   *
   * @throws OxbowError `limit-reached`
   */
  async add(fields: Omit<Clip, 'id' | 'lostUs'>): Promise<Clip> {
    const { streamId } = fields;
    const clips = this.#of(streamId);
    if (clips.length >= MAX_CLIPS) {
      const lost = clips.find(({ lostUs }) => lostUs !== undefined);
      if (!lost) throw new OxbowError('limit-reached', `This stream has ${MAX_CLIPS} clips already.`);
      await this.remove(lost.id);
    }
    const clip: Clip = { ...fields, id: createSecret(ID_BYTES), lostUs: undefined };
    this.#set(clip);
    try {
      await this.#write(streamId, (db) => db.insertInto('clip').values(rowOf(clip)).execute());
    } catch (error) {
      this.#drop(clip);
      throw error;
    }
    return clip;
  }

  /** Changes a clip; undefined if there is none with that id. */
  async change(id: string, change: ClipChange): Promise<Clip | undefined> {
    const clip = this.#clips.get(id);
    if (!clip) return undefined;
    const changed = { ...clip, ...change };
    const { title, visibility } = changed;
    await this.#write(clip.streamId, (db) =>
      db.updateTable('clip').set({ title, visibility }).where('id', '=', id).execute(),
    );
    const current = this.#clips.get(id); // it may have been removed or lost meanwhile
    if (!current) return undefined;
    const now = { ...current, ...change };
    this.#clips.set(id, now);
    return now;
  }

  /** Deletes a clip; false if there is none with that id. */
  async remove(id: string): Promise<boolean> {
    const clip = this.#clips.get(id);
    if (!clip) return false;
    await this.#write(clip.streamId, (db) => db.deleteFrom('clip').where('id', '=', id).execute());
    this.#drop(clip);
    return true;
  }

  /** The clips that overlap a range keep their media no more; returns them. µs since 1970. */
  async lose(streamId: string, { fromUs, toUs }: PinnedRange, atUs: number): Promise<readonly Clip[]> {
    const lost = this.#of(streamId).filter(
      (clip) => clip.lostUs === undefined && clip.fromUs < toUs && clip.toUs > fromUs,
    );
    const ids = lost.map(({ id }) => id);
    if (ids.length > 0) {
      await this.#write(streamId, (db) =>
        db.updateTable('clip').set({ lost_us: atUs }).where('id', 'in', ids).execute(),
      );
    }
    for (const clip of lost) this.#set({ ...(this.#clips.get(clip.id) ?? clip), lostUs: atUs });
    return lost;
  }

  /** Deletes all clips of a stream; returns those that had their media. */
  async forget(streamId: string): Promise<readonly Clip[]> {
    const clips = this.#of(streamId);
    await this.#write(streamId, (db) => db.deleteFrom('clip').where('stream_id', '=', streamId).execute());
    for (const clip of clips) this.#drop(clip);
    return clips.filter(({ lostUs }) => lostUs === undefined);
  }

  #write(streamId: string, write: (db: Kysely<Tables>) => Promise<unknown>): Promise<unknown> {
    return writeShared({ db: this.#db, changes: this.#changes }, ['clip', streamId], write);
  }

  #of(streamId: string): readonly Clip[] {
    return [...this.#clips.values()].filter((clip) => clip.streamId === streamId);
  }

  #set(clip: Clip): void {
    this.#clips.set(clip.id, clip);
    this.#ranges.delete(clip.streamId);
  }

  #drop(clip: Clip): void {
    this.#clips.delete(clip.id);
    this.#ranges.delete(clip.streamId);
  }
}

function clipOf(row: Selectable<ClipRow>): Clip {
  return {
    id: row.id,
    streamId: row.stream_id,
    fromUs: row.from_us,
    toUs: row.to_us,
    title: row.title,
    visibility: row.visibility as Clip['visibility'],
    owner: row.owner,
    createdUs: row.created_us,
    lostUs: row.lost_us ?? undefined,
  };
}

function rowOf(clip: Clip): Selectable<ClipRow> {
  return {
    id: clip.id,
    stream_id: clip.streamId,
    from_us: clip.fromUs,
    to_us: clip.toUs,
    title: clip.title,
    visibility: clip.visibility,
    owner: clip.owner,
    created_us: clip.createdUs,
    lost_us: clip.lostUs ?? null,
  };
}
