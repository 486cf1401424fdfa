/**
 * The assets of the library: their records, states, quotas, trash and events.
 * In: uploads, workers, requests. Out: records; events `asset.*`; signals to uploads and processing.
 * docs/decisions/0030.
 */
import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import type { SegmentStore } from '../archive/segment-store.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import { OxbowError } from '../lib/errors.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { ReadQuery } from '../store/engine.ts';
import type { AssetChunkTable, Tables } from '../store/schema.ts';
import type { AssetFailure, AssetIntake, AssetVisibility, NewAsset } from './asset.ts';
import { type AssetFilesOptions, deleteLeftFiles, deleteRemovedFiles } from './asset-files.ts';
import { type AssetPage, type AssetQuery, listAssets } from './asset-list.ts';
import { AssetQuota, type QuotaSettings } from './asset-quota.ts';
import type { AssetRecord, AssetRecording } from './asset-record.ts';
import { type AssetChange, AssetTable, type NewAssetRow } from './asset-table.ts';
import { cleanDescription, cleanFilename, cleanTags, cleanTitle, titleOfFile } from './asset-texts.ts';

/** The options of the library. */
export interface AssetsOptions extends Omit<AssetFilesOptions, 'table'> {
  readonly db: Kysely<Tables>;
  /** Reads rows that may be some seconds old. */
  readonly read?: (<T>(query: ReadQuery<T>) => Promise<T>) | undefined;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  readonly settings: QuotaSettings & Current<{ readonly library: { readonly trash: number } }>;
}

/** The changes of a user to an asset. */
interface AssetTexts {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly visibility?: AssetVisibility | undefined;
  /** µs from the start of the asset; null: its middle. */
  readonly posterUs?: number | null | undefined;
}

/** What processing reports of an asset. */
interface AssetMedia {
  /** Of the original, by its content. */
  readonly contentType?: string;
  readonly durationUs?: number;
  /** JSON for the API and for analytics. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** A new asset whose media is in a recording. */
interface NewRecordedAsset extends Omit<NewAsset, 'filename' | 'length'> {
  /** Chosen before, because the pin names it. */
  readonly id: string;
  readonly recording: AssetRecording;
  readonly durationUs: number;
  readonly facts: Readonly<Record<string, unknown>>;
  /** One for each codec configuration: `source`, `source-2`… */
  readonly renditions: readonly { readonly id: string; readonly init: Uint8Array }[];
  readonly chunks: readonly Omit<Selectable<AssetChunkTable>, 'asset_id' | 'fence'>[];
}

/** Refuses a change, by the version of the asset. */
type CheckVersion = (changedUs: number) => void;

/** Tries of a change while others change the same asset. */
const MAX_TRIES = 10;

export class Assets implements AssetIntake {
  readonly #options: AssetsOptions;
  readonly #table: AssetTable;
  readonly #quota: AssetQuota;
  readonly #completed = new Emitter<AssetRecord>();
  readonly #removed = new Emitter<AssetRecord>();
  readonly #changed = new Emitter<string>();

  private constructor(options: AssetsOptions) {
    this.#options = options;
    this.#table = new AssetTable(options.db);
    this.#quota = new AssetQuota(options.settings);
  }

  /** Reads how many bytes each owner has. */
  static async open(options: AssetsOptions): Promise<Assets> {
    const assets = new Assets(options);
    for (const { owner, bytes } of await assets.#table.bytes()) assets.#quota.count(owner, bytes);
    return assets;
  }

  /** An id for a new asset; cannot be guessed. */
  static newId(): string {
    return randomBytes(10).toString('hex');
  }

  /** Emits an asset whose upload is complete: it is to be processed. */
  get completed(): Subscribable<AssetRecord> {
    return this.#completed;
  }

  /** Emits an asset that is gone for good: its upload and its jobs are to end. */
  get removed(): Subscribable<AssetRecord> {
    return this.#removed;
  }

  /** Emits the id of an asset after each change of its record or its media, and when it is gone. */
  get changed(): Subscribable<string> {
    return this.#changed;
  }

  /** Bytes of all originals. */
  get bytes(): number {
    return this.#quota.total;
  }

  async begin(asset: NewAsset): Promise<string> {
    const { owner, length } = asset;
    const filename = cleanFilename(asset.filename);
    const title = cleanTitle(asset.title ?? '') || titleOfFile(filename) || 'Untitled';
    this.#quota.reserve(owner, length ?? 0);
    try {
      const id = Assets.newId();
      const row = this.#newRow({ ...asset, id, title });
      const made = await this.#table.insert({ ...row, filename, bytes: length ?? null, state: 'uploading' });
      await this.#options.placement?.claim('asset', id);
      this.#publish('asset.created', made);
      return id;
    } catch (error) {
      this.#quota.count(owner, -(length ?? 0));
      throw error;
    }
  }

  /** Creates an asset of a recording, which is ready at once. */
  async addRecorded(asset: NewRecordedAsset): Promise<AssetRecord> {
    const { id, recording, durationUs, facts } = asset;
    // The media first: without its record it is invisible.
    await this.#table.addMedia(
      asset.renditions.map((rendition) => ({
        ...rendition,
        asset_id: id,
        state: 'done',
        progress: 1,
        failure: null,
        plan: '{}',
      })),
      asset.chunks.map((chunk) => ({ ...chunk, asset_id: id, fence: 0 })),
    );
    const row = this.#newRow({ ...asset, title: cleanTitle(asset.title ?? '') || recording.stream });
    const made = await this.#table.insert({
      ...row,
      origin: 'recording',
      state: 'ready',
      duration_us: durationUs,
      facts: JSON.stringify(facts),
      recording: JSON.stringify(recording),
      revision: 1,
    });
    await this.#options.placement?.claim('asset', id);
    this.#publish('asset.created', made);
    this.#publish('asset.ready', made);
    return made;
  }

  async grows(id: string, length: number): Promise<void> {
    const { owner, bytes } = await this.get(id);
    const more = length - (bytes ?? 0);
    this.#quota.reserve(owner, more);
    try {
      await this.#set(id, { bytes: length });
      this.#changed.emit(id);
    } catch (error) {
      this.#quota.count(owner, -more);
      throw error;
    }
  }

  async complete(id: string, { bytes, sha256 }: { readonly bytes: number; readonly sha256: string }): Promise<void> {
    const before = await this.get(id);
    // Reported again after a crash: it may be processed by now, or ready.
    if (before.state !== 'uploading') return;
    this.#quota.count(before.owner, bytes - (before.bytes ?? 0));
    const asset = await this.#set(id, { bytes, sha256, state: 'processing' });
    this.#publish('asset.changed', asset);
    this.#completed.emit(asset);
  }

  async fail(id: string, failure: AssetFailure): Promise<void> {
    const before = await this.#table.find(id);
    // It was deleted meanwhile, or is complete.
    if (before?.state !== 'uploading') return;
    this.#quota.count(before.owner, -(before.bytes ?? 0));
    await this.#failed(id, failure, { bytes: null });
    // Its client has the reason. Nothing of such a file can be repeated or repaired, so that it would be a
    // card to delete by hand.
    if (failure.code === 'unsupported-media') await this.#purge(await this.get(id));
  }

  /** Writes the facts of the original. */
  async describe(id: string, { contentType, durationUs, facts }: AssetMedia): Promise<void> {
    const change = {
      ...(contentType !== undefined && { content_type: contentType }),
      ...(durationUs !== undefined && { duration_us: Math.round(durationUs) }),
      ...(facts !== undefined && { facts: JSON.stringify(facts) }),
    };
    this.#publish('asset.changed', await this.#set(id, change));
  }

  /**
   * A rendition is complete, or its chunks have changed: playlists have a new revision. The first one makes
   * the asset ready.
   */
  async mediaChanged(id: string): Promise<void> {
    let isFirst = false;
    const asset = await this.#change(id, ({ revision, state }) => {
      isFirst = state !== 'ready';
      return { revision: revision + 1, state: 'ready', failure: null };
    });
    this.#publish(isFirst ? 'asset.ready' : 'asset.changed', asset);
  }

  /** Subtitles were added or removed: its playlists have changed. */
  async subtitlesChanged(id: string): Promise<AssetRecord> {
    const asset = await this.#change(id, ({ revision }) => ({ revision: revision + 1 }));
    this.#publish('asset.changed', asset);
    return asset;
  }

  /** Its processing failed: nothing of it can be played. The original is kept. */
  async processingFailed(id: string, failure: AssetFailure): Promise<void> {
    await this.#failed(id, failure, {});
  }

  async processAgain(id: string): Promise<void> {
    const asset = await this.#set(id, { state: 'processing', failure: null });
    this.#publish('asset.changed', asset);
    this.#completed.emit(asset);
  }

  /** The asset of that id; undefined if there is none. */
  find(id: string): Promise<AssetRecord | undefined> {
    return this.#table.find(id);
  }

  /**
   * The asset of that id.
   *
   * @throws OxbowError `asset-unknown`
   */
  async get(id: string): Promise<AssetRecord> {
    const asset = await this.find(id);
    if (!asset) throw unknownAsset(id);
    return asset;
  }

  /**
   * A page of assets. A search may miss what changed in the last seconds.
   *
   * @throws OxbowError `bad-request` for an invalid cursor
   */
  list(query: AssetQuery): Promise<AssetPage> {
    const { db, read } = this.#options;
    return read && query.query !== undefined ? read((replica) => listAssets(replica, query)) : listAssets(db, query);
  }

  /** Number of assets by state, for metrics. */
  counts(): Promise<Readonly<Record<string, number>>> {
    return this.#table.counts();
  }

  /**
   * Changes the texts and settings of an asset.
   *
   * @param check refuses a version that is not the expected one
   * @throws OxbowError `asset-unknown`
   */
  async update(id: string, texts: AssetTexts, check: CheckVersion = () => undefined): Promise<AssetRecord> {
    const { title, description, tags, visibility, posterUs } = texts;
    const asset = await this.#change(id, (before) => {
      check(before.changedUs);
      return {
        ...(title !== undefined && { title: cleanTitle(title) || titleOfFile(before.filename) || before.title }),
        ...(description !== undefined && { description: cleanDescription(description) }),
        ...(tags !== undefined && { tags: JSON.stringify(cleanTags(tags)) }),
        ...(visibility !== undefined && { visibility }),
        ...(posterUs !== undefined && { poster_us: posterUs }),
      };
    });
    this.#publish('asset.changed', asset);
    return asset;
  }

  /**
   * Moves an asset to the trash; one that is still uploading is deleted for good.
   *
   * @throws OxbowError `asset-unknown`
   */
  async trash(id: string, check: CheckVersion = () => undefined): Promise<void> {
    const before = await this.get(id);
    if (before.state === 'uploading') return this.purge(id, check);
    if (before.deletedMs !== null) return check(before.changedUs);
    const asset = await this.#change(id, ({ changedUs }) => {
      check(changedUs);
      return { deleted_us: this.#nowUs() };
    });
    this.#publish('asset.deleted', asset);
  }

  /**
   * Takes an asset out of the trash.
   *
   * @throws OxbowError `asset-unknown`
   */
  async restore(id: string): Promise<AssetRecord> {
    const asset = await this.#set(id, { deleted_us: null });
    this.#publish('asset.changed', asset);
    return asset;
  }

  /**
   * Deletes an asset for good: its record now, its files a minute later.
   *
   * @throws OxbowError `asset-unknown`
   */
  async purge(id: string, check: CheckVersion = () => undefined): Promise<void> {
    const asset = await this.get(id);
    check(asset.changedUs);
    if (!(await this.#purge(asset))) throw unknownAsset(id);
  }

  async #purge(asset: AssetRecord): Promise<boolean> {
    const { id } = asset;
    if (!(await this.#table.remove(id, this.#nowUs()))) return false;
    this.#quota.count(asset.owner, -(asset.bytes ?? 0));
    this.#publish('asset.deleted', asset, true);
    this.#removed.emit(asset);
    return true;
  }

  /** In a cluster: counts the bytes that other nodes have taken in too, for the quotas. */
  async countAgain(): Promise<void> {
    this.#quota.replace(await this.#table.bytes());
  }

  /**
   * In a cluster: takes assets without an owner, if this node has their files.
   * @param isHere whether it has the original
   */
  async claimUnplaced(isHere: (id: string) => Promise<boolean>): Promise<void> {
    for (const id of await this.#table.unplaced()) {
      if ((await this.find(id))?.recording || (await isHere(id))) await this.#options.placement?.claim('asset', id);
    }
  }

  /** Deletes for good assets that were in the trash for long enough. */
  async emptyTrash(): Promise<void> {
    const { clock, settings, placement } = this.#options;
    const old = await this.#table.deletedBefore((clock.nowMs() - settings.now.library.trash) * 1000, placement?.node);
    for (const asset of old) await this.#purge(asset);
  }

  /**
   * In a cluster: this node owns the asset now. Its cached state may be older than a change of another one.
   */
  takenOver(id: string): void {
    this.#changed.emit(id);
  }

  /** Deletes the files of assets that were deleted for good, once their time has come. */
  deleteFiles(): Promise<void> {
    return deleteRemovedFiles({ ...this.#options, table: this.#table });
  }

  /**
   * In a cluster: deletes the files that this node still has of assets that were deleted while it did not
   * run.
   * @param files only of this node
   */
  deleteLeft(files: Pick<SegmentStore, 'folders' | 'delete'>): Promise<void> {
    return deleteLeftFiles(files, { clock: this.#options.clock, table: this.#table });
  }

  #newRow(asset: Omit<NewAsset, 'filename' | 'length'> & { readonly id: string; readonly title: string }): NewAssetRow {
    const nowUs = this.#nowUs();
    return {
      id: asset.id,
      title: asset.title,
      description: cleanDescription(asset.description ?? ''),
      tags: JSON.stringify(cleanTags(asset.tags ?? [])),
      visibility: asset.visibility ?? 'private',
      owner: asset.owner,
      origin: 'upload',
      state: 'uploading',
      failure: null,
      filename: '',
      bytes: null,
      sha256: null,
      content_type: '',
      duration_us: null,
      facts: null,
      recording: null,
      poster_us: null,
      revision: 0,
      created_us: nowUs,
      changed_us: nowUs,
      deleted_us: null,
    };
  }

  async #failed(id: string, failure: AssetFailure, more: AssetChange): Promise<void> {
    const asset = await this.#set(id, { ...more, state: 'failed', failure: JSON.stringify(failure) });
    this.#publish('asset.failed', asset);
  }

  #set(id: string, change: AssetChange): Promise<AssetRecord> {
    return this.#change(id, () => change);
  }

  /** Changes a row that was read a moment before, again if another change came in between. */
  async #change(id: string, changeOf: (before: AssetRecord) => AssetChange): Promise<AssetRecord> {
    for (let i = 0; i < MAX_TRIES; i++) {
      const before = await this.get(id);
      const asset = await this.#table.change(before, changeOf(before), this.#nowUs());
      if (asset) return asset;
    }
    throw new OxbowError('busy', 'The asset is changed by too many clients at once.');
  }

  #publish(type: AssetEvent, asset: AssetRecord, purged = false): void {
    const { id, title, state, visibility, owner, failure, deletedMs } = asset;
    this.#changed.emit(id);
    const data = { id, title, state, visibility, owner };
    const { events } = this.#options;
    if (type === 'asset.failed') events.publish(type, { ...data, error: failure });
    else if (type === 'asset.deleted') events.publish(type, { ...data, purged });
    else events.publish(type, { ...data, trash: deletedMs !== null });
  }

  #nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }
}

type AssetEvent = 'asset.created' | 'asset.changed' | 'asset.ready' | 'asset.failed' | 'asset.deleted';

/** The refusal of an unknown id. */
export function unknownAsset(id: string): OxbowError {
  return new OxbowError('asset-unknown', `There is no asset ${id.slice(0, 80)}.`);
}
