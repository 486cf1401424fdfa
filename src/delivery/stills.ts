/**
 * Answers /thumb/{stream}/{time}.jpg: the picture that was shown at an instant.
 * In: an instant. Out: Reply with a JPEG. One decoding for all who ask for the same instant; bounded in memory.
 */
import type { RangeReader } from '../archive/range-reader.ts';
import { concatBytes } from '../lib/bytes.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Track } from '../media/frame.ts';
import { printInit } from '../media/isobmff/init.ts';
import { type RecordedGroup, startsWithKey } from '../recording/recording-reader.ts';
import { joins } from './past/past-presentation.ts';
import type { Reply } from './reply.ts';
import type { ServedStream } from './served-stream.ts';
import { SingleFlight } from './single-flight.ts';
import { bytesReply, caching, contentTypes } from './text-reply.ts';

/** Makes a JPEG of media bytes; see ffmpeg/engine. */
export type MakeStill = (
  input: { bytes: Uint8Array; atS?: number; width: number },
  options: { signal: AbortSignal },
) => Promise<Uint8Array>;

/** Widest still, pixels. A picture that is not as wide keeps its own width: a larger still would show no more. */
const MAX_WIDTH = 640;
/** Narrowest still that the engine makes, pixels. */
const MIN_WIDTH = 16;
/** Stills kept in memory, about 30 KB each; more while many are requested again, since each takes work of a child process. */
const BOUNDS = { maxBytes: 4 * 1024 * 1024, grows: { mostBytes: 32 * 1024 * 1024, againMs: 10_000 } };
/** A still of long ago never changes; after a day caches ask whether it is still kept. */
const OLD = 'public, max-age=86400, immutable';
/** How far the newest instants may lie ahead of the newest whole segment. */
const EDGE_US = 15_000_000;
/** Addresses name seconds as a rule: what begins within the one that is named is meant too. */
const SECOND_US = 1_000_000;
/** A picture is decoded from a key frame no further back than this. */
const LOOK_BACK_US = 30_000_000;

/** The last of `groups` with what it needs before it: from the last key frame on, without a hole. Empty where there is none. */
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
  readonly #made: SingleFlight;

  /**
   * @param options.signal ends what is being made
   */
  constructor(options: { makeStill: MakeStill; reader: Pick<RangeReader, 'read'>; signal: AbortSignal }) {
    this.#makeStill = options.makeStill;
    this.#reader = options.reader;
    this.#made = new SingleFlight({ bounds: BOUNDS, signal: options.signal });
  }

  /**
   * @param us the instant, since 1970
   * @param nowUs now
   * @param options.signal a viewer who leaves; others may wait for the same still
   * @throws OxbowError `no-media`, `engine-failed`
   */
  async answer(stream: ServedStream, us: number, nowUs: number, { signal }: { signal: AbortSignal }): Promise<Reply> {
    const settled = stream.settled(us);
    const groups = await stream.recording.between(us - EDGE_US - LOOK_BACK_US, us + SECOND_US);
    const around = groups.filter(({ startUs }) => startUs <= us);
    // Where more is to come, the newest instants are answered with the newest picture there is.
    const reachUs = settled ? 0 : EDGE_US;
    const last = around.at(-1);
    if (last && us < last.startUs + last.durationUs + reachUs) return this.#show(stream, around, us, nowUs, { signal });
    const [next] = groups.slice(around.length);
    if (next) return this.#show(stream, [next], next.startUs, nowUs, { signal });
    throw new OxbowError('no-media', `nothing of ${stream.name} is recorded at that time`);
  }

  /** @param around groups of which the last one is shown, with what it may need before it */
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
    if (!video || !first) throw new OxbowError('no-media', `${stream.name} has no picture at that time`);
    const atUs = Math.min(us, shown.startUs + shown.durationUs - 1);
    const atS = Math.max(0, atUs - first.startUs) / 1e6;
    const key = `${first.location}#${first.msn}-${shown.msn}#${atS}`;
    const bytes = await this.#made.get(key, (options) => this.#make(video, groups, atS, options), { signal });
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
      const own = group.tracks.find((track) => track.trackId === video.id);
      if (own) segments.push(await this.#reader.read(group.location, own.offset, own.length));
    }
    const bytes = concatBytes([printInit([video]), ...segments]);
    options.signal.throwIfAborted();
    const width = video.kind === 'video' ? Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, video.config.width)) : MAX_WIDTH;
    return this.#makeStill({ bytes, atS, width }, options);
  }
}
