/**
 * Creates the sources of buffers: the live playlist, or windows of the recording from a given time.
 * In: times. Out: sources for buffers.
 */
import type { Recorded } from '../timeline/recorded.ts';
import { liveSettings, pastSettings } from './settings.ts';
import type { Facts } from './source/facts.ts';
import { Splicer } from './source/splicer.ts';
import { fetchText, splicingLoader } from './source/splicing-loader.ts';
import { liveUrl, windowOf, windowUrl } from './source/window.ts';
import type { LiveLoading, Source } from './video/video-buffer.ts';

/** What sources are created with. */
interface SourceParts {
  readonly stream: string;
  /** CMCD session id of the player, by which the server counts viewers. */
  readonly sessionId: string;
  readonly facts: Facts;
  readonly recorded: Pick<Recorded, 'find'>;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  /** Another way to load live segments, now; null: none. */
  readonly loading: () => LiveLoading | null;
  /** False: live in whole segments. */
  readonly lowLatency: boolean;
  /** True: no quality with more pixels than the picture has on the screen needs. */
  readonly fitsSize: boolean;
}

/** A playlist is not played closer to its end, seconds. */
const LEAST_BEHIND_S = 0.3;

/** Creates the sources of one stream. */
export class Sources {
  readonly #parts: SourceParts;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /**
   * The live playlist.
   *
   * @param atMs where to start, about, unix milliseconds; by default where the playlist wants it
   */
  live(atMs?: number): Source {
    const { stream, now, lowLatency, fitsSize, sessionId } = this.#parts;
    const settings = { ...liveSettings(sessionId, stream, lowLatency), capLevelToPlayerSize: fitsSize };
    const behindS = atMs === undefined ? null : (now() - atMs) / 1000;
    const start = behindS === null ? {} : { liveSyncDuration: Math.max(LEAST_BEHIND_S, behindS) };
    const loading = this.#parts.loading() ?? undefined;
    return { kind: 'live', url: liveUrl(stream), settings: { ...settings, ...start }, loading };
  }

  /**
   * Windows of the recording.
   *
   * @param atMs unix milliseconds
   */
  past(atMs: number): Source {
    const { stream, sessionId, fitsSize } = this.#parts;
    const splicer = new Splicer({ ...this.#parts, atMs, fetchText });
    const settings = {
      ...pastSettings(sessionId, stream, splicingLoader(splicer)),
      capLevelToPlayerSize: fitsSize,
    };
    const url = windowUrl(stream, windowOf(atMs));
    return { kind: 'past', url, settings, playhead: (ms) => splicer.playhead(ms) };
  }
}
