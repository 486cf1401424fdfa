/**
 * Reports that this page plays a stream, so that its viewer is counted where a cache answers the player's
 * requests, with what it plays, how often it stalled and why it failed; and says goodbye.
 * In: snapshots of the player. Out: requests with CMCD, which no cache answers. CTA-5004-B;
 * docs/9-run/https-and-proxies.md, docs/9-run/insight.md.
 */
import { onServer } from '../api/server.ts';
import type { MediaState } from '../media/state.ts';

/** The server counts a viewer for 30 s after a report: one of two may be lost. Milliseconds. */
const EVERY_MS = 12_000;
/** Reports of a page are spread over this part of the interval. */
const SPREAD = 0.1;
/** What the viewer changes is reported at once, but not more often than this, milliseconds. */
const LEAST_MS = 1000;
/** The picture has moved by more than it played: the viewer has gone elsewhere. Milliseconds. */
const JUMP_MS = 5000;
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
  #last: MediaState | null = null;
  /** The last report. */
  #reported: { readonly snapshot: MediaState; readonly atMs: number } | null = null;
  /** When media was requested first. */
  #beganMs: number | null = null;
  #startupMs: number | null = null;
  #hasFailed = false;

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
    this.#measure(snapshot, nowMs);
    if (this.#reportsFailure(snapshot)) return;
    const isDue = nowMs >= this.#nextMs || this.#hasChanged(snapshot, nowMs);
    if (!snapshot.pictured || !isDue) return; // while it seeks, its viewer stays
    this.#nextMs = nowMs + EVERY_MS * (1 + SPREAD * (Math.random() - 0.5));
    this.#isCounted = true;
    this.#reported = { snapshot, atMs: nowMs };
    this.#send(this.#url([...keysOf(snapshot), ...this.#totalsOf(snapshot)]));
  }

  /**
   * A failure is reported once until there is a picture again, however often the player tries. Its viewer is
   * not counted any more.
   */
  #reportsFailure(snapshot: MediaState): boolean {
    const { failure, pictured, loading } = snapshot;
    if (failure === null) {
      if (pictured && !loading) this.#hasFailed = false;
      return false;
    }
    if (this.#hasFailed) return true;
    this.#hasFailed = true;
    this.#isCounted = false;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    const keys = ['e=e', `ec=("${failure.code}")`, 'sta=f', ...placeOf(snapshot), ...this.#totalsOf(snapshot)];
    this.#send(this.#url(keys));
    return true;
  }

  /** The time of the first picture. */
  #measure(snapshot: MediaState, nowMs: number): void {
    this.#beganMs ??= nowMs;
    if (snapshot.pictured) this.#startupMs ??= nowMs - this.#beganMs;
    this.#last = snapshot;
  }

  /** The viewer has gone elsewhere, or has stopped or continued. */
  #hasChanged({ mode, paused, behindMs }: MediaState, nowMs: number): boolean {
    if (!this.#reported || nowMs - this.#reported.atMs < LEAST_MS) return false;
    const { snapshot: before, atMs } = this.#reported;
    if (mode !== before.mode || paused !== before.paused) return true;
    if (behindMs === null || before.behindMs === null) return false;
    const expectedMs = before.behindMs + (paused ? nowMs - atMs : 0);
    return Math.abs(behindMs - expectedMs) > JUMP_MS;
  }

  /** Totals since the player began. */
  #totalsOf({ latency }: MediaState): string[] {
    return [
      `bsa=(${latency.stalls})`,
      `bsda=(${Math.round(latency.stalledMs)})`,
      ...(this.#startupMs === null ? [] : [`msd=${Math.round(this.#startupMs)}`]),
    ];
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
    const last = this.#last;
    const url = this.#url(['sta=e', ...(last ? [...placeOf(last), ...this.#totalsOf(last)] : [])]);
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

function stateOf({ paused, loading, latency }: MediaState): 'a' | 'k' | 'r' | 'p' {
  return paused ? 'a' : loading ? 'k' : latency.bufferS < EMPTY_S ? 'r' : 'p';
}

/** What is shown. */
function placeOf({ mode, behindMs }: MediaState): string[] {
  return [
    `st=${mode === 'past' ? 'v' : mode === 'live' ? 'll' : 'l'}`,
    ...(behindMs === null ? [] : [`ltc=${Math.round(behindMs)}`]),
  ];
}

function keysOf(snapshot: MediaState): string[] {
  const { latency, playingQuality, qualities, rate } = snapshot;
  const bitrate = qualities.find(({ id }) => id === playingQuality)?.bitrate;
  return [
    'e=t',
    `sta=${stateOf(snapshot)}`,
    ...placeOf(snapshot),
    `bl=${Math.round(latency.bufferS * 1000)}`,
    ...(rate === 1 ? [] : [`pr=${rate}`]),
    ...(bitrate === undefined ? [] : [`br=${Math.round(bitrate / 1000)}`]),
    ...(playingQuality === null ? [] : [`oxbow-rendition="${playingQuality}"`]),
  ];
}
