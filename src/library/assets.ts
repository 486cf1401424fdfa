/**
 * The records of assets: created, listed, changed, announced.
 * In: uploads, recordings, requests. Out: records; events `asset.*`. docs/decisions/0030.
 */

import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { Placement } from '../cluster/placement/placement.ts';
import type { StreamEncryption } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import type { ReadQuery } from '../store/engine.ts';
import type { AssetChunkTable, Tables } from '../store/schema.ts';
import type { AssetFailure, AssetVisibility, NewAsset } from './asset.ts';
import { type AssetPage, type AssetQuery, listAssets } from './asset-list.ts';
import type { AssetRecord, AssetRecording } from './asset-record.ts';
import type { AssetChange, AssetTable, NewAssetRow } from './asset-table.ts';
import { cleanDescription, cleanTags, cleanTitle, titleOfFile } from './asset-texts.ts';

interface AssetsOptions {
  readonly db: Kysely<Tables>;
  /** Reads rows that may be some seconds old. */
  readonly read?: (<T>(query: ReadQuery<T>) => Promise<T>) | undefined;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  /** Who owns which asset; by default this process. */
  readonly placement?: Pick<Placement, 'claim'>;
}

/** The changes of a user to an asset. */
interface AssetTexts {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly visibility?: AssetVisibility | undefined;
  /** Null: the setting `watchRules`. */
  readonly watchRules?: WatchRuleLists | null | undefined;
  /** Null: the setting `encryption.assets`. */
  readonly encryption?: StreamEncryption | null | undefined;
  /** µs from the start of the asset; null: its middle. */
  readonly posterUs?: number | null | undefined;
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

/** The texts and settings of a new asset. */
interface NewRecord extends Omit<NewAsset, 'filename' | 'length'> {
  readonly id: string;
  readonly title: string;
}

/** Refuses a change, by the version of the asset. */
export type CheckVersion = (changedUs: number) => void;

/** Tries of a change while others change the same asset. */
const MAX_TRIES = 10;

export class Assets {
  readonly #options: AssetsOptions;
  readonly #table: AssetTable;
  readonly #changed = new Emitter<string>();

  constructor(options: AssetsOptions, table: AssetTable) {
    this.#options = options;
    this.#table = table;
  }

  /** An id for a new asset; cannot be guessed. */
  static newId(): string {
    return randomBytes(10).toString('hex');
  }

  /** Emits the id of an asset after each change of its record or its media, and when it is gone. */
  get changed(): Subscribable<string> {
    return this.#changed;
  }

  /**
   * Writes a new record.
   *
   * @param more columns that depend on where its media comes from
   */
  async add(asset: NewRecord, more: Partial<NewAssetRow>): Promise<AssetRecord> {
    const record = await this.#table.insert({ ...this.#newRow(asset), ...more });
    await this.#options.placement?.claim('asset', asset.id);
    this.publish('asset.created', record);
    return record;
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
    const title = cleanTitle(asset.title ?? '') || recording.stream;
    const made = await this.add(
      { ...asset, title },
      {
        origin: 'recording',
        state: 'ready',
        duration_us: durationUs,
        facts: JSON.stringify(facts),
        recording: JSON.stringify(recording),
        revision: 1,
      },
    );
    this.publish('asset.ready', made);
    return made;
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
    const { title, description, tags, visibility, watchRules, encryption, posterUs } = texts;
    const asset = await this.change(id, (before) => {
      check(before.changedUs);
      return {
        ...(title !== undefined && { title: cleanTitle(title) || titleOfFile(before.filename) || before.title }),
        ...(description !== undefined && { description: cleanDescription(description) }),
        ...(tags !== undefined && { tags: JSON.stringify(cleanTags(tags)) }),
        ...(visibility !== undefined && { visibility }),
        ...(watchRules !== undefined && { watch_rules: watchRules && JSON.stringify(watchRules) }),
        ...(encryption !== undefined && { encryption }),
        ...(posterUs !== undefined && { poster_us: posterUs }),
      };
    });
    this.publish('asset.changed', asset);
    return asset;
  }

  /**
   * Its upload or its processing failed: nothing of it can be played.
   *
   * @param more columns that change too
   * @throws OxbowError `asset-unknown`
   */
  async fail(id: string, failure: AssetFailure, more: AssetChange = {}): Promise<void> {
    const asset = await this.change(id, () => ({ ...more, state: 'failed', failure: JSON.stringify(failure) }));
    this.publish('asset.failed', asset);
  }

  /**
   * Changes a row that was read a moment before, again if another change came in between. Its caller
   * publishes the change.
   *
   * @throws OxbowError `asset-unknown`
   */
  async change(id: string, changeOf: (before: AssetRecord) => AssetChange): Promise<AssetRecord> {
    for (let i = 0; i < MAX_TRIES; i++) {
      const before = await this.get(id);
      const asset = await this.#table.change(before, changeOf(before), this.#nowUs());
      if (asset) return asset;
    }
    throw new OxbowError('busy', 'The asset is changed by too many clients at once.');
  }

  /** Publishes a change. @param purged it is gone for good */
  publish(type: AssetEvent, asset: AssetRecord, purged = false): void {
    const { id, title, state, visibility, owner, failure, deletedMs } = asset;
    this.#changed.emit(id);
    const data = { id, title, state, visibility, owner };
    const { events } = this.#options;
    if (type === 'asset.failed') events.publish(type, { ...data, error: failure });
    else if (type === 'asset.deleted') events.publish(type, { ...data, purged });
    else events.publish(type, { ...data, trash: deletedMs !== null });
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

  /**
   * Reports a change without an event: its length is known, or this node of a cluster owns it now, and its
   * cached state may be older than a change of another one.
   */
  touch(id: string): void {
    this.#changed.emit(id);
  }

  #newRow(asset: NewRecord): NewAssetRow {
    const nowUs = this.#nowUs();
    return {
      id: asset.id,
      title: asset.title,
      description: cleanDescription(asset.description ?? ''),
      tags: JSON.stringify(cleanTags(asset.tags ?? [])),
      visibility: asset.visibility ?? 'private',
      owner: asset.owner,
      watch_rules: asset.watchRules ? JSON.stringify(asset.watchRules) : null,
      encryption: asset.encryption ?? null,
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

  #nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }
}

type AssetEvent = 'asset.created' | 'asset.changed' | 'asset.ready' | 'asset.failed' | 'asset.deleted';

/** The refusal of an unknown id. */
export function unknownAsset(id: string): OxbowError {
  return new OxbowError('asset-unknown', `There is no asset ${id.slice(0, 80)}.`);
}
