/**
 * Decodes CEA-608 captions to WebVTT cues: both fields, with two channels each.
 * In: caption triplets in the order in which pictures are shown. Out: cues of CC1 to CC4. Pure.
 * ANSI/CTA-608-E, 7 and 8.
 *
 * It is not FFmpeg's decoder (`cc_dec`), which takes the characters of both channels of a field for one text,
 * so that CC1 and CC2 are mixed, and which needs a child process for a few bytes of a picture.
 */
import type { VttCue } from '../webvtt/cue.ts';
import type { CaptionService } from './caption-channel.ts';
import { CC_TYPE, CC_VALID, TRIPLET_BYTES } from './cc-data.ts';
import { CaptionChannelDecoder } from './channel.ts';
import { hasOddParity } from './services.ts';

/**
 * Captions disappear if nothing of their field comes for this long, ms (47 CFR 79.101; ANSI/CTA-608-E, 8.7).
 */
const ERASED_AFTER_MS = 16_000;
/** Below are codes. */
const FIRST_CHARACTER = 0x20;

/** A cue of a service. */
export type CaptionCue = VttCue & { readonly service: CaptionService };

/** Both fields of a video. */
export class CaptionDecoder {
  readonly #fields: readonly [Field, Field];

  /** @param deliver receives each cue when it ends; those of one service in order */
  constructor(deliver: (cue: CaptionCue) => void) {
    this.#fields = [new Field(['CC1', 'CC2'], deliver), new Field(['CC3', 'CC4'], deliver)];
  }

  /**
   * Takes the captions of the next picture.
   *
   * @param atMs when it is shown; not less than that of the picture before
   */
  add(triplets: Uint8Array, atMs: number): void {
    for (let at = 0; at + 2 < triplets.length; at += TRIPLET_BYTES) {
      const flags = triplets[at]!;
      const type = flags & CC_TYPE.mask;
      if ((flags & CC_VALID) === 0 || type > CC_TYPE.field2) continue;
      this.#fields[type === CC_TYPE.field1 ? 0 : 1].add(triplets[at + 1]!, triplets[at + 2]!, atMs);
    }
  }

  /** Media is missing, or ends: delivers the shown text. */
  flush(atMs: number): void {
    for (const field of this.#fields) field.flush(atMs);
  }
}

/** One field: its channels take turns. */
class Field {
  readonly #channels: readonly [CaptionChannelDecoder, CaptionChannelDecoder];
  #current: CaptionChannelDecoder | undefined;
  /** The last control code, which is sent twice; 0 for none. */
  #last = 0;
  /** Extended data services: not captions. */
  #isExtendedData = false;
  #newestMs = 0;

  constructor(names: readonly [CaptionService, CaptionService], deliver: (cue: CaptionCue) => void) {
    const open = (service: CaptionService) => new CaptionChannelDecoder((cue) => deliver({ ...cue, service }));
    this.#channels = [open(names[0]), open(names[1])];
  }

  add(first: number, second: number, atMs: number): void {
    const a = first & 0x7f;
    const b = second & 0x7f;
    if (atMs - this.#newestMs > ERASED_AFTER_MS) this.flush(this.#newestMs + ERASED_AFTER_MS);
    // Pairs without content may be between the two of a control code, as they may be without captions at all.
    if (a === 0 && b === 0) return;
    this.#newestMs = atMs;
    const isWhole = hasOddParity(first) && hasOddParity(second);
    if (a >= 0x10 && a < FIRST_CHARACTER) {
      if (isWhole && b >= FIRST_CHARACTER) this.#control(a, b, atMs);
      return;
    }
    this.#last = 0;
    if (a > 0 && a < 0x10) {
      this.#isExtendedData = a !== 0x0f;
      return;
    }
    if (this.#isExtendedData || !this.#current) return;
    // A damaged character is shown as a block.
    if (a >= FIRST_CHARACTER) this.#current.character(hasOddParity(first) ? a : 0x7f, atMs);
    if (b >= FIRST_CHARACTER) this.#current.character(hasOddParity(second) ? b : 0x7f, atMs);
  }

  flush(atMs: number): void {
    const endMs = Math.min(atMs, this.#newestMs + ERASED_AFTER_MS);
    for (const channel of this.#channels) channel.erase(endMs);
  }

  #control(a: number, b: number, atMs: number): void {
    const code = (a << 8) | b;
    const isRepeated = code === this.#last;
    this.#last = isRepeated ? 0 : code;
    if (isRepeated) return;
    this.#isExtendedData = false;
    this.#current = this.#channels[a & 0x08 ? 1 : 0];
    this.#current.control(a & 0x77, b, atMs);
  }
}
