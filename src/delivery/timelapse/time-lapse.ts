/**
 * Answers /timelapse/{stream}/{from}/{to}/{seconds}.mp4: the key frames of a range as a short film without
 * sound, nothing encoded again.
 * In: a range, the duration of the film. Out: Reply with length, validator and ranges. The frames are read
 * from the recording when they are sent, so that a film has nothing that was deleted; only their positions
 * are cached.
 */
import { createHash } from 'node:crypto';
import { printKeyFrameMovie } from '@oxbow/media/isobmff/movie/key-frame-movie';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { mapEach } from '../../lib/map-each.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { lengthOf } from '../body-parts.ts';
import { checkOrder, type Range, refuseEmpty } from '../past/past.ts';
import type { BodyPart, Reply } from '../reply.ts';
import { Memo, Semaphore } from '../segment-memo.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, contentTypes } from '../text-reply.ts';
import { refuseStrangers, type WorkOptions } from '../work-budget.ts';
import { firstSampleOf } from './first-sample.ts';
import { type KeySegment, selectKeySegments } from './key-frames.ts';

/** Most frames of a film. */
const MAX_FRAMES = 1_500;
/** Highest frame rate: more is not visible. */
const MAX_RATE = 50;
/** Shortest and longest film, seconds. */
const [MIN_S, MAX_S] = [5, 120];
/** Longest range, µs. */
const MAX_RANGE_US = 7 * 24 * 3600 * 1_000_000;
/** Cached films, about 150 KB each: places of the frames, no media. */
const MAX_KNOWN = 32;
/** Films that are made at the same time; each reads up to 1,500 heads of segments, four at a time. */
const AT_ONCE = 2;
/** Longest time to find the frames of a film, ms. */
const MAKE_WITHIN_MS = 60_000;
/** First bytes of a segment, which have its first moof unless it has very many samples. */
const HEAD_BYTES = 2_048;
/** Memory of a part of an open film, bytes; measured. */
const PART_BYTES = 200;
/** Part of the ETag. Raise it when the bytes of a film change. */
const REVISION = 'timelapse1;';

/** Where the frames of a film are, and its head. */
interface Film {
  readonly head: Uint8Array;
  readonly frames: readonly { readonly segment: KeySegment; readonly offset: number; readonly length: number }[];
  readonly etag: string;
}

/** Time-lapses of all streams. */
export class TimeLapses {
  readonly #reader: Pick<RangeReader, 'read'>;
  readonly #films = new Memo<Film>(new Semaphore(AT_ONCE), MAX_KNOWN);
  readonly #metrics: Pick<Metrics, 'timeLapses'> | undefined;

  /** @param reader of chunk files */
  constructor(reader: Pick<RangeReader, 'read'>, metrics?: Pick<Metrics, 'timeLapses'>) {
    this.#reader = reader;
    this.#metrics = metrics;
  }

  /**
   * The film of a range. It is planned once for concurrent and repeated requests.
   *
   * @param seconds duration of the film
   * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`; `unauthorized` for a long range
   *   without a session; `too-many-requests`
   */
  async answer(
    stream: ServedStream,
    range: Range,
    seconds: number,
    budget: WorkOptions['budget'] = undefined,
  ): Promise<Reply> {
    checkRequest(stream, range, seconds);
    await refuseStrangers('time-lapse', range, budget);
    const { fromUs, toUs } = range;
    // What retention has deleted is not in the film, also if it was when the film was first requested.
    const keptUs = Math.max(fromUs, stream.horizonUs());
    const key = [stream.recording.streamId, stream.list.erasures, keptUs, toUs, seconds].join('/');
    let isMade = false;
    const film = await this.#films.get(key, () => {
      isMade = true;
      budget?.begin();
      return this.#make(stream, range, seconds, { signal: AbortSignal.timeout(MAKE_WITHIN_MS), budget });
    });
    this.#metrics?.timeLapses.inc({ result: isMade ? 'made' : 'cached' });
    const body: BodyPart[] = [film.head, ...film.frames.map((frame) => this.#bodyOf(frame))];
    const start = new Date(fromUs / 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    return {
      contentType: contentTypes.mp4,
      cacheControl: caching.past,
      length: lengthOf(body),
      body,
      weight: film.head.length + body.length * PART_BYTES,
      etag: film.etag,
      filename: `${stream.name.replace('~', '-')}-${start}-timelapse.mp4`,
    };
  }

  #bodyOf({ segment: { location }, offset, length }: Film['frames'][number]): BodyPart {
    return { length, read: () => this.#reader.read(location, offset, length) };
  }

  async #make(stream: ServedStream, range: Range, seconds: number, options: WorkOptions): Promise<Film> {
    const most = Math.min(MAX_FRAMES, seconds * MAX_RATE);
    const selection = await selectKeySegments(stream, range, most, options);
    if (!selection) return refuseEmpty(stream, range);
    if (selection.recordedUs <= seconds * 1e6) {
      throw new OxbowError(
        'bad-time',
        `${Math.floor(selection.recordedUs / 1e6)} s are recorded between these times; a time-lapse of ${seconds} s needs more.`,
      );
    }
    const frames = (await mapEach(selection.segments, (segment) => this.#frameOf(segment), options)).filter(
      (frame) => frame !== undefined,
    );
    if (frames.length === 0) throw new OxbowError('no-media', `${stream.name} has no key frame between these times.`);
    const head = printKeyFrameMovie(
      selection.track,
      frames.map(({ length }) => length),
      seconds,
    );
    const hash = createHash('sha1').update(REVISION).update(head);
    for (const { segment } of frames) hash.update(`${segment.msn}/${segment.crc};`);
    return { head, frames, etag: hash.digest('base64url') };
  }

  /** The key frame at the start of a segment; undefined if it has none. */
  async #frameOf(segment: KeySegment): Promise<Film['frames'][number] | undefined> {
    const { location, offset, length } = segment;
    let need = Math.min(HEAD_BYTES, length);
    for (;;) {
      const sample = firstSampleOf(await this.#reader.read(location, offset, need), length);
      if (typeof sample !== 'number') {
        return sample?.key ? { segment, offset: offset + sample.offset, length: sample.length } : undefined;
      }
      if (sample <= need) return undefined;
      need = sample;
    }
  }
}

function checkRequest(stream: ServedStream, { fromUs, toUs }: Range, seconds: number): void {
  checkOrder({ fromUs, toUs });
  if (seconds < MIN_S || seconds > MAX_S) {
    throw new OxbowError('bad-time', `A time-lapse lasts ${MIN_S} to ${MAX_S} seconds, not ${seconds}.`);
  }
  if (toUs - fromUs > MAX_RANGE_US) throw new OxbowError('window-too-long', 'A time-lapse shows at most 7 days.');
  if (!stream.settled(toUs)) {
    throw new OxbowError('bad-time', 'The recording does not reach the end of the time-lapse yet; let it end earlier.');
  }
}
