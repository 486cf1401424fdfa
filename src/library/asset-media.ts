/**
 * The media of assets as delivery needs it: the complete part of it, read once and kept while it is
 * requested.
 * In: ids. Out: the index of an asset's segments with what its addresses show. Bounded in bytes.
 */

import { parseInit } from '@oxbow/media/isobmff/init';
import type { Kysely } from 'kysely';
import { AssetIndex } from '../archive/asset-index.ts';
import { Recent } from '../lib/recent.ts';
import type { Tables } from '../store/schema.ts';
import { type AssetExtras, extrasOf } from './asset-extras.ts';
import type { AssetRecord } from './asset-record.ts';
import type { Assets } from './assets.ts';
import type { AssetSubtitle, Subtitles } from './subtitles/subtitles.ts';

/** An asset as delivery serves it. */
interface AssetMedia extends AssetExtras {
  readonly asset: AssetRecord;
  /** Of the renditions that are complete. */
  readonly index: AssetIndex;
  /** Subtitles next to its media. */
  readonly subtitles: readonly AssetSubtitle[];
  /** A rendition is still made: playlists will list more. */
  readonly grows: boolean;
}

/** Indexes kept for viewers. */
const BOUNDS = { maxBytes: 4 * 1024 * 1024, grows: { mostBytes: 32 * 1024 * 1024, againMs: 10_000 } };

export class AssetMediaCache implements Disposable {
  readonly #db: Kysely<Tables>;
  readonly #assets: Assets;
  readonly #subtitles: Pick<Subtitles, 'of'>;
  readonly #kept = new Recent<AssetMedia>(BOUNDS);
  /** Reads in progress: a change meanwhile makes them stale. */
  readonly #reading = new Map<string, Promise<AssetMedia | undefined>>();
  readonly #unsubscribe: () => void;

  constructor(db: Kysely<Tables>, assets: Assets, subtitles: Pick<Subtitles, 'of'>) {
    this.#db = db;
    this.#subtitles = subtitles;
    this.#assets = assets;
    this.#unsubscribe = assets.changed.subscribe((id) => {
      this.#kept.delete(id);
      this.#reading.delete(id);
    });
  }

  /** The asset of that id, in the trash or not; undefined if there is none. */
  async find(id: string): Promise<AssetMedia | undefined> {
    const kept = this.#kept.get(id);
    if (kept) return kept;
    const reading = this.#reading.get(id) ?? this.#read(id);
    this.#reading.set(id, reading);
    try {
      const media = await reading;
      // Stale media are not kept.
      if (media && this.#reading.get(id) === reading) this.#kept.set(id, media, media.index.bytes);
      return media;
    } finally {
      if (this.#reading.get(id) === reading) this.#reading.delete(id);
    }
  }

  async #read(id: string): Promise<AssetMedia | undefined> {
    const asset = await this.#assets.find(id);
    if (!asset) return undefined;
    const renditions = await this.#db.selectFrom('asset_rendition').selectAll().where('asset_id', '=', id).execute();
    const chunks = await this.#db
      .selectFrom('asset_chunk')
      .select(['rendition', 'first_msn', 'last_msn', 'path', 'segments'])
      .where('asset_id', '=', id)
      .orderBy('rendition')
      .orderBy('first_msn')
      .execute();
    const byRendition = Map.groupBy(chunks, ({ rendition }) => rendition);
    const complete = renditions.flatMap(({ id: rendition, state, init }) => {
      const renditionChunks = byRendition.get(rendition);
      return state === 'done' && init && renditionChunks
        ? [{ id: rendition, tracks: parseInit(init), chunks: renditionChunks }]
        : [];
    });
    const grows = renditions.some(({ state }) => state === 'queued' || state === 'running');
    const subtitles = (await this.#subtitles.of([id])).get(id) ?? [];
    const index = new AssetIndex(
      complete,
      subtitles.map(({ track }) => track),
    );
    return { asset, index, subtitles, ...extrasOf(asset), grows: grows || asset.state === 'processing' };
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#kept[Symbol.dispose]();
  }
}
