/**
 * The API of assets: who may see and change what.
 * In: requests, the client of each. Out: views of assets (asset-views). docs/6-library/assets.md.
 */
import { may, type Resource } from '../accounts/permissions.ts';
import { listsInForce, watchAccessView } from '../accounts/watch-rules/rules-view.ts';
import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import type { AssetListQuery, AssetSubtitleView } from '../api/library/asset-shapes.ts';
import type { AssetClient, AssetCondition, AssetsApi, VersionedAsset } from '../api/library/assets-api.ts';
import { readRules } from '../config/sections/watch-rules-section.ts';
import type { Current } from '../lib/current.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Countries } from '../net/countries/countries.ts';
import type { AssetOrder } from './asset-list.ts';
import type { AssetMediaCache } from './asset-media.ts';
import type { AssetRecord } from './asset-record.ts';
import type { AssetTrash } from './asset-trash.ts';
import { AssetViews, type AssetViewsParts } from './asset-views.ts';
import { type Assets, unknownAsset } from './assets.ts';
import type { ProcessedAssets } from './processed-assets.ts';
import { subtitleIdOf, subtitleView, trackIdOf } from './subtitles/subtitle-view.ts';
import type { Subtitles } from './subtitles/subtitles.ts';

/** An asset of a recording whose rules were checked. */
type RecordedAsset = Omit<Parameters<AssetsApi['createRecorded']>[0], 'watchRules'> & {
  /** Undefined: those of the stream; null: the setting `watchRules`. */
  readonly watchRules?: WatchRuleLists | null | undefined;
};

/** Dependencies of the API. */
interface AssetsApiOptions extends AssetViewsParts {
  readonly assets: Assets;
  readonly processed: Pick<ProcessedAssets, 'subtitlesChanged'>;
  readonly trash: AssetTrash;
  readonly media: Pick<AssetMediaCache, 'find'>;
  readonly subtitles: Subtitles;
  readonly settings: AssetViewsParts['settings'] & Current<{ readonly watchRules: WatchRuleLists }>;
  /** Of addresses whose country a request does not name. */
  readonly countries: Countries;
  readonly createRecorded: (asset: RecordedAsset, owner: string) => Promise<AssetRecord>;
}

const LISTED = 50;
const MAX_LISTED = 200;

export function createAssetsApi(options: AssetsApiOptions): AssetsApi {
  const { assets, processed, trash: bin, media, subtitles, settings, countries, createRecorded } = options;
  const views = new AssetViews(options);

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

  async function versioned(asset: AssetRecord, client: AssetClient): Promise<VersionedAsset> {
    return { view: await views.one(asset, client), version: versionOf(asset.changedUs) };
  }

  const checking = (check: AssetCondition | undefined) => (changedUs: number) => check?.(versionOf(changedUs));

  return {
    async access(id) {
      const asset = (await media.find(id))?.asset;
      if (!asset) return undefined;
      const { visibility, owner, deletedMs } = asset;
      const watchRules = listsInForce(asset.watchRules, settings.now.watchRules);
      return { visibility, owner, isDeleted: deletedMs !== null, ...(watchRules && { watchRules }) };
    },
    async list({ limit, sort, trash, ...query }, client) {
      const { items, nextCursor } = await assets.list({
        ...query,
        ...orderOf(sort),
        trash: trash === 'true',
        viewer: may(client, 'inspectAll') ? undefined : client.owner,
        limit: Math.min(MAX_LISTED, Number(limit ?? LISTED)),
      });
      return { items: await views.all(items, client), nextCursor };
    },
    get: async (id, client) => versioned(await find(id, client), client),
    async update(id, { posterAt, watchRules, ...patch }, client, check) {
      await findOwn(id, client);
      const rules = watchRules === undefined ? undefined : (readRules(watchRules) ?? null);
      const posterUs = typeof posterAt === 'number' ? Math.round(posterAt * 1e6) : posterAt;
      return versioned(await assets.update(id, { ...patch, watchRules: rules, posterUs }, checking(check)), client);
    },
    async watchAccess(id, asked, client) {
      const { watchRules } = await findOwn(id, client);
      const byDefault = settings.now.watchRules;
      return watchAccessView({ own: watchRules ?? undefined, byDefault, kind: 'asset' }, asked, countries);
    },
    async remove(id, { purge }, client, check) {
      await findOwn(id, client);
      if (purge) await bin.purge(id, checking(check));
      else await bin.add(id, checking(check));
    },
    async restore(id, client) {
      await findOwn(id, client);
      return versioned(await bin.restore(id), client);
    },
    async addSubtitle(id, { bytes, query }, client): Promise<AssetSubtitleView> {
      const asset = await findOwn(id, client);
      const { language, title = '', charset } = query;
      const flags = { isDefault: query.default === 'true', isForced: query.forced === 'true' };
      const added = await subtitles.add(id, { bytes, language, title: title.trim(), charset, ...flags });
      return subtitleView(added, views.signerOf(await processed.subtitlesChanged(asset.id)));
    },
    async removeSubtitle(id, subtitle, client) {
      await findOwn(id, client);
      const trackId = trackIdOf(subtitle);
      const entry = (await subtitles.of([id])).get(id)?.find(({ track }) => track.id === trackId);
      if (!entry || subtitleIdOf(entry.track) !== subtitle || !(await subtitles.remove(id, entry.track.id))) {
        throw new OxbowError('not-found', `The asset has no subtitles ${subtitle.slice(0, 40)}.`);
      }
      await processed.subtitlesChanged(id);
    },
    async createRecorded({ watchRules, ...asset }, client) {
      const rules = watchRules === undefined ? undefined : (readRules(watchRules) ?? null);
      return versioned(await createRecorded({ ...asset, watchRules: rules }, client.owner), client);
    },
  };
}

function resourceOf({ owner, visibility, deletedMs }: AssetRecord): Resource {
  return { owner, visibility, isDeleted: deletedMs !== null };
}

function versionOf(changedUs: number): string {
  return changedUs.toString(36);
}

function orderOf(sort: AssetListQuery['sort']): { order?: AssetOrder; descending?: boolean } {
  if (sort === undefined) return {};
  return { order: sort.replace(/^-/, '') as AssetOrder, descending: sort.startsWith('-') };
}
