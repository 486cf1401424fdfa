/**
 * Reports that this page plays a stream, so that its viewer is counted where a cache answers the player's
 * requests, and says goodbye.
 * In: snapshots of the player. Out: requests with CMCD, which no cache answers. CTA-5004-B;
 * docs/9-run/https-and-proxies.md.
 */
import { onServer } from '../api/server.ts';
import type { MediaState } from '../media/state.ts';

/** The server counts a viewer for 30 s after a report: one of two may be lost. Milliseconds. */
const EVERY_MS = 12_000;
/** Reports of a page are spread over this part of the interval. */
const SPREAD = 0.1;
/** Less media than this ahead of the picture is none, seconds. */
const EMPTY_S = 0.05;

/** What reports are made with. */
interface SessionReportsParts {
  readonly stream: string;
  readonly sessionId: string;
  /** Undefined or null: there is no page that could be left. */
  readonly page: Pick<Window, 'addEventListener' | 'navigator'> | null | undefined;
  /** A clock that is never set, milliseconds. */
  readonly now: () => number;
  /** Sends a report; by default with `fetch`. */
  readonly send?: (url: string) => void;
}

/** The reports of one player; `close` says goodbye. */
export class SessionReports {
  readonly #parts: SessionReportsParts;
  readonly #send: (url: string) => void;
  readonly #ends = new AbortController();
  #nextMs = Number.NEGATIVE_INFINITY;
  #isCounted = false;
  #isGone = false;

  constructor(parts: SessionReportsParts) {
    this.#parts = parts;
    this.#send = parts.send ?? sendReport;
    const { signal } = this.#ends;
    const leave = () => {
      this.#goodbye();
      this.#isGone = true;
    };
    parts.page?.addEventListener('pagehide', leave, { signal });
    // The browser may show the page again as it was.
    parts.page?.addEventListener('pageshow', () => (this.#isGone = false), { signal });
  }

  /** Takes each snapshot; the player makes several a second. */
  look(snapshot: MediaState): void {
    if (this.#ends.signal.aborted || this.#isGone) return;
    if (snapshot.mode === 'idle' || snapshot.mode === 'offline') {
      this.#goodbye();
      return;
    }
    const nowMs = this.#parts.now();
    if (!snapshot.pictured || nowMs < this.#nextMs) return; // while it seeks, its viewer stays
    this.#nextMs = nowMs + EVERY_MS * (1 + SPREAD * (Math.random() - 0.5));
    this.#isCounted = true;
    this.#send(this.#url(keysOf(snapshot)));
  }

  /** The player is closed. */
  close(): void {
    if (this.#ends.signal.aborted) return;
    this.#goodbye();
    this.#ends.abort();
  }

  #goodbye(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    const url = this.#url(['sta=e']);
    // A page that is left ends its requests, but not beacons.
    const { navigator } = this.#parts.page ?? {};
    if (!navigator?.sendBeacon?.(url)) this.#send(url);
  }

  #url(keys: readonly string[]): string {
    const { stream, sessionId } = this.#parts;
    const cmcd = [...keys, `sid="${sessionId}"`, 'v=2'].sort().join(',');
    return onServer(`/live/${stream}/session?CMCD=${encodeURIComponent(cmcd)}`);
  }
}

/**
 * Without a body, headers and credentials: no preflight on pages of other sites. One that fails is followed
 * by the next.
 */
function sendReport(url: string): void {
  void fetch(url, { method: 'POST', credentials: 'omit', keepalive: true }).catch(() => {});
}

function keysOf({ mode, paused, loading, latency, behindMs, playingQuality, qualities }: MediaState): string[] {
  const bitrate = qualities.find(({ id }) => id === playingQuality)?.bitrate;
  const isEmpty = latency.bufferS < EMPTY_S;
  const state = paused ? 'a' : loading ? 'k' : isEmpty ? 'r' : 'p';
  return [
    'e=t',
    `sta=${state}`,
    `st=${mode === 'past' ? 'v' : mode === 'live' ? 'll' : 'l'}`,
    `bl=${Math.round(latency.bufferS * 1000)}`,
    ...(behindMs === null ? [] : [`ltc=${Math.round(behindMs)}`]),
    ...(bitrate === undefined ? [] : [`br=${Math.round(bitrate / 1000)}`]),
    ...(playingQuality === null ? [] : [`oxbow-rendition="${playingQuality}"`]),
  ];
}
