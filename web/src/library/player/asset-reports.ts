/**
 * Reports how a video of the library plays: what is watched, stalls, the start-up time, failures.
 * In: events of a video element, failures of its player. Out: events of CMCD to the server, a few a minute.
 * CTA-5004-B; docs/9-run/insight.md.
 */

/** While it plays, milliseconds. */
const EVERY_MS = 15_000;
/** Changes are reported at once, but not more often than this, milliseconds. */
const LEAST_MS = 1000;
/** An address of the media of an asset, perhaps with a server and a playback token in front. */
const ADDRESS = /^((?:https?:\/\/[^/]+)?(?:\/t\/[^/]+)?)\/assets\/([A-Za-z0-9_-]{1,80})\//;

type State = 's' | 'p' | 'k' | 'r' | 'a' | 'e' | 'f';

/** What reports are made with. */
interface AssetReportsParts {
  /** Of the playlist, the manifest or the file; one that is of no asset is not reported. */
  readonly url: string;
  /** A clock that is never set, milliseconds. */
  readonly now: () => number;
  /** The page; its end ends the session. */
  readonly page: Pick<Window, 'addEventListener' | 'navigator'> | null;
  /** Sends a report; by default with `fetch`. */
  readonly send?: (url: string, body: string) => void;
}

/** The reports of one element, until the signal fires. */
export class AssetReports {
  readonly #video: HTMLVideoElement;
  readonly #parts: AssetReportsParts;
  readonly #target: string;
  readonly #keys: string;
  #state: State | null = null;
  #sentMs = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #requestedMs: number | null = null;
  #startupMs: number | null = null;
  #stalls = 0;
  #stalledMs = 0;
  #stallBeganMs: number | null = null;
  /** Code of the failure that the next report has; null: none. */
  #failure: string | null = null;

  private constructor(video: HTMLVideoElement, parts: AssetReportsParts, base: string, asset: string) {
    this.#video = video;
    this.#parts = parts;
    this.#target = `${base}/api/v1/cmcd`;
    this.#keys = `cid="asset:${asset}",sid="${crypto.randomUUID()}",st=v,v=2`;
  }

  /**
   * Begins to report; nothing is sent before the viewer plays.
   *
   * @returns null if it is of no asset
   */
  static follow(
    video: HTMLVideoElement,
    parts: AssetReportsParts,
    { signal }: { readonly signal: AbortSignal },
  ): AssetReports | null {
    const [, base, asset] = ADDRESS.exec(parts.url) ?? [];
    if (base === undefined || asset === undefined) return null;
    const reports = new AssetReports(video, parts, base, asset);
    const on = (type: string, state: () => State | null) =>
      video.addEventListener(type, () => reports.#take(state()), { signal });
    on('play', () => 's');
    on('playing', () => 'p');
    on('pause', () => (video.ended ? null : 'a'));
    on('seeking', () => 'k');
    on('waiting', () => (reports.#state === 'p' && !video.seeking ? 'r' : null));
    on('ended', () => 'e');
    on('timeupdate', () => (reports.#state === 'r' && !video.paused && video.readyState > 2 ? 'p' : null));
    parts.page?.addEventListener('pagehide', () => reports.#leave(), { signal });
    signal.addEventListener('abort', () => reports.#leave(), { once: true });
    return reports;
  }

  /**
   * The player has given up. Reported at once: nothing may follow.
   *
   * @param code of the failure
   */
  failed(code: string): void {
    const nowMs = this.#parts.now();
    this.#requestedMs ??= nowMs; // it failed before it could play
    this.#failure = code;
    this.#sentMs = Number.NEGATIVE_INFINITY;
    this.#isDue = true;
    this.#take('f');
  }

  /** @param state null: as before */
  #take(state: State | null): void {
    const nowMs = this.#parts.now();
    if (state === 's') {
      this.#requestedMs ??= nowMs;
      if (this.#startupMs !== null) return; // it continues, which `playing` reports
    }
    if (this.#requestedMs === null) return; // it has not been played
    if (state === 'p') this.#startupMs ??= nowMs - this.#requestedMs;
    if (state !== null && state !== this.#state) {
      if (this.#stallBeganMs !== null) this.#stalledMs += nowMs - this.#stallBeganMs;
      this.#stallBeganMs = state === 'r' ? nowMs : null;
      if (state === 'r') this.#stalls++;
      this.#state = state;
      this.#isDue = true;
    }
    const sinceMs = nowMs - this.#sentMs;
    if ((this.#isDue && sinceMs >= LEAST_MS) || (this.#state === 'p' && sinceMs >= EVERY_MS)) this.#send(nowMs);
  }

  #leave(): void {
    if (this.#requestedMs === null || this.#state === 'e') return;
    this.#take('e');
    if (!this.#isDue) return;
    const body = this.#body();
    this.#isDue = false;
    const { page } = this.#parts;
    // A page that is left ends its requests, but not beacons.
    const isSent = page?.navigator?.sendBeacon?.(this.#target, body) ?? false;
    if (!isSent) this.#post(body);
  }

  #send(nowMs: number): void {
    this.#sentMs = nowMs;
    this.#isDue = false;
    this.#post(this.#body());
    this.#failure = null;
  }

  #post(body: string): void {
    const { send = sendReport } = this.#parts;
    send(this.#target, body);
  }

  #body(): string {
    const { currentTime, playbackRate } = this.#video;
    const keys = [
      `bsa=(${this.#stalls})`,
      `bsda=(${Math.round(this.#stalledMs)})`,
      ...(this.#failure === null ? ['e=t'] : ['e=e', `ec=("${this.#failure}")`]),
      ...(this.#startupMs === null ? [] : [`msd=${Math.round(this.#startupMs)}`]),
      ...(playbackRate === 1 ? [] : [`pr=${playbackRate}`]),
      `pt=${Math.max(0, Math.round(currentTime * 1000))}`,
      `sta=${this.#state}`,
    ];
    return `${keys.join()},${this.#keys}`;
  }
}

/** As text: pages of other sites need no preflight. One that fails is followed by the next. */
function sendReport(url: string, body: string): void {
  void fetch(url, { method: 'POST', body, keepalive: true }).catch(() => {});
}
