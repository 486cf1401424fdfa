/**
 * Collects the closed captions of a film: which services it has, and the cues of CEA-608.
 * In: pictures in decode order. Out: services and cues. Bounded in memory: a few pictures wait for their
 * order, and cues are counted.
 */
import type { CaptionService } from './caption-channel.ts';
import { CaptionReader, CC_TYPE, CC_VALID, TRIPLET_BYTES } from './cc-data.ts';
import { type CaptionCue, CaptionDecoder } from './decoder.ts';
import { ServiceDetector } from './services.ts';

/** More than any codec reorders. */
const REORDERED = 32;
/** A service may have more than this only for as long as cues of all services fit. */
const MAX_CUES = 100_000;

interface Waiting {
  readonly atMs: number;
  readonly triplets: Uint8Array;
}

/** The captions of one video track. */
export class CaptionCollector {
  /** Those that ended so far, in the order in which they end. */
  readonly cues: CaptionCue[] = [];
  readonly #reader: CaptionReader;
  readonly #detector = new ServiceDetector();
  readonly #decoder = new CaptionDecoder((cue) => {
    if (this.cues.length < MAX_CUES) this.cues.push(cue);
  });
  readonly #waiting: Waiting[] = [];
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(codec: 'h264' | 'hevc') {
    this.#reader = new CaptionReader(codec);
  }

  /** All services that were seen, CEA-608 first. */
  get services(): CaptionService[] {
    return this.#detector.services;
  }

  /**
   * Takes the next picture.
   *
   * @param sample NAL units, each after its length in 4 bytes
   * @param atMs when it is shown, ms
   */
  add(sample: Uint8Array, atMs: number): void {
    const captions = this.#reader.read(sample);
    if (!captions) return;
    this.#detector.add(captions);
    const triplets = withoutEmpty(captions);
    if (triplets.length === 0) return;
    const waiting = this.#waiting;
    let place = waiting.length;
    while (place > 0 && waiting[place - 1]!.atMs > atMs) place--;
    waiting.splice(place, 0, { atMs, triplets });
    if (waiting.length > REORDERED) this.#decode(waiting.shift()!);
  }

  /** Media is missing, or ends: ends the shown text. */
  end(atMs: number): void {
    for (const waiting of this.#waiting.splice(0)) this.#decode(waiting);
    this.#decoder.flush(Math.max(atMs, this.#newestMs));
  }

  #decode({ atMs, triplets }: Waiting): void {
    this.#newestMs = Math.max(this.#newestMs, atMs);
    this.#decoder.add(triplets, this.#newestMs);
  }
}

/** The pairs of CEA-608 with content, copied. */
function withoutEmpty(triplets: Uint8Array): Uint8Array {
  const kept: number[] = [];
  for (let at = 0; at + 2 < triplets.length; at += TRIPLET_BYTES) {
    const flags = triplets[at]!;
    if ((flags & CC_VALID) === 0 || (flags & CC_TYPE.mask) > CC_TYPE.field2) continue;
    const [first, second] = [triplets[at + 1]!, triplets[at + 2]!];
    if (((first | second) & 0x7f) !== 0) kept.push(flags, first, second);
  }
  return Uint8Array.from(kept);
}
