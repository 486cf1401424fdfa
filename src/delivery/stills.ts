/**
 * Answers /thumb/{stream}/{time}.jpg: the picture at an instant.
 * In: an instant. Out: Reply with a JPEG. Concurrent requests for one instant share one decoding; the cache
 * is bounded.
 */

import { concatBytes } from '@oxbow/media/bytes';
import type { Track } from '@oxbow/media/frame';
import { printInit } from '@oxbow/media/isobmff/init';
import { readIntact } from '../archive/integrity/read-intact.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import { OxbowError } from '../lib/errors.ts';
import { type RecordedGroup, startsWithKey } from '../recording/recording-reader.ts';
import { joins } from './past/past-presentation.ts';
import type { Reply } from './reply.ts';
import type { ServedStream } from './served-stream.ts';
import { SingleFlight } from './single-flight.ts';
import { bytesReply, caching, contentTypes } from './text-reply.ts';

/** Creates a JPEG of media bytes; see ffmpeg/engine. */
export type MakeStill = (
  input: { bytes: Uint8Array; atS?: number; width: number },
  options: { signal: AbortSignal },
) => Promise<Uint8Array>;

/** Widest still, pixels. Narrower pictures keep their width. */
const MAX_WIDTH = 640;
/** Narrowest still that the engine creates, pixels. */
const MIN_WIDTH = 16;
/**
 * Cached stills, about 30 KB each; more while many are requested again, since each one costs a child process.
 */
const BOUNDS = { maxBytes: 4 * 1024 * 1024, grows: { mostBytes: 32 * 1024 * 1024, againMs: 10_000 } };
/** An old still never changes; after a day caches check whether retention has deleted it. */
const OLD = 'public, max-age=86400, immutable';
/** How far a requested instant may be ahead of the newest complete segment. */
const EDGE_US = 15_000_000;
/** Addresses usually name whole seconds: media that begins within that second matches. */
const SECOND_US = 1_000_000;
/** Decoding begins at a key frame at most this far before the picture. */
const LOOK_BACK_US = 30_000_000;

/**
 * The last group and those before it, from the last key frame on without a hole. Empty if there is no key
 * frame.
 */
function decodable(groups: readonly RecordedGroup[]): readonly RecordedGroup[] {
  for (let from = groups.length - 1; from >= 0; from--) {
    if (startsWithKey(groups[from]!)) return groups.slice(from);
    if (from > 0 && !joins(groups[from - 1]!, groups[from]!)) return [];
  }
  return [];
}

/** Stills of all streams. */
export class Stills {
  readonly #makeStill: MakeStill;
  readonly #reader: Pick<RangeReader, 'read'>;
  readonly #shared: SingleFlight;

  /**
   * @param options.signal aborts all decoding
   */
  constructor(options: { makeStill: MakeStill; reader: Pick<RangeReader, 'read'>; signal: AbortSignal }) {
    this.#makeStill = options.makeStill;
    this.#reader = options.reader;
    this.#shared = new SingleFlight({ bounds: BOUNDS, signal: options.signal });
  }

  /**
   * Answers with the still of an instant.
   *
   * @param us the instant, since 1970
   * @param nowUs now
   * @param options.signal aborts when this client disconnects; other clients may wait for the same still
   * @throws OxbowError `no-media`, `gone`, `engine-failed`
   */
  async answer(stream: ServedStream, us: number, nowUs: number, { signal }: { signal: AbortSignal }): Promise<Reply> {
    if (stream.erased?.overlaps(us, us + 1))
      throw new OxbowError('gone', `The recording of ${stream.name} was deleted there.`);
    const settled = stream.settled(us);
    const groups = await stream.recording.between(us - EDGE_US - LOOK_BACK_US, us + SECOND_US);
    const around = groups.filter(({ startUs }) => startUs <= us);
    // While the stream grows, the newest instants are answered with the newest picture.
    const reachUs = settled ? 0 : EDGE_US;
    const last = around.at(-1);
    if (last && us < last.startUs + last.durationUs + reachUs) return this.#show(stream, around, us, nowUs, { signal });
    const [next] = groups.slice(around.length);
    if (next) return this.#show(stream, [next], next.startUs, nowUs, { signal });
    throw new OxbowError('no-media', `Nothing of ${stream.name} is recorded at that time.`);
  }

  /** @param around groups; the last one has the picture, those before it may be needed to decode it */
  async #show(
    stream: ServedStream,
    around: readonly RecordedGroup[],
    us: number,
    nowUs: number,
    { signal }: { signal: AbortSignal },
  ): Promise<Reply> {
    const settled = stream.settled(us);
    const shown = around.at(-1)!;
    const init = stream.inits.get(shown.initNumber);
    const video = init?.tracks.find((track) => track.kind === 'video');
    const groups = video ? decodable(around) : [];
    const first = groups[0];
    if (!video || !first) throw new OxbowError('no-media', `${stream.name} has no picture at that time.`);
    const atUs = Math.min(us, shown.startUs + shown.durationUs - 1);
    const atS = Math.max(0, atUs - first.startUs) / 1e6;
    const key = `${first.location}#${first.msn}-${shown.msn}#${atS}`;
    const bytes = await this.#shared.get(key, (options) => this.#make(video, groups, atS, options), { signal });
    const isOld = settled && nowUs - us > EDGE_US * 2;
    return bytesReply(bytes, contentTypes.jpeg, isOld ? OLD : caching.live);
  }

  async #make(
    video: Track,
    groups: readonly RecordedGroup[],
    atS: number,
    options: { signal: AbortSignal },
  ): Promise<Uint8Array> {
    const segments: Uint8Array[] = [];
    for (const group of groups) {
      const media = group.tracks.find((track) => track.trackId === video.id);
      if (media)
        segments.push(await readIntact(this.#reader, { ...media, location: media.location ?? group.location }));
    }
    const bytes = concatBytes([printInit([video]), ...segments]);
    options.signal.throwIfAborted();
    const width = video.kind === 'video' ? Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, video.config.width)) : MAX_WIDTH;
    return this.#makeStill({ bytes, atS, width }, options);
  }
}
