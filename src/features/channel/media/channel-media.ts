/**
 * The media of the items of a channel, and of its empty hours.
 * In: assets, clips, recordings, live streams, insight. Out: readers; refusals with the reason in words.
 */
import type { ClipFinder } from '../../../api/clips/clips-api.ts';
import type { InsightApi } from '../../../api/insight/insight-api.ts';
import type { RangeReader } from '../../../archive/range-reader.ts';
import type { Visibility } from '../../../config/schema.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { AssetMediaCache } from '../../../library/asset-media.ts';
import { openInitTable } from '../../../recording/init-table.ts';
import { RecordingReader } from '../../../recording/recording-reader.ts';
import type { Store } from '../../../store/db.ts';
import type { Catalog } from '../../../streams/catalog.ts';
import type { StreamDefinition } from '../../../streams/definition.ts';
import type { ManagedStream } from '../../../streams/managed-stream.ts';
import type { StoredRecordings } from '../../../streams/stream-deps.ts';
import { readDefinition, readStreamName } from '../../../streams/stream-table.ts';
import type { Channel } from '../channel-table.ts';
import type { FillRange, OpenedItem, PlanMedia } from '../plan/stretch.ts';
import type { Media } from '../playable.ts';
import type { LiveElsewhere } from './live-elsewhere.ts';
import { liveMedia } from './live-media.ts';
import { assetMedia, recordedMedia, withoutGaps } from './stored-media.ts';

/** What was rewound to in this time is repeated, ms. */
const HEAT_MS = 7 * 24 * 3_600_000;
/** Length of a step of heat, seconds, and how many of the hottest steps are repeated. */
const STEP_S = 60;
const MOST_STEPS = 20;
/** Streams of which empty hours are filled, at most. */
const MOST_STREAMS = 20;
/** From the least to the most open one. */
const OPENNESS: readonly Visibility[] = ['private', 'signed', 'unlisted', 'public'];
/** Of a recording that was never rewound this much is repeated, its newest part, ms. */
const NEWEST_MS = 30 * 60_000;
/** The newest part ends this long before its end, ms: it is being written. */
const OPEN_MS = 10_000;

/** Dependencies of the media. */
export interface ChannelMediaParts {
  readonly store: Store;
  readonly catalog: Pick<Catalog, 'all' | 'definitionOf' | 'find'>;
  readonly recordings: Pick<StoredRecordings, 'chunks'>;
  readonly reader: RangeReader;
  readonly assets: Pick<AssetMediaCache, 'find'>;
  readonly clips: () => ClipFinder;
  readonly insight: () => Pick<InsightApi, 'heat'>;
  /** Live streams that this process does not have. */
  readonly elsewhere: Pick<LiveElsewhere, 'isLive' | 'titleOf' | 'open' | 'read'>;
  readonly clock: Clock;
  readonly failed: (error: unknown) => void;
}

/** Opens media for one channel: what it shows may change between two calls. */
export class ChannelMedia implements PlanMedia {
  readonly #parts: ChannelMediaParts;
  readonly #channel: () => Channel;

  constructor(parts: ChannelMediaParts, channel: () => Channel) {
    this.#parts = parts;
    this.#channel = channel;
  }

  /** @throws OxbowError with the reason why it cannot be played */
  async open({ kind, ref, mediaMs, durationMs, grows = false }: OpenedItem): Promise<Media> {
    if (kind === 'asset') return this.#asset(ref);
    if (kind === 'live') return this.#live(ref);
    if (kind === 'recording') return this.#recording(ref, (mediaMs + durationMs) * 1000, grows);
    const clip = this.#parts.clips().stored(ref);
    if (!clip || (await this.#isRemoved(clip.streamId)))
      throw new OxbowError('clip-unknown', `The clip ${ref} was deleted.`);
    if (clip.isLost) throw new OxbowError('clip-lost', `The media of the clip ${ref} was deleted.`);
    return moved(await this.#recording(clip.streamId, clip.toMs * 1000), clip.fromMs * 1000);
  }

  isLive(streamId: string): boolean {
    const stream = this.#streamOf(streamId);
    return stream ? stream.status.state === 'live' : this.#parts.elsewhere.isLive(streamId);
  }

  titleOf(streamId: string): string {
    const definition = this.#parts.catalog.definitionOf(streamId);
    return definition?.title || definition?.name || this.#parts.elsewhere.titleOf(streamId);
  }

  /**
   * What was watched again most of the last week, best first; without any, the newest part of the recording
   * that is newest.
   */
  async fill(): Promise<readonly FillRange[]> {
    const { items, fillFrom, streamId } = this.#channel();
    const ofItems = items.filter(({ kind }) => kind === 'recording' || kind === 'live').map(({ ref }) => ref);
    const streams = fillFrom.length > 0 ? fillFrom : [...(await this.#open([...new Set(ofItems)], streamId)), streamId];
    const hot = (await Promise.all(streams.map((id) => this.#hottest(id)))).flat();
    if (hot.length > 0) return hot.sort((a, b) => b.watched - a.watched).slice(0, MOST_STEPS);
    // The channel repeats itself only where nothing else is recorded.
    const others = streams.filter((id) => id !== streamId);
    const newest = await Promise.all(others.map((id) => this.#newest(id)));
    const ranges = newest.filter((range) => range !== undefined).sort((a, b) => b.toUs - a.toUs);
    const range = ranges[0] ?? (streams.includes(streamId) ? await this.#newest(streamId) : undefined);
    return range ? [range] : [];
  }

  /** Of streams those whose past the viewers of the channel may watch anyway. */
  async #open(streams: readonly string[], own: string): Promise<readonly string[]> {
    const channel = await this.#definitionOf(own);
    if (!channel) return [];
    const open: string[] = [];
    for (const id of streams) {
      if (open.length === MOST_STREAMS) break;
      const definition = id === own ? undefined : await this.#definitionOf(id);
      if (definition && isAsOpen(definition, channel)) open.push(id);
    }
    return open;
  }

  /** What fills, for as long as the viewers may watch it: settings may change while it plays. */
  #whileShown(id: string, media: Media): Media {
    const isShown = async () => {
      const { fillFrom, streamId } = this.#channel();
      if (fillFrom.length > 0 || id === streamId) return id === streamId || fillFrom.includes(id);
      return (await this.#open([id], streamId)).length > 0;
    };
    return {
      async *pieces(fromUs, options) {
        for await (const piece of media.pieces(fromUs, options)) {
          if (!(await isShown())) throw new OxbowError('no-media', 'Viewers of the channel may not watch it any more.');
          yield piece;
        }
      },
    };
  }

  /** Of a stream of another node too. */
  async #definitionOf(streamId: string): Promise<StreamDefinition | undefined> {
    const { catalog, store } = this.#parts;
    const definition = catalog.definitionOf(streamId);
    if (definition) return definition;
    const name = await readStreamName(store.db, streamId);
    return name === undefined ? undefined : (await readDefinition(store.db, name)).definition;
  }

  async #asset(id: string): Promise<Media> {
    const media = await this.#parts.assets.find(id);
    if (!media || media.asset.deletedMs !== null) throw new OxbowError('asset-unknown', `The asset ${id} was deleted.`);
    if (media.index.isEmpty)
      throw new OxbowError('no-media', `The asset ${id} has no media yet, or could not be read.`);
    return assetMedia(media.index, this.#parts.reader);
  }

  #live(streamId: string): Media | Promise<Media> {
    const stream = this.#streamOf(streamId);
    if (!stream) return this.#parts.elsewhere.open(streamId);
    if (stream.status.state === 'live') return liveMedia(stream.stream);
    throw new OxbowError('stream-offline', `The stream ${stream.name} is not live.`);
  }

  async #recording(streamId: string, toUs: number, grows = false): Promise<Media> {
    const { store, recordings, reader, clock, failed } = this.#parts;
    const served = this.#streamOf(streamId)?.served;
    if (served) {
      const { recording, inits } = served;
      const endUs = grows ? () => recording.endUs : undefined;
      return recordedMedia({ recording, initOf: (number) => inits.get(number), reader, endUs }, toUs);
    }
    // Another node has the stream, or it was removed: what is in the index can be read.
    const last = await recordings.chunks.last(streamId);
    if (!last) throw new OxbowError('no-media', await this.#whyEmpty(streamId));
    const inits = await openInitTable(store.rows, streamId, { failed, nowMs: () => clock.nowMs() });
    const recording = new RecordingReader({ streamId, chunks: recordings.chunks, endUs: last.end_us });
    // Nothing follows: the hours until `toUs` would be looked through with one query a minute.
    return recordedMedia({ recording, initOf: (number) => inits.get(number), reader }, Math.min(toUs, last.end_us));
  }

  /** Why nothing of the recording of a stream that is not here can be read. */
  async #whyEmpty(streamId: string): Promise<string> {
    const name = await readStreamName(this.#parts.store.db, streamId);
    if (name === undefined) return 'The recording was deleted.';
    return `Another node has the stream ${name}, and no complete file of its recording is stored.`;
  }

  async #hottest(streamId: string): Promise<(FillRange & { readonly watched: number })[]> {
    const named = await this.#named(streamId);
    if (!named) return [];
    const nowMs = Math.floor(this.#parts.clock.nowMs() / 60_000) * 60_000;
    const range = { fromMs: nowMs - HEAT_MS, toMs: nowMs };
    const { most, step } = await this.#parts
      .insight()
      .heat(named.name, range, 0, MOST_STEPS)
      .catch(() => ({ most: [], step: STEP_S }));
    return most
      .filter(({ watched }) => watched > 0)
      .map(({ at, watched }) => {
        const fromUs = Date.parse(at) * 1000;
        const toUs = fromUs + Math.max(step, STEP_S) * 1_000_000;
        return {
          title: named.title || named.name,
          fromUs,
          toUs,
          watched,
          media: async () => this.#whileShown(streamId, withoutGaps(await this.#recording(streamId, toUs))),
        };
      });
  }

  async #newest(streamId: string): Promise<FillRange | undefined> {
    const last = await this.#parts.recordings.chunks.last(streamId).catch(() => undefined);
    const named = await this.#named(streamId);
    const recordedUs = Math.max(last?.end_us ?? 0, this.#streamOf(streamId)?.served.recording.endUs ?? 0);
    if (recordedUs === 0 || !named) return undefined;
    const toUs = recordedUs - OPEN_MS * 1000;
    const fromUs = toUs - NEWEST_MS * 1000;
    return {
      title: named.title || named.name,
      fromUs,
      toUs,
      media: async () => this.#whileShown(streamId, withoutGaps(await this.#recording(streamId, toUs))),
    };
  }

  /** The names of a stream, of another node too; undefined: it was removed there, or cannot be read. */
  async #named(streamId: string): Promise<Pick<StreamDefinition, 'name' | 'title'> | undefined> {
    const { catalog, elsewhere, failed } = this.#parts;
    const definition = catalog.definitionOf(streamId);
    if (definition) return definition;
    try {
      return await elsewhere.read(streamId);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #streamOf(streamId: string): ManagedStream | undefined {
    const name = this.#parts.catalog.definitionOf(streamId)?.name;
    const stream = name === undefined ? undefined : this.#parts.catalog.find(name);
    return stream?.definition.id === streamId ? stream : undefined;
  }

  /** Whether a stream, of any node, was removed: its clips are served no more. */
  async #isRemoved(streamId: string): Promise<boolean> {
    if (this.#streamOf(streamId)) return false;
    const { db } = this.#parts.store;
    const name = await readStreamName(db, streamId);
    const { definition, isRemoved } = name === undefined ? {} : await readDefinition(db, name);
    return definition?.id !== streamId || isRemoved === true;
  }
}

/** Whether the viewers of `channel` may watch the past of a stream too, by the settings of both. */
function isAsOpen(stream: StreamDefinition, channel: StreamDefinition): boolean {
  const hasRules = stream.past !== undefined || stream.watchRules !== undefined;
  const isRestricted = OPENNESS.indexOf(stream.visibility) < OPENNESS.indexOf(channel.visibility);
  const isClear = (channel.encryption ?? 'none') === 'none';
  const losesKeys = isClear && stream.encryption !== channel.encryption && stream.encryption !== 'none';
  return !hasRules && !isRestricted && !losesKeys;
}

/** Media whose positions count from `fromUs`, µs. */
function moved(media: Media, fromUs: number): Media {
  return {
    async *pieces(positionUs, options) {
      for await (const piece of media.pieces(positionUs + fromUs, options))
        yield { ...piece, offsetUs: piece.offsetUs - fromUs };
    },
  };
}
