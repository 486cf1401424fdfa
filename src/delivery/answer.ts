/**
 * Takes a media path apart and asks whoever answers it.
 * In: path and query of a GET. Out: Reply, or OxbowError. Names are checked here, once, before anything is looked up.
 */
import { streamUnknown } from '../api/stream-name.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Metrics } from '../observe/metrics.ts';
import { instantUs, parseRange } from './address-time.ts';
import { type ClipFormat, Clips } from './clip.ts';
import type { Deliverable, FindStream } from './deliverable.ts';
import { DvrLists } from './dvr.ts';
import { KnownSegments } from './known-segments.ts';
import { answerInit, answerLiveIndex, answerLivePlaylist, answerPart, answerSegment } from './live.ts';
import { type LiveAddress, NAME, parseDirectives, parseLiveAddress, RENDITION } from './live-address.ts';
import { answerPastIndex, answerPastPlaylist } from './past.ts';
import type { Reply } from './reply.ts';
import type { Stills } from './stills.ts';
import { answerSubtitles } from './subtitles.ts';
import { answerTsIndex, answerTsPast, answerTsPlaylist } from './ts.ts';
import { TS } from './ts-playlist.ts';
import { TsSegments } from './ts-segments.ts';
import { answerVsr } from './vsr.ts';

/** What answering needs. */
export interface AnswerOptions {
  readonly find: FindStream;
  readonly clock: Clock;
  readonly reader: RangeReader;
  /** Shared with what answers without waiting. */
  readonly known?: KnownSegments;
  readonly stills: Stills;
  readonly metrics?: Pick<Metrics, 'tsSegments' | 'tsCacheBytes'>;
  /** Name of the stream behind addresses that name none; undefined while there is no stream at all. */
  readonly defaultStream?: () => string | undefined;
}

/** Answers a media path. `signal` fires when nobody waits any more. */
export type Answer = (path: string, query: URLSearchParams, options: { signal: AbortSignal }) => Promise<Reply>;

const LIVE_DVR = new RegExp(
  `^/live/(${NAME})/dvr-([0-9a-z]{1,8})/(?:index\\.m3u8|(${RENDITION})/g(\\d{1,15})\\.m3u8)$`,
);
const LIVE_TS = new RegExp(`^/live/(${NAME})/ts/(?:index\\.m3u8|g(\\d{1,15})\\.m3u8|(\\d{1,15})\\.ts)$`);
const LIVE_TEXT = new RegExp(`^/live/(${NAME})/(s\\d[a-z0-9-]{0,30})/(\\d{1,15})\\.vtt$`);
/** An instant or a duration, percent-encoded. */
const TIME = '[^/]{1,64}';
const VOD = new RegExp(`^/vod/(${NAME})/(${TIME})/(${TIME})/(?:v(\\d{1,9})/)?(?:index|(${RENDITION}))\\.m3u8$`);
const CLIP = new RegExp(`^/clip/(${NAME})/(${TIME})/(${TIME})\\.(mp4|mkv|ts)$`);
const THUMB = new RegExp(`^/thumb/(${NAME})/(${TIME})\\.jpg$`);

/** Builds the function that answers media paths. */
export function createAnswer(options: AnswerOptions): Answer {
  const { find, clock, reader, stills, metrics, known = new KnownSegments(reader) } = options;
  const segments = new TsSegments({ reader, ...(metrics && { metrics }) });
  const clips = new Clips(reader);
  const dvr = new DvrLists();
  const stream = (name: string): Deliverable => {
    const found = find(name);
    if (!found) throw streamUnknown(name);
    return found;
  };
  const defaultStream = (): Deliverable => {
    const name = options.defaultStream?.();
    if (name === undefined) throw streamUnknown(undefined);
    return stream(name);
  };
  const vsr = { stream: defaultStream, segments, clock };
  return async (path, query, { signal }) => {
    const ts = LIVE_TS.exec(path);
    if (ts) return answerLiveTs(stream(ts[1]!), ts, segments, signal);
    const text = LIVE_TEXT.exec(path);
    if (text) return answerSubtitles(stream(text[1]!), text[2]!, Number(text[3]), reader);
    const long = LIVE_DVR.exec(path);
    if (long) {
      const [, name, length, rendition, generation] = long;
      if (rendition === undefined) return dvr.index(stream(name!), length!, { signal });
      const asked = parseDirectives(query);
      return dvr.playlist(stream(name!), length!, rendition, Number(generation), asked, { signal });
    }
    const live = parseLiveAddress(path);
    if (live) return answerLive(stream(live.name), live, query, { reader, known, signal });
    const vod = VOD.exec(path);
    if (vod) {
      const [, name, from, to, revision, rendition] = vod;
      const asked = { range: parseRange(from!, to!), ...(revision !== undefined && { revision: Number(revision) }) };
      if (rendition === undefined) return answerPastIndex(stream(name!), asked);
      if (rendition === TS) return answerTsPast(stream(name!), asked);
      return answerPastPlaylist(stream(name!), asked, rendition);
    }
    const clip = CLIP.exec(path);
    if (clip) {
      const [, name, from, to, format] = clip;
      return clips.answer(stream(name!), parseRange(from!, to!), format as ClipFormat, { signal });
    }
    const thumb = THUMB.exec(path);
    if (thumb) return stills.answer(stream(thumb[1]!), instantUs(thumb[2]!), clock.nowMs() * 1000, { signal });
    const old = answerVsr(path, query, vsr, { signal });
    if (old) return old;
    throw new OxbowError('not-found', `there is no media at ${path.slice(0, 200)}`);
  };
}

function answerLiveTs(
  stream: Deliverable,
  [, , generation, msn]: RegExpExecArray,
  segments: TsSegments,
  signal: AbortSignal,
): Promise<Reply> | Reply {
  if (generation !== undefined) return answerTsPlaylist(stream, Number(generation));
  return msn === undefined ? answerTsIndex(stream, { signal }) : segments.answer(stream, Number(msn));
}

function answerLive(
  stream: Deliverable,
  address: LiveAddress,
  query: URLSearchParams,
  { reader, known, signal }: { reader: RangeReader; known: KnownSegments; signal: AbortSignal },
): Promise<Reply> | Reply {
  switch (address.kind) {
    case 'index':
      return answerLiveIndex(stream, { signal });
    case 'playlist':
      return answerLivePlaylist(stream, address, parseDirectives(query), { signal });
    case 'init':
      return answerInit(stream, address.rendition, address.init);
    case 'part':
      return answerPart(stream, address, { signal });
    case 'segment':
      return answerSegment(stream, address, { reader, known });
  }
}
