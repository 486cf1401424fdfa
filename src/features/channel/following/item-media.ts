/**
 * Finds the media of an entry of a room for a channel: which of this server it is, and who may watch it.
 * In: targets of entries, the catalog, the library. Out: ItemMedia. In memory; a stream that another node has
 * costs one query.
 */
import { listsInForce } from '../../../accounts/watch-rules/rules-view.ts';
import type { WatchRuleLists } from '../../../api/access/watch-rules-shapes.ts';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import type { AssetMediaCache } from '../../../library/asset-media.ts';
import type { Store } from '../../../store/db.ts';
import type { Catalog } from '../../../streams/catalog.ts';
import { pastRulesInForce, type StreamDefinition } from '../../../streams/definition.ts';
import { reaches, type ShownStreams } from '../../../streams/source/shown-streams.ts';
import { readDefinition } from '../../../streams/stream-table.ts';
import type { ItemMedia } from '../plan/followed.ts';
import type { WatchedThing } from '../plan/followed-rights.ts';

/** Dependencies of the search. */
export interface ItemMediaParts {
  readonly store: Pick<Store, 'db'>;
  readonly catalog: Pick<Catalog, 'find'>;
  readonly assets: Pick<AssetMediaCache, 'find'>;
  /** The setting `watchRules`. */
  readonly watchRules: () => WatchRuleLists;
  /** What streams show live, by feature. */
  readonly shown: Iterable<ShownStreams>;
}

/** Who may watch a stream. */
export function watchedStream(
  { visibility, watchRules }: Pick<StreamDefinition, 'visibility' | 'watchRules'>,
  byDefault: WatchRuleLists,
): WatchedThing {
  return { visibility, watchRules: listsInForce(watchRules, byDefault) };
}

/**
 * The media of an entry; undefined: it is not of this server, or was deleted.
 *
 * @param channelId id of the stream of the channel
 * @throws errors of the store
 */
export async function findItemMedia(
  target: ItemTarget,
  channelId: string,
  { store, catalog, assets, watchRules, shown }: ItemMediaParts,
): Promise<ItemMedia | undefined> {
  if (target.kind === 'asset') {
    const asset = (await assets.find(target.asset))?.asset;
    if (!asset || asset.deletedMs !== null) return undefined;
    return {
      kind: 'asset',
      ref: asset.id,
      visibility: asset.visibility,
      watchRules: listsInForce(asset.watchRules, watchRules()),
      past: undefined,
      endMs: asset.durationUs === null ? undefined : asset.durationUs / 1000,
    };
  }
  if (target.kind !== 'stream' && target.kind !== 'range') return undefined;
  const definition = catalog.find(target.stream)?.definition ?? (await findElsewhere(store, target.stream));
  if (!definition) return undefined;
  const { visibility, watchRules: lists } = watchedStream(definition, watchRules());
  return {
    kind: target.kind,
    ref: definition.id,
    visibility,
    watchRules: lists,
    past: pastRulesInForce(definition),
    endMs: target.kind === 'range' ? target.toMs : undefined,
    refusal: refusalOf(definition, channelId, shown),
  };
}

/** Streams that show each other would send the same frames for ever. */
function refusalOf(
  { id, source }: StreamDefinition,
  channelId: string,
  shown: Iterable<ShownStreams>,
): string | undefined {
  if (id === channelId) return 'It is this channel: a channel does not show itself.';
  if (source.type === 'channel') return 'It is another channel, which may show this one.';
  return reaches(id, channelId, shown) ? 'It shows this channel live, itself or by another stream.' : undefined;
}

async function findElsewhere({ db }: Pick<Store, 'db'>, name: string): Promise<StreamDefinition | undefined> {
  const { definition, isRemoved } = await readDefinition(db, name);
  return isRemoved ? undefined : definition;
}
