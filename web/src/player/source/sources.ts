/**
 * Makes what a buffer loads: the live list, or windows from a moment on.
 * In: moments. Out: sources for buffers.
 */
import type { Recorded } from '../../timeline/recorded.ts';
import { liveSettings, pastSettings } from '../settings.ts';
import type { Source } from '../video/video-buffer.ts';
import type { Facts } from './facts.ts';
import { Splicer } from './splicer.ts';
import { fetchText, splicingLoader } from './splicing-loader.ts';
import { liveUrl, windowOf, windowUrl } from './window.ts';

/** What sources are made with. */
export interface SourceParts {
  readonly stream: string;
  readonly facts: Facts;
  readonly recorded: Pick<Recorded, 'find'>;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
}

/** Makes the sources of one stream. */
export class Sources {
  readonly #parts: SourceParts;
  /** One visit to one page, as the server counts viewers. */
  readonly #sessionId = crypto.randomUUID();

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /** The live list. */
  live(): Source {
    const { stream } = this.#parts;
    return { kind: 'live', url: liveUrl(stream), settings: liveSettings(this.#sessionId, stream) };
  }

  /**
   * Windows from a moment on.
   *
   * @param atMs unix milliseconds
   */
  past(atMs: number): Source {
    const { stream } = this.#parts;
    const splicer = new Splicer({ ...this.#parts, atMs, fetchText });
    const settings = pastSettings(this.#sessionId, stream, splicingLoader(splicer));
    const url = windowUrl(stream, windowOf(atMs));
    return { kind: 'past', url, settings, playhead: (ms) => splicer.playhead(ms) };
  }
}
