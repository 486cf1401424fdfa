/**
 * Assets as a client sees them: facts, renditions, subtitles, uploads, and addresses with playback tokens.
 * In: records, the client. Out: AssetView. docs/6-library/assets.md.
 */
import type { Kysely } from 'kysely';
import { may } from '../accounts/permissions.ts';
import { printRfc3339 } from '../api/instant.ts';
import { type AssetAddress, printAssetAddress } from '../api/library/asset-address.ts';
import type { AssetRenditionView, AssetView } from '../api/library/asset-shapes.ts';
import { type AssetClient, originalTokenNameOf, tokenNameOf, trashTokenNameOf } from '../api/library/assets-api.ts';
import { printSignedPath, signedUntilMs } from '../api/signed-path.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import type { Tables } from '../store/schema.ts';
import { extrasOf } from './asset-extras.ts';
import type { AssetRecord } from './asset-record.ts';
import { renditionProgress } from './rendition-progress.ts';
import { subtitleView } from './subtitles/subtitle-view.ts';
import type { Subtitles } from './subtitles/subtitles.ts';

/** Dependencies of the views. */
export interface AssetViewsParts {
  readonly subtitles: Pick<Subtitles, 'of'>;
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly settings: Current<{ readonly library: { readonly trash: number } }>;
  /** Signs a playback token for a name until an instant, ms since 1970. */
  readonly sign: (name: string, expiresMs: number) => string;
}

/** Makes the views of assets. Private members of an asset of another owner are null. */
export class AssetViews {
  readonly #parts: AssetViewsParts;

  constructor(parts: AssetViewsParts) {
    this.#parts = parts;
  }

  async one(asset: AssetRecord, client: AssetClient): Promise<AssetView> {
    const [view] = await this.all([asset], client);
    return view!;
  }

  /** The assets as a client sees them, in the same order. */
  async all(records: readonly AssetRecord[], client: AssetClient): Promise<AssetView[]> {
    const ids = records.map(({ id }) => id);
    if (ids.length === 0) return [];
    const rows = await this.#parts.db
      .selectFrom('asset_rendition')
      .select(['asset_id', 'id', 'state', 'progress', 'failure'])
      .where('asset_id', 'in', ids)
      .orderBy('id')
      .execute();
    const renditions = Map.groupBy(rows, ({ asset_id }) => asset_id);
    const progress = await this.#progressOf(rows);
    const texts = await this.#parts.subtitles.of(ids);
    const uploading = records.filter(({ state }) => state === 'uploading').map(({ id }) => id);
    const uploads =
      uploading.length === 0
        ? []
        : await this.#parts.db
            .selectFrom('upload')
            .select(['id', 'asset_id', 'received', 'length', 'expires_us'])
            .where('asset_id', 'in', uploading)
            .execute();
    return records.map((asset) => {
      const upload = uploads.find(({ asset_id }) => asset_id === asset.id);
      return {
        ...this.#baseOf(asset, client),
        subtitles: (texts.get(asset.id) ?? []).map((subtitle) => subtitleView(subtitle, this.signerOf(asset))),
        renditions: (renditions.get(asset.id) ?? []).map((row) =>
          renditionOf(row, progress.get(asset.id)?.get(row.id)),
        ),
        upload:
          upload && may(client, 'inspect', asset)
            ? {
                id: upload.id,
                received: upload.received,
                length: upload.length,
                expiresAt: printRfc3339(upload.expires_us / 1000),
              }
            : null,
      };
    });
  }

  /** By asset: the progress of renditions that are being made. */
  async #progressOf(rows: readonly { readonly asset_id: string; readonly state: string }[]) {
    const making = new Set(rows.filter(({ state }) => state === 'running').map(({ asset_id }) => asset_id));
    if (making.size === 0) return new Map<string, ReadonlyMap<string, number>>();
    const jobs = await this.#parts.db
      .selectFrom('job')
      .select(['subject', 'state', 'input', 'parts'])
      .where('kind', '=', 'encode')
      .where('subject', 'in', [...making])
      .execute();
    const byAsset = Map.groupBy(jobs, ({ subject }) => subject ?? '');
    return new Map([...byAsset].map(([id, assetJobs]) => [id, renditionProgress(assetJobs)]));
  }

  #baseOf(asset: AssetRecord, client: AssetClient): Omit<AssetView, 'renditions' | 'upload' | 'subtitles'> {
    const { id, deletedMs, recording, posterUs } = asset;
    const isOwn = may(client, 'inspect', asset);
    return {
      id,
      title: asset.title,
      description: asset.description,
      tags: [...asset.tags],
      visibility: asset.visibility,
      ...(asset.encryption !== null && { encryption: asset.encryption }),
      owner: isOwn ? asset.owner : null,
      origin: asset.origin,
      state: asset.state,
      error: asset.failure,
      filename: isOwn ? asset.filename : null,
      bytes: asset.bytes,
      sha256: isOwn ? asset.sha256 : null,
      contentType: asset.contentType || null,
      seconds: asset.durationUs === null ? null : asset.durationUs / 1e6,
      facts: isOwn ? asset.facts : null,
      chapters: extrasOf(asset).chapters.map(({ startUs, title }) => ({ at: startUs / 1e6, title })),
      recording: recording && {
        stream: recording.stream,
        from: printRfc3339(recording.fromUs / 1000),
        to: printRfc3339(recording.toUs / 1000),
      },
      revision: asset.revision,
      createdAt: printRfc3339(asset.createdMs),
      changedAt: printRfc3339(asset.changedUs / 1000),
      deletedAt: deletedMs === null ? null : printRfc3339(deletedMs),
      expiresAt: deletedMs === null ? null : printRfc3339(deletedMs + this.#parts.settings.now.library.trash),
      ...this.#addressesOf(asset, isOwn),
      posterAt: posterUs === null ? null : posterUs / 1e6,
    };
  }

  get #expiresMs(): number {
    return signedUntilMs(this.#parts.clock.nowMs());
  }

  /**
   * Prints addresses of an asset, with a playback token where it is private; null while nothing of it can be
   * played.
   */
  signerOf({ id, state, visibility, deletedMs }: AssetRecord): (address: AssetAddress) => string | null {
    if (state !== 'ready' || deletedMs !== null) return () => null;
    if (visibility !== 'private') return printAssetAddress;
    const token = this.#parts.sign(tokenNameOf(id), this.#expiresMs);
    return (address) => printSignedPath(token, printAssetAddress(address));
  }

  #addressesOf(asset: AssetRecord, isOwn: boolean) {
    const { id, state, deletedMs, origin, sha256 } = asset;
    const base = { stream: undefined, asset: id };
    const addressOf = this.signerOf(asset);
    const address = (
      kind: 'asset-index' | 'asset-manifest' | 'asset-poster' | 'asset-storyboard' | 'asset-chapters' | 'asset-file',
    ): string | null => addressOf({ ...base, kind, rendition: 'best' });
    const signed = (name: string, kind: 'asset-poster' | 'asset-original') =>
      printSignedPath(this.#parts.sign(name, this.#expiresMs), printAssetAddress({ ...base, kind }));
    const trashed =
      isOwn && state === 'ready' && deletedMs !== null ? signed(trashTokenNameOf(id), 'asset-poster') : null;
    const hasOriginal = isOwn && origin === 'upload' && sha256 !== null && deletedMs === null;
    return {
      hls: address('asset-index'),
      dash: address('asset-manifest'),
      poster: hasPicture(asset) ? (trashed ?? address('asset-poster')) : null,
      storyboard: hasPicture(asset) ? address('asset-storyboard') : null,
      chapterFile: extrasOf(asset).chapters.length > 0 ? address('asset-chapters') : null,
      download: address('asset-file'),
      original: hasOriginal ? signed(originalTokenNameOf(id), 'asset-original') : null,
    };
  }
}

/** Whether it has a picture, as far as its facts say. */
function hasPicture({ facts }: AssetRecord): boolean {
  const tracks = (facts as { tracks?: unknown } | null)?.tracks;
  return !Array.isArray(tracks) || tracks.some((track: { kind?: unknown }) => track.kind === 'video');
}

function renditionOf(
  row: { readonly id: string; readonly state: string; readonly progress: number; readonly failure: string | null },
  reported = 0,
): AssetRenditionView {
  const progress = row.state === 'running' ? Math.max(row.progress, reported) : row.progress;
  const error = row.failure === null ? null : (JSON.parse(row.failure) as AssetRenditionView['error']);
  return { id: row.id, state: row.state, progress: Math.round(progress * 1000) / 1000, error };
}
