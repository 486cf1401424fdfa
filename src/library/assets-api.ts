/**
 * Assets as the API shows them: who may see what, addresses with playback tokens, renditions and uploads.
 * In: requests, the client of each. Out: AssetView. docs/4-library/assets.md.
 */
import type { Kysely } from 'kysely';
import { may, type Resource } from '../accounts/permissions.ts';
import { printRfc3339 } from '../api/instant.ts';
import { type AssetAddress, printAssetAddress } from '../api/library/asset-address.ts';
import type { AssetListQuery, AssetRenditionView, AssetSubtitleView, AssetView } from '../api/library/asset-shapes.ts';
import {
  type AssetClient,
  type AssetCondition,
  type AssetsApi,
  originalTokenNameOf,
  tokenNameOf,
  type VersionedAsset,
} from '../api/library/assets-api.ts';
import { printSignedPath } from '../api/signed-path.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Tables } from '../store/schema.ts';
import { extrasOf } from './asset-extras.ts';
import type { AssetOrder } from './asset-list.ts';
import type { AssetMediaCache } from './asset-media.ts';
import type { AssetRecord } from './asset-record.ts';
import { type Assets, unknownAsset } from './assets.ts';
import { renditionProgress } from './rendition-progress.ts';
import { subtitleIdOf, subtitleView, trackIdOf } from './subtitles/subtitle-view.ts';
import type { Subtitles } from './subtitles/subtitles.ts';

/** What the API is made of. */
export interface AssetsApiOptions {
  readonly assets: Assets;
  readonly media: Pick<AssetMediaCache, 'find'>;
  readonly subtitles: Subtitles;
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly settings: Current<{ readonly library: { readonly trash: number } }>;
  /** Signs a playback token for a name until an instant, ms since 1970. */
  readonly sign: (name: string, expiresMs: number) => string;
  readonly createRecorded: (asset: Parameters<AssetsApi['createRecorded']>[0], owner: string) => Promise<AssetRecord>;
}

/** Addresses of private assets are valid for 12 to 24 hours, and the same for 12: browsers keep the pictures. */
const SIGNED_MS = 12 * 3_600_000;
const LISTED = 50;
const MAX_LISTED = 200;

/** Creates the API. */
export function createAssetsApi(options: AssetsApiOptions): AssetsApi {
  const { assets, media, subtitles, db, clock, settings, sign, createRecorded } = options;

  /** The asset, if the client may see it. */
  async function find(id: string, client: AssetClient): Promise<AssetRecord> {
    const asset = await assets.find(id);
    if (!asset || !may(client, 'seeAsset', resourceOf(asset))) throw unknownAsset(id);
    return asset;
  }

  /** The asset, if the client may change it. */
  async function findOwn(id: string, client: AssetClient): Promise<AssetRecord> {
    const asset = await find(id, client);
    if (may(client, 'change', asset)) return asset;
    if (client.owner === '')
      throw new OxbowError('unauthorized', 'Assets are changed by their owner and by administrators.');
    throw new OxbowError('forbidden', 'The asset belongs to another owner.');
  }

  async function viewOf(asset: AssetRecord, client: AssetClient): Promise<AssetView> {
    const [view] = await viewsOf([asset], client);
    return view!;
  }

  async function viewsOf(records: readonly AssetRecord[], client: AssetClient): Promise<AssetView[]> {
    const ids = records.map(({ id }) => id);
    if (ids.length === 0) return [];
    const rows = await db
      .selectFrom('asset_rendition')
      .select(['asset_id', 'id', 'state', 'progress', 'failure'])
      .where('asset_id', 'in', ids)
      .orderBy('id')
      .execute();
    const renditions = Map.groupBy(rows, ({ asset_id }) => asset_id);
    const progress = await progressOf(rows);
    const texts = await subtitles.of(ids);
    const uploading = records.filter(({ state }) => state === 'uploading').map(({ id }) => id);
    const uploads =
      uploading.length === 0
        ? []
        : await db
            .selectFrom('upload')
            .select(['id', 'asset_id', 'received', 'length', 'expires_us'])
            .where('asset_id', 'in', uploading)
            .execute();
    return records.map((asset) => {
      const upload = uploads.find(({ asset_id }) => asset_id === asset.id);
      return {
        ...baseOf(asset, client),
        subtitles: (texts.get(asset.id) ?? []).map((one) => subtitleView(one, signerOf(asset))),
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
  async function progressOf(rows: readonly { readonly asset_id: string; readonly state: string }[]) {
    const making = new Set(rows.filter(({ state }) => state === 'running').map(({ asset_id }) => asset_id));
    if (making.size === 0) return new Map<string, ReadonlyMap<string, number>>();
    const jobs = await db
      .selectFrom('job')
      .select(['subject', 'state', 'input', 'parts'])
      .where('kind', '=', 'encode')
      .where('subject', 'in', [...making])
      .execute();
    const byAsset = Map.groupBy(jobs, ({ subject }) => subject ?? '');
    return new Map([...byAsset].map(([id, own]) => [id, renditionProgress(own)]));
  }

  function baseOf(asset: AssetRecord, client: AssetClient): Omit<AssetView, 'renditions' | 'upload' | 'subtitles'> {
    const { id, deletedMs, recording, posterUs } = asset;
    const isOwn = may(client, 'inspect', asset);
    return {
      id,
      title: asset.title,
      description: asset.description,
      tags: [...asset.tags],
      visibility: asset.visibility,
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
      expiresAt: deletedMs === null ? null : printRfc3339(deletedMs + settings.now.library.trash),
      ...addressesOf(asset, isOwn),
      posterAt: posterUs === null ? null : posterUs / 1e6,
    };
  }

  const expiresMs = () => (Math.floor(clock.nowMs() / SIGNED_MS) + 2) * SIGNED_MS;

  /** Prints addresses of an asset, with a playback token where it is private; null while nothing of it can be played. */
  function signerOf({ id, state, visibility, deletedMs }: AssetRecord): (address: AssetAddress) => string | null {
    if (state !== 'ready' || deletedMs !== null) return () => null;
    if (visibility !== 'private') return printAssetAddress;
    const token = sign(tokenNameOf(id), expiresMs());
    return (address) => printSignedPath(token, printAssetAddress(address));
  }

  function addressesOf(asset: AssetRecord, isOwn: boolean) {
    const { id, deletedMs, origin, sha256 } = asset;
    const base = { stream: undefined, asset: id };
    const addressOf = signerOf(asset);
    const address = (
      kind: 'asset-index' | 'asset-manifest' | 'asset-poster' | 'asset-storyboard' | 'asset-chapters' | 'asset-file',
    ): string | null => addressOf({ ...base, kind, rendition: 'best' });
    const hasOriginal = isOwn && origin === 'upload' && sha256 !== null && deletedMs === null;
    return {
      hls: address('asset-index'),
      dash: address('asset-manifest'),
      poster: hasPicture(asset) ? address('asset-poster') : null,
      storyboard: hasPicture(asset) ? address('asset-storyboard') : null,
      chapterFile: extrasOf(asset).chapters.length > 0 ? address('asset-chapters') : null,
      download: address('asset-file'),
      original: hasOriginal
        ? printSignedPath(
            sign(originalTokenNameOf(id), expiresMs()),
            printAssetAddress({ ...base, kind: 'asset-original' }),
          )
        : null,
    };
  }

  async function versioned(asset: AssetRecord, client: AssetClient): Promise<VersionedAsset> {
    return { view: await viewOf(asset, client), version: versionOf(asset.changedUs) };
  }

  const checking = (check: AssetCondition | undefined) => (changedUs: number) => check?.(versionOf(changedUs));

  return {
    async access(id) {
      const found = (await media.find(id))?.asset;
      return found && { visibility: found.visibility, owner: found.owner, isDeleted: found.deletedMs !== null };
    },
    async list({ limit, sort, trash, ...query }, client) {
      const { items, nextCursor } = await assets.list({
        ...query,
        ...orderOf(sort),
        trash: trash === 'true',
        viewer: may(client, 'inspectAll') ? undefined : client.owner,
        limit: Math.min(MAX_LISTED, Number(limit ?? LISTED)),
      });
      return { items: await viewsOf(items, client), nextCursor };
    },
    get: async (id, client) => versioned(await find(id, client), client),
    async update(id, { posterAt, ...patch }, client, check) {
      await findOwn(id, client);
      const posterUs = typeof posterAt === 'number' ? Math.round(posterAt * 1e6) : posterAt;
      return versioned(await assets.update(id, { ...patch, posterUs }, checking(check)), client);
    },
    async remove(id, { purge }, client, check) {
      await findOwn(id, client);
      if (purge) await assets.purge(id, checking(check));
      else await assets.trash(id, checking(check));
    },
    async restore(id, client) {
      await findOwn(id, client);
      return versioned(await assets.restore(id), client);
    },
    async addSubtitle(id, { bytes, query }, client): Promise<AssetSubtitleView> {
      const asset = await findOwn(id, client);
      const { language, title = '', charset } = query;
      const given = { isDefault: query.default === 'true', isForced: query.forced === 'true' };
      const added = await subtitles.add(id, { bytes, language, title: title.trim(), charset, ...given });
      return subtitleView(added, signerOf(await assets.subtitlesChanged(asset.id)));
    },
    async removeSubtitle(id, subtitle, client) {
      await findOwn(id, client);
      const trackId = trackIdOf(subtitle);
      const own = (await subtitles.of([id])).get(id)?.find(({ track }) => track.id === trackId);
      if (!own || subtitleIdOf(own.track) !== subtitle || !(await subtitles.remove(id, own.track.id))) {
        throw new OxbowError('not-found', `The asset has no subtitles ${subtitle.slice(0, 40)}.`);
      }
      await assets.subtitlesChanged(id);
    },
    createRecorded: async (asset, client) => versioned(await createRecorded(asset, client.owner), client),
  };
}

function resourceOf({ owner, visibility, deletedMs }: AssetRecord): Resource {
  return { owner, visibility, isDeleted: deletedMs !== null };
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

function versionOf(changedUs: number): string {
  return changedUs.toString(36);
}

function orderOf(sort: AssetListQuery['sort']): { order?: AssetOrder; descending?: boolean } {
  if (sort === undefined) return {};
  return { order: sort.replace(/^-/, '') as AssetOrder, descending: sort.startsWith('-') };
}
