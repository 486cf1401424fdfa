/**
 * Routes media requests: finds the stream of an address and calls the function for the kind of address.
 * In: address and query of a GET. Out: Reply, or OxbowError.
 */

import type { Track } from '@oxbow/media/frame';
import { TS } from '@oxbow/media/rendition-set';
import type { AssetAddress } from '../api/library/asset-address.ts';
import { isLiveAddress, type MediaAddress, printMediaAddress } from '../api/media-address.ts';
import { limitsTimes } from '../api/past/past-rules.ts';
import { isStreamName } from '../api/stream/stream-name.ts';
import { streamUnknown } from '../api/stream/stream-refusals.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Metrics } from '../observe/metrics.ts';
import { instantUs, parseRange } from './address-time.ts';
import { type AssetDelivery, answerAsset } from './asset/asset-router.ts';
import { Clips } from './clip/clip.ts';
import type { ClipProof } from './clip/clip-evidence.ts';
import { answerClipFile, answerClipPreview, type SavedClip, type SavedClips } from './clip/saved-clip.ts';
import { contentKeysOf, keyOfSegment, refuseClear, refuseCommon } from './encryption/access-by-key.ts';
import { licenceReply } from './encryption/common-media.ts';
import { unknownKey } from './encryption/content-keys.ts';
import { EncryptedReplies, keyReply } from './encryption/encrypted-replies.ts';
import { parseDirectives } from './live/directives.ts';
import { growingSegment } from './live/growing-segment.ts';
import {
  answerInit,
  answerLiveIndex,
  answerPart,
  answerSegment,
  answerStoredSegment,
  livePlaylist,
  renditionOf,
} from './live/live.ts';
import { tracksIn } from './live/live-lookup.ts';
import { answerLiveManifest, answerTime } from './live/live-manifest.ts';
import { settle } from './live/pending-reply.ts';
import { qualityFor } from './live/quality-window.ts';
import { SegmentCache } from './live/segment-cache.ts';
import { LongWork } from './long-work.ts';
import { answerCaptions } from './past/captions.ts';
import { DvrLists, dvrLengthUs } from './past/dvr.ts';
import { DvrManifests } from './past/dvr-manifest.ts';
import { answerPastIndex, answerPastManifest, answerPastPlaylist, type PastRequest } from './past/past.ts';
import { clipSource } from './past/past-qualities.ts';
import type { Reply } from './reply.ts';
import { fromHere, keptAtMost, ViewerGuard } from './rules/viewer-guard.ts';
import { recordedSegment } from './segment-media.ts';
import type { FindStream, ServedStream } from './served-stream.ts';
import type { Stills } from './stills.ts';
import { answerSmallStill, answerStoryboard } from './storyboard.ts';
import { answerSubtitles } from './subtitles.ts';
import { caching, keptFor } from './text-reply.ts';
import { TimeLapses } from './timelapse/time-lapse.ts';
import { answerCatchUp, answerDelayed, type CatchUp, catchUpIn } from './ts/catch-up.ts';
import { answerLegacyLive, answerLegacySegment, answerLegacyWindow } from './ts/legacy-vsr.ts';
import { answerTsIndex, answerTsPlaylist } from './ts/ts.ts';
import { TsSegments } from './ts/ts-segments.ts';
import type { WorkOptions } from './work-budget.ts';

/** Dependencies of the router. */
interface MediaRouterOptions {
  readonly find: FindStream;
  readonly clock: Clock;
  readonly reader: RangeReader;
  /** Shared with `createLiveLookup`. */
  readonly segmentCache?: SegmentCache;
  /** Shared with `createLiveLookup`. */
  readonly encrypted?: EncryptedReplies;
  readonly stills: Stills;
  /** Clips by their id; undefined where there are none. */
  readonly clips?: SavedClips;
  /** The chains of evidence, which clips carry; undefined where there are none. */
  readonly evidence?: ClipProof | undefined;
  /** Assets of the library; undefined where there is none. */
  readonly assets?: AssetDelivery;
  readonly metrics?: Pick<Metrics, 'tsSegments' | 'tsCacheBytes' | 'timeLapses'>;
  /** The stream of addresses without a name; undefined while there is no stream. */
  readonly defaultStream?: () => string | undefined;
  /**
   * Whether windows and DVR playlists list segments as ranges of files, because a bucket may answer in place
   * of oxbow.
   *
   * @param streamId of the stream; undefined: the library
   */
  readonly isDirect?: (streamId?: string) => boolean;
}

/** Answers a media request. `signal` aborts when the client disconnects. */
export type MediaRouter = (address: MediaAddress, query: URLSearchParams, options: WorkOptions) => Promise<Reply>;

/** What an address names, looked up once for each request. */
interface Named {
  /** Undefined: there is none. */
  readonly stream: ServedStream | undefined;
  readonly clip?: SavedClip | undefined;
}

/** Addresses of live media and of the live playlists. */
type LiveKind =
  | 'index'
  | 'manifest'
  | 'playlist'
  | 'init'
  | 'part'
  | 'segment'
  | 'dvr-index'
  | 'dvr-manifest'
  | 'dvr-playlist';
type OtherAddress = Exclude<MediaAddress, { readonly kind: LiveKind } | AssetAddress>;

export function createMediaRouter(options: MediaRouterOptions): MediaRouter {
  return new Router(options).answer;
}

/** A request with what it names, as the client may see it. */
interface Waiting extends WorkOptions, Named {}

const NOTHING: Named = { stream: undefined };

class Router {
  readonly #options: MediaRouterOptions;
  readonly #segmentCache: SegmentCache;
  readonly #encrypted: EncryptedReplies;
  readonly #segments: TsSegments;
  readonly #clips: Clips;
  readonly #timeLapses: TimeLapses;
  readonly #windows = new LongWork();
  readonly #dvr = new DvrLists();
  readonly #manifests = new DvrManifests();
  readonly #guard: ViewerGuard;

  constructor(options: MediaRouterOptions) {
    const { reader, metrics, segmentCache = new SegmentCache(reader) } = options;
    const { encrypted = new EncryptedReplies({ reader }) } = options;
    this.#encrypted = encrypted;
    this.#options = options;
    this.#segmentCache = segmentCache;
    this.#segments = new TsSegments({ reader, ...(metrics && { metrics }) });
    this.#clips = new Clips(reader, options.evidence);
    this.#timeLapses = new TimeLapses(reader, metrics);
    this.#guard = new ViewerGuard(() => options.clock.nowMs());
  }

  readonly answer: MediaRouter = async (address, query, waiting) => {
    const named = this.#named(address);
    const { stream, clip } = named;
    const rules = stream?.past;
    const found: Waiting = { ...waiting, ...named };
    if (!stream || !rules) return this.#answer(address, query, found);
    // Caches must not give anyone else what only some may see.
    if (waiting.isExempt) return keptFor(await this.#answer(address, query, found), caching.none);
    const checked = clip ? this.#guard.checkClip(stream, rules, clip) : this.#guard.check(stream, rules, address);
    const { stream: shown, maxAgeS } = checked instanceof Promise ? await checked : checked;
    const reply = keptAtMost(await this.#answer(address, query, { ...found, stream: shown }), maxAgeS);
    return limitsTimes(rules) ? fromHere(reply) : reply;
  };

  #named(address: MediaAddress): Named {
    const { find, defaultStream, clips } = this.#options;
    if ('asset' in address && address.kind !== 'unknown') return NOTHING;
    if (address.kind === 'clip-file' || address.kind === 'clip-preview') {
      const clip = clips?.find(address.clip);
      return { stream: clip?.stream, clip };
    }
    const name = address.stream ?? defaultStream?.();
    return { stream: name === undefined ? undefined : find(name) };
  }

  async #answer(address: MediaAddress, query: URLSearchParams, waiting: Waiting): Promise<Reply> {
    if ('asset' in address && address.kind !== 'unknown') {
      if (!this.#options.assets) throw new OxbowError('asset-unknown', 'There is no library here.');
      return answerAsset(address, this.#options.assets, {
        ...waiting,
        isDirect: this.#options.isDirect?.() ?? false,
        encrypted: this.#encrypted,
        query,
      });
    }
    const { clock, reader } = this.#options;
    const liveKeys = this.#liveKeys(address, waiting);
    if (liveKeys) await liveKeys;
    switch (address.kind) {
      case 'index':
        return answerLiveIndex(this.#streamOf(address, waiting), waiting);
      case 'manifest':
        return answerLiveManifest(this.#streamOf(address, waiting), clock, waiting);
      case 'playlist':
        return settle(
          livePlaylist(
            qualityFor(this.#streamOf(address, waiting), address.rendition),
            address,
            parseDirectives(query),
          ),
          waiting,
        );
      case 'init':
        return this.#init(address, waiting);
      case 'part': {
        const stream = qualityFor(this.#streamOf(address, waiting), address.rendition);
        return this.#inForm(stream, address, waiting, () => answerPart(stream, address, waiting));
      }
      case 'segment': {
        const stream = qualityFor(this.#streamOf(address, waiting), address.rendition);
        return this.#inForm(stream, address, waiting, async (isClear) => {
          const growing = isClear ? await growingSegment(stream, address, waiting) : undefined;
          return growing ?? answerSegment(stream, address, { reader, segmentCache: this.#segmentCache });
        });
      }
      case 'dvr-index':
      case 'dvr-manifest':
      case 'dvr-playlist':
        return this.#answerDvr(address, query, waiting);
      default:
        return this.#answerOther(address, query, waiting);
    }
  }

  #answerDvr(
    address: Extract<MediaAddress, { kind: `dvr-${string}` }>,
    query: URLSearchParams,
    waiting: Waiting,
  ): Promise<Reply> {
    const stream = this.#streamOf(address, waiting);
    const options = { signal: waiting.signal, isDirect: this.#isDirect(stream) };
    if (address.kind === 'dvr-playlist')
      return this.#dvr.playlist(qualityFor(stream, address.rendition), address, parseDirectives(query), options);
    if (address.kind === 'dvr-index') return this.#dvr.index(stream, address.length, options);
    return this.#manifests.answer(stream, dvrLengthUs(address.length), this.#options.clock, options);
  }

  /** Whether playlists name ranges of files. A bucket would send a viewer all of a file, as it is: clear. */
  #isDirect({ recording, past, contentKeys }: ServedStream): boolean {
    if (contentKeys || (past && limitsTimes(past))) return false;
    return this.#options.isDirect?.(recording.streamId) ?? false;
  }

  /** @throws OxbowError `stream-unknown` */
  #streamOf(address: MediaAddress, { stream }: Waiting): ServedStream {
    if (!stream) throw streamUnknown(address.stream ?? this.#options.defaultStream?.());
    return stream;
  }

  /** Waits for the keys of the live window; undefined: they are there. Rejects with `key-server-failed`. */
  #liveKeys(address: MediaAddress, waiting: Waiting): Promise<void> | undefined {
    if (!isLiveAddress(address) && address.kind !== 'dvr-index') return undefined;
    const { source, contentKeys, list } = this.#streamOf(address, waiting);
    const keys = contentKeysOf({ source, contentKeys });
    const { segments } = list;
    const [first, last] = [segments[0], segments.at(-1)];
    if (!keys || !first || !last || keys.hasAll(segments)) return undefined;
    return keys.ready(first.msn, { lastMsn: last.msn + 1, signal: waiting.signal });
  }

  /** As `#streamOf`. @throws OxbowError `media-encrypted` if it has common encryption: MPEG-TS has none */
  #wholeStreamOf(address: MediaAddress, waiting: Waiting): ServedStream {
    const stream = this.#streamOf(address, waiting);
    refuseCommon(stream.contentKeys);
    return stream;
  }

  async #key(address: Extract<MediaAddress, { kind: 'key' }>, waiting: Waiting): Promise<Reply> {
    const { key } = address;
    const keys = this.#streamOf(address, waiting).contentKeys;
    if (!keys) throw unknownKey(key);
    return keyReply(await keys.forPlayer(key, waiting));
  }

  async #init(address: Extract<MediaAddress, { kind: 'init' }>, waiting: Waiting): Promise<Reply> {
    const stream = qualityFor(this.#streamOf(address, waiting), address.rendition);
    if (address.key === undefined) return answerInit(stream, address);
    const keys = contentKeysOf(stream);
    if (!keys?.isCommon) throw unknownKey(address.key);
    await keys.readyNamed(address.key, waiting);
    return answerInit(stream, address, keys.find(address.key));
  }

  /** As `#streamOf`. @throws OxbowError `media-encrypted` if its segments are given only encrypted */
  #clearStreamOf(address: MediaAddress, waiting: Waiting): ServedStream {
    const stream = this.#streamOf(address, waiting);
    refuseClear(stream.contentKeys);
    return stream;
  }

  /** A segment as its address names it, clear or encrypted. @throws OxbowError as `keyOfSegment` */
  async #inForm(
    stream: ServedStream,
    address: { readonly msn: number; readonly rendition?: string; readonly key?: string },
    waiting: WorkOptions,
    find: (isClear: boolean) => Promise<Reply>,
  ): Promise<Reply> {
    const keys = contentKeysOf(stream);
    if (address.key !== undefined) await keys?.ready(address.msn, waiting);
    const key = keyOfSegment(keys, address);
    const clear = await find(key === undefined);
    const tracks = async () => {
      const { rendition = TS } = address;
      return tracksIn(stream, { ...address, rendition }) ?? (await storedTracks(stream, { ...address, rendition }));
    };
    return key ? this.#encrypted.encrypt(clear, key, tracks) : clear;
  }

  /** MPEG-TS, the past, and files of it. */
  #answerOther(address: OtherAddress, query: URLSearchParams, waiting: Waiting): Promise<Reply> | Reply {
    const { clock, reader, stills } = this.#options;
    switch (address.kind) {
      case 'time':
        return answerTime(this.#streamOf(address, waiting), clock);
      case 'ts-index': {
        const catchUp = catchUpIn(query);
        const stream = this.#wholeStreamOf(address, waiting);
        return catchUp ? answerCatchUp(stream, catchUp, clock.nowMs() * 1000) : answerTsIndex(stream, waiting);
      }
      case 'ts-catch-up':
        return answerCatchUp(this.#wholeStreamOf(address, waiting), fromPath(address), clock.nowMs() * 1000);
      case 'ts-delayed':
        return answerDelayed(this.#wholeStreamOf(address, waiting), address.delayS, clock.nowMs() * 1000);
      case 'ts-playlist':
        return answerTsPlaylist(this.#wholeStreamOf(address, waiting), address.generation);
      case 'ts-segment': {
        const stream = this.#wholeStreamOf(address, waiting);
        return this.#inForm(stream, address, waiting, () => this.#segments.answer(stream, address.msn));
      }
      case 'stored-segment':
        return answerStoredSegment(qualityFor(this.#clearStreamOf(address, waiting), address.rendition), address, {
          reader,
        });
      case 'subtitles': {
        const stream = this.#streamOf(address, waiting);
        const answer = () => answerSubtitles(stream, address.rendition, address.msn, reader);
        // Common encryption leaves subtitles clear.
        return stream.contentKeys?.isCommon ? answer() : this.#inForm(stream, address, waiting, answer);
      }
      case 'key':
        return this.#key(address, waiting);
      case 'licence':
        return licenceReply(this.#streamOf(address, waiting).contentKeys, query.getAll('kid'), waiting);
      case 'window-index':
      case 'window-manifest':
      case 'window-playlist':
        return this.#answerWindow(address, waiting);
      case 'captions':
        return answerCaptions(this.#streamOf(address, waiting), address, { reader, ...waiting });
      case 'clip':
      case 'timelapse':
        return this.#answerFile(address, query, waiting);
      case 'clip-file':
        return answerClipFile(waiting.clip, address.clip, { clips: this.#clips, query, ...waiting });
      case 'clip-preview':
        return answerClipPreview(waiting.clip, address.clip, { stills, clock, ...waiting });
      case 'still':
        return stills.answer(this.#streamOf(address, waiting), instantUs(address.at), clock.nowMs() * 1000, waiting);
      case 'small-still':
        return answerSmallStill(this.#streamOf(address, waiting), address.at, clock.nowMs() * 1000);
      case 'storyboard':
        return answerStoryboard(this.#streamOf(address, waiting), address);
      case 'vsr-live':
        return answerLegacyLive(this.#wholeStreamOf(address, waiting), query, clock, waiting);
      case 'vsr-window':
        return answerLegacyWindow(this.#wholeStreamOf(address, waiting), address.window, query);
      case 'vsr-segment':
        return answerLegacySegment(this.#wholeStreamOf(address, waiting), address.msn, this.#segments);
      case 'session':
      case 'steering':
      case 'unknown':
        // As for a private stream, which no one without access reaches: its existence does not show.
        if (address.stream !== undefined && isStreamName(address.stream)) this.#streamOf(address, waiting);
        throw new OxbowError('not-found', `There is no media at ${printMediaAddress(address).slice(0, 200)}.`);
    }
  }

  #answerWindow(window: Extract<MediaAddress, { kind: `window-${string}` }>, waiting: Waiting): Promise<Reply> {
    const stream = this.#streamOf(window, waiting);
    const request = windowRequest(window);
    const answer = () => {
      const options = { isDirect: this.#isDirect(stream), signal: waiting.signal };
      if (window.kind === 'window-index') return answerPastIndex(stream, request, options);
      if (window.kind === 'window-manifest') return answerPastManifest(stream, request, options);
      return answerPastPlaylist(qualityFor(stream, window.rendition), request, window.rendition, options);
    };
    return this.#windows.run(request.range, answer, waiting);
  }

  /** A range as one file. */
  async #answerFile(
    address: Extract<MediaAddress, { kind: 'clip' | 'timelapse' }>,
    query: URLSearchParams,
    waiting: Waiting,
  ): Promise<Reply> {
    const requested = this.#streamOf(address, waiting);
    const range = parseRange(address.from, address.to);
    const stream = await clipSource(requested, range, query.get('quality'));
    if (address.kind === 'clip') {
      const { signal, budget, isExempt } = waiting;
      const options = { signal, budget, isExempt, isBare: query.get('evidence') === 'no' };
      return this.#clips.answer(stream, range, address.format, options);
    }
    return this.#timeLapses.answer(stream, range, address.seconds, waiting.budget);
  }
}

/** The tracks of a rendition in a recorded segment; none if it is not there. */
async function storedTracks(
  stream: ServedStream,
  { msn, rendition }: { readonly msn: number; readonly rendition: string },
): Promise<readonly Track[]> {
  const init = (await recordedSegment(stream, msn))?.init;
  return init ? renditionOf(init.tracks, rendition).tracks : [];
}

function fromPath({ fromS, lengthS }: Extract<MediaAddress, { kind: 'ts-catch-up' }>): CatchUp {
  return { fromUs: fromS * 1e6, toUs: lengthS === undefined ? undefined : (fromS + lengthS) * 1e6 };
}

function windowRequest(address: Extract<MediaAddress, { kind: `window-${string}` }>): PastRequest {
  return { range: parseRange(address.from, address.to), revision: address.revision };
}
