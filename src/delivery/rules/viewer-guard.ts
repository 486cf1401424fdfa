/**
 * Checks the addresses of media against the broadcaster's rules for the past, so that a guessed address gives
 * no more than playlists list.
 * In: an address, the stream with its rules. Out: the stream that answers, or OxbowError `not-started`,
 * `past-limited`, `clips-off`, `not-found`. docs/4-watch/rules-for-the-past.md.
 */
import type { MediaAddress } from '../../api/media-address.ts';
import { limitsTimes, type MarkedRules, type VisiblePast, visiblePast } from '../../api/past/past-rules.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { LiveSegment } from '../../packager/live-segment.ts';
import { instantUs, parseRange } from '../address-time.ts';
import { qualityFor } from '../live/quality-window.ts';
import type { Range } from '../past/past.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { keptFor } from '../text-reply.ts';
import { viewerStream } from './viewer-stream.ts';

/** What caches keep of a stream with rules, seconds: a rule that was set acts everywhere after this time. */
const MAX_AGE_S = 60;
/** Where the media of an MSN begins and ends, of the newest requests. */
const MAX_KNOWN = 4096;

/** The answer of the check. */
export interface Guarded {
  /** Answers the request. */
  readonly stream: ServedStream;
  /** How long caches may keep the answer, seconds. */
  readonly maxAgeS: number;
}

/** The times in an address of catch-up, seconds. */
type CatchUpTimes = Pick<Extract<MediaAddress, { readonly kind: 'ts-catch-up' }>, 'fromS' | 'lengthS'>;

/** µs since 1970, and µs. */
interface SegmentTimes {
  readonly startUs: number;
  readonly durationUs: number;
}

/** Checks requests of viewers. */
export class ViewerGuard {
  readonly #nowMs: () => number;
  /** By stream, then MSN; complete segments. */
  readonly #times = new WeakMap<ServedStream, Map<number, SegmentTimes>>();

  /** @param nowMs ms since 1970 */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Checks a request of a viewer. Synchronous unless the times of a segment must be read.
   *
   * @param stream with rules
   * @throws OxbowError `not-started`, `past-limited`, `clips-off`, `not-found`
   */
  check(stream: ServedStream, rules: MarkedRules, address: MediaAddress): Guarded | Promise<Guarded> {
    const visible = visiblePast(rules, this.#nowMs());
    switch (address.kind) {
      case 'time':
      case 'session':
      case 'steering':
      case 'unknown':
        return { stream, maxAgeS: MAX_AGE_S };
      case 'clip':
      case 'timelapse':
        assertClips(rules);
    }
    assertStarted(stream, rules, visible);
    switch (address.kind) {
      case 'init':
        return { stream, maxAgeS: MAX_AGE_S };
      case 'part':
      case 'segment':
      case 'stored-segment':
      case 'subtitles':
      case 'ts-segment':
      case 'vsr-segment': {
        const served = 'rendition' in address ? qualityFor(stream, address.rendition) : stream;
        const times = this.#timesOf(served, address.msn);
        const guarded = (found: SegmentTimes | undefined) => ({
          stream,
          maxAgeS: assertSegment(served, rules, visible, address.msn, found),
        });
        return times instanceof Promise ? times.then(guarded) : guarded(times);
      }
      case 'clip':
      case 'timelapse':
        assertWithin(stream, visible, parseRange(address.from, address.to));
        break;
      case 'window-index':
      case 'window-manifest':
      case 'window-playlist':
      case 'captions':
      case 'storyboard':
        assertOverlap(stream, visible, parseRange(address.from, address.to));
        break;
      case 'ts-catch-up':
        assertOverlap(stream, visible, catchUpRange(address));
        break;
      case 'still':
      case 'small-still': {
        const us = instantUs(address.at);
        assertWithin(stream, visible, { fromUs: us, toUs: us });
      }
    }
    return { stream: viewerStream(stream, this.#nowMs), maxAgeS: maxAgeOf(rules) };
  }

  /**
   * Checks a clip that has an address.
   *
   * @throws OxbowError `not-started`, `past-limited`
   */
  checkClip(stream: ServedStream, rules: MarkedRules, range: Range): Guarded {
    const visible = visiblePast(rules, this.#nowMs());
    assertStarted(stream, rules, visible);
    assertWithin(stream, visible, range);
    return { stream, maxAgeS: maxAgeOf(rules) };
  }

  /** Where a segment begins and ends; undefined if there is none. */
  #timesOf(stream: ServedStream, msn: number): SegmentTimes | undefined | Promise<SegmentTimes | undefined> {
    const known = this.#times.get(stream) ?? new Map<number, SegmentTimes>();
    this.#times.set(stream, known);
    const cached = known.get(msn);
    if (cached) return cached;
    const listed = stream.list.find(msn);
    if (listed && !listed.sealed) return openTimes(listed);
    const remember = (times: SegmentTimes | undefined) => {
      if (times) known.set(msn, times);
      if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
      return times;
    };
    if (listed?.sealed) return remember({ startUs: listed.startUs, durationUs: listed.sealed.durationUs });
    return stream.recording.find(msn).then((group) => {
      return remember(group && { startUs: group.startUs, durationUs: group.durationUs });
    });
  }
}

/**
 * How long the segment stays visible, seconds.
 *
 * @param times undefined: there is no such segment
 * @throws OxbowError `past-limited`, `not-found`
 */
function assertSegment(
  stream: ServedStream,
  rules: MarkedRules,
  visible: VisiblePast,
  msn: number,
  times: SegmentTimes | undefined,
): number {
  // What does not exist is refused where it is looked up; of what does not exist yet, only the delay must
  // not show when it does.
  if (!times) {
    if (visible.toMs !== Number.POSITIVE_INFINITY) throw notThere(msn);
    return msn > (stream.list.segments.at(-1)?.msn ?? 0) ? MAX_AGE_S : 0;
  }
  const { startUs, durationUs } = times;
  if (startUs + durationUs > visible.toMs * 1000) throw notThere(msn);
  if (startUs < visible.fromMs * 1000) throw tooEarly(stream, visible);
  if (rules.rewindMs === undefined) return MAX_AGE_S;
  return Math.max(0, Math.min(MAX_AGE_S, Math.floor(startUs / 1e6 - visible.fromMs / 1000)));
}

/** What viewers may see moves on with the time, where they may not rewind to the start. */
function maxAgeOf({ rewindMs }: MarkedRules): number {
  return rewindMs === undefined ? MAX_AGE_S : 1;
}

/** A segment that grows: it ends later than any delay shows. */
function openTimes({ startUs }: LiveSegment): SegmentTimes {
  return { startUs, durationUs: Number.MAX_SAFE_INTEGER - startUs };
}

/**
 * A stream that is answered from memory, without a check of each request; undefined if its rules for the past
 * need one.
 */
export function unruled(stream: ServedStream | undefined): ServedStream | undefined {
  return stream?.past && limitsTimes(stream.past) ? undefined : stream;
}

/** A reply that caches keep for this long at most, and not while the origin is away. */
export function keptAtMost(reply: Reply, maxAgeS: number): Reply {
  const control = reply.cacheControl;
  if (control.includes('no-store')) return reply;
  const given = Number(/max-age=(\d{1,10})/.exec(control)?.[1] ?? 0);
  return keptFor(reply, `public, max-age=${Math.min(given, maxAgeS)}, must-revalidate`);
}

/** A reply for which no client is sent to a bucket: its signed address would open the whole file. */
export function fromHere(reply: Reply): Reply {
  return reply.stored ? (Object.create(reply, { stored: { value: undefined } }) as Reply) : reply;
}

/** @throws OxbowError `clips-off` */
export function assertClips({ clips }: MarkedRules): void {
  if (clips === false) throw new OxbowError('clips-off', 'Viewers make no clips, exports and stills of this stream.');
}

/** @throws OxbowError `not-started` */
function assertStarted({ name }: ServedStream, { start, delayMs = 0 }: MarkedRules, { isStarted }: VisiblePast): void {
  if (isStarted) return;
  const when = typeof start === 'number' ? `; it starts at ${new Date(start + delayMs).toISOString()}` : '';
  throw new OxbowError('not-started', `The stream ${name} has not started for viewers${when}.`);
}

/** @throws OxbowError `past-limited` unless the whole range is visible */
function assertWithin(stream: ServedStream, visible: VisiblePast, { fromUs, toUs }: Range): void {
  if (fromUs < visible.fromMs * 1000) throw tooEarly(stream, visible);
  if (toUs > visible.toMs * 1000) throw tooLate(stream, visible);
}

/** @throws OxbowError `past-limited` unless a part of the range is visible */
function assertOverlap(stream: ServedStream, visible: VisiblePast, { fromUs, toUs }: Range): void {
  if (toUs <= visible.fromMs * 1000) throw tooEarly(stream, visible);
  if (fromUs >= visible.toMs * 1000) throw tooLate(stream, visible);
}

function tooEarly({ name }: ServedStream, { fromMs }: VisiblePast): OxbowError {
  return new OxbowError('past-limited', `Viewers see ${name} from ${new Date(fromMs).toISOString()} on.`);
}

function tooLate({ name }: ServedStream, { toMs }: VisiblePast): OxbowError {
  return new OxbowError('past-limited', `Viewers see ${name} until ${new Date(toMs).toISOString()} now.`);
}

/** Without a length: up to now. */
function catchUpRange({ fromS, lengthS }: CatchUpTimes): Range {
  return { fromUs: fromS * 1e6, toUs: lengthS === undefined ? Number.POSITIVE_INFINITY : (fromS + lengthS) * 1e6 };
}

function notThere(msn: number): OxbowError {
  return new OxbowError('not-found', `There is no segment ${msn}.`);
}
