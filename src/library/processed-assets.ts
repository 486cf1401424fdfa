/**
 * The media of assets as their processing reports it: facts of the original, renditions, subtitles.
 * In: reports of processing and of subtitles. Out: records with new facts and revisions.
 */
import type { AssetRecord } from './asset-record.ts';
import type { Assets } from './assets.ts';

/** What processing reports of an asset. */
interface AssetMedia {
  /** Of the original, by its content. */
  readonly contentType?: string;
  readonly durationUs?: number;
  /** JSON for the API and for analytics. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export class ProcessedAssets {
  readonly #assets: Assets;

  constructor(assets: Assets) {
    this.#assets = assets;
  }

  /** Writes the facts of the original. */
  async describe(id: string, { contentType, durationUs, facts }: AssetMedia): Promise<void> {
    const change = {
      ...(contentType !== undefined && { content_type: contentType }),
      ...(durationUs !== undefined && { duration_us: Math.round(durationUs) }),
      ...(facts !== undefined && { facts: JSON.stringify(facts) }),
    };
    this.#assets.publish('asset.changed', await this.#assets.change(id, () => change));
  }

  /**
   * A rendition is complete, or its chunks have changed: playlists have a new revision. The first one makes
   * the asset ready.
   */
  async mediaChanged(id: string): Promise<void> {
    let isFirst = false;
    const asset = await this.#assets.change(id, ({ revision, state }) => {
      isFirst = state !== 'ready';
      return { revision: revision + 1, state: 'ready', failure: null };
    });
    this.#assets.publish(isFirst ? 'asset.ready' : 'asset.changed', asset);
  }

  /** Subtitles were added or removed: its playlists have changed. */
  async subtitlesChanged(id: string): Promise<AssetRecord> {
    const asset = await this.#assets.change(id, ({ revision }) => ({ revision: revision + 1 }));
    this.#assets.publish('asset.changed', asset);
    return asset;
  }
}
