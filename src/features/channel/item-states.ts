/**
 * Whether the items of a channel can be played when their time comes.
 * In: items, records of assets, clips and streams. Out: a state for each. One query for all assets; the rest
 * is in memory.
 */
import type { ChannelItemView } from '../../api/channel/channel-shapes.ts';
import type { ClipFinder } from '../../api/clips/clips-api.ts';
import type { Store } from '../../store/db.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StoredRecordings } from '../../streams/stream-deps.ts';
import type { LiveElsewhere } from './media/live-elsewhere.ts';
import type { ChannelItem, Schedule } from './plan/schedule.ts';

const WEEK_MS = 7 * 24 * 3_600_000;
/** Media may be this much shorter than its item, ms. */
const SHORT_MS = 1000;
/** Ids of one query. */
const IDS_EACH = 500;

/** The facts about an asset. */
interface AssetFacts {
  readonly title: string;
  readonly isReady: boolean;
  readonly isDeleted: boolean;
  readonly durationMs: number | undefined;
}

/** Dependencies of the states. */
interface ItemStatesParts {
  readonly store: Pick<Store, 'db'>;
  readonly catalog: Pick<Catalog, 'definitionOf' | 'find'>;
  /** Live streams that this process does not have. */
  readonly elsewhere: Pick<LiveElsewhere, 'isLive' | 'refresh'>;
  readonly recordings: Pick<StoredRecordings, 'kept'>;
  readonly clips: () => Pick<ClipFinder, 'stored'>;
  /** How long recordings are kept, unless the stream says so, ms. */
  readonly keepMs: () => number;
}

type State = ChannelItemView['state'];

/** Finds the states of items. */
export class ItemStates {
  readonly #parts: ItemStatesParts;

  constructor(parts: ItemStatesParts) {
    this.#parts = parts;
  }

  /** The facts about an asset; undefined if there is none with that id. */
  async asset(id: string): Promise<AssetFacts | undefined> {
    return (await this.#assets([id])).get(id);
  }

  /**
   * The states of the items of a schedule, for the week that begins at `nowMs`.
   *
   * @param isStream whether there is a stream with an id, on any node
   */
  async of(
    schedule: Pick<Schedule, 'items' | 'between'>,
    nowMs: number,
    isStream: (id: string) => boolean,
  ): Promise<(item: ChannelItem) => State> {
    const { items } = schedule;
    const ids = [...new Set(items.flatMap(({ kind, ref }) => (kind === 'asset' ? [ref] : [])))];
    const live = new Set(items.flatMap(({ kind, ref }) => (kind === 'live' ? [ref] : [])));
    const { catalog, elsewhere } = this.#parts;
    await elsewhere.refresh([...live].filter((ref) => !catalog.definitionOf(ref)));
    const assets = await this.#assets(ids);
    const lastMs = new Map<string, number>();
    for (const { item, toMs } of schedule.between(nowMs, nowMs + WEEK_MS)) lastMs.set(item.id, toMs);
    return (item) => {
      if (item.kind === 'asset') return stateOfAsset(item, assets.get(item.ref));
      if (item.kind === 'clip') return this.#stateOfClip(item, isStream);
      if (!isStream(item.ref)) return 'missing';
      if (item.kind === 'live') return this.#stateOfLive(item);
      return this.#stateOfRecording(item, lastMs.get(item.id) ?? nowMs);
    };
  }

  #stateOfClip({ ref, mediaMs, durationMs }: ChannelItem, isStream: (id: string) => boolean): State {
    const { catalog } = this.#parts;
    const clip = this.#parts.clips().stored(ref);
    if (!clip || clip.isLost || !isStream(clip.streamId)) return 'missing';
    const definition = catalog.definitionOf(clip.streamId);
    // A stream that was removed serves no clips.
    if (definition && !catalog.find(definition.name)) return 'missing';
    return clip.fromMs + mediaMs + durationMs > clip.toMs + SHORT_MS ? 'short' : 'ok';
  }

  #stateOfLive({ ref }: ChannelItem): State {
    const { catalog, elsewhere } = this.#parts;
    const name = catalog.definitionOf(ref)?.name;
    const stream = name === undefined ? undefined : catalog.find(name);
    const isLive = stream ? stream.status.state === 'live' : elsewhere.isLive(ref);
    return isLive ? 'ok' : 'offline';
  }

  /** @param untilMs when it is over for the last time in the week, ms since 1970 */
  #stateOfRecording({ ref, mediaMs, durationMs }: ChannelItem, untilMs: number): State {
    const { catalog, recordings, keepMs } = this.#parts;
    const definition = catalog.definitionOf(ref);
    // Another node has it, and knows what it keeps.
    if (!definition) return 'ok';
    const [fromUs, toUs] = [mediaMs * 1000, (mediaMs + durationMs) * 1000];
    const horizonUs = catalog.find(definition.name)?.served.horizonUs() ?? 0;
    const isKept = recordings.kept.ranges(ref).some((range) => range.fromUs <= fromUs && range.toUs >= toUs);
    if (!isKept && toUs <= horizonUs) return 'missing';
    return isKept || mediaMs > untilMs - (definition.keepMs ?? keepMs()) ? 'ok' : 'expires';
  }

  async #assets(ids: readonly string[]): Promise<ReadonlyMap<string, AssetFacts>> {
    const facts = new Map<string, AssetFacts>();
    for (let at = 0; at < ids.length; at += IDS_EACH) {
      const rows = await this.#parts.store.db
        .selectFrom('asset')
        .select(['id', 'title', 'state', 'duration_us', 'deleted_us'])
        .where('id', 'in', ids.slice(at, at + IDS_EACH))
        .execute();
      for (const { id, title, state, duration_us, deleted_us } of rows) {
        facts.set(id, {
          title,
          isReady: state === 'ready',
          isDeleted: deleted_us !== null,
          durationMs: duration_us === null ? undefined : duration_us / 1000,
        });
      }
    }
    return facts;
  }
}

function stateOfAsset({ mediaMs, durationMs }: ChannelItem, asset: AssetFacts | undefined): State {
  if (!asset || asset.isDeleted) return 'missing';
  if (!asset.isReady) return 'unplayable';
  const length = asset.durationMs ?? Number.POSITIVE_INFINITY;
  return mediaMs + durationMs > length + SHORT_MS ? 'short' : 'ok';
}
