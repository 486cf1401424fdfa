/**
 * The player for browsers without Media Source Extensions that play HLS natively (iPhones before iOS 17.1):
 * one video element with the live playlist, or the playlist of one window after the other. It plays, pauses,
 * seeks and follows the stream; it has no latency control and no frame steps, and the picture is blank for a
 * moment when the playlist changes.
 *
 * Tested with fakes and in Chromium, which also plays HLS natively. Never tested on Apple devices.
 * In: requests of the viewer, the state of the stream. Out: one snapshot for the page after each change.
 */
import type { StreamView } from '../../../../src/api/shapes.ts';
import { type Failure, failureOf } from '../../api/client.ts';
import { type MediaRequests, noRequests } from '../../media/requests.ts';
import { idle, type MediaState, type Note } from '../../media/state.ts';
import { findPlayableMoment, type MomentFinder } from '../source/moments.ts';
import { readWindow } from '../source/splice.ts';
import type { FetchText } from '../source/splicer.ts';
import { fetchText } from '../source/splicing-loader.ts';
import { liveUrl, windowOf, windowUrl } from '../source/window.ts';
import type { SyncTarget } from '../sync-target.ts';
import { positionOf, type TimedFragment, timeAt } from './media-time.ts';
import { NativeTarget } from './native-target.ts';
import { exactStartMs, startDateOf } from './start-date.ts';

/** What the player is created with. */
interface NativeParts {
  readonly surface: HTMLElement;
  readonly stream: string;
  readonly recorded: MomentFinder;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  readonly onChange: (snapshot: MediaState) => void;
  /** Loads a playlist; by default with `fetch`. */
  readonly load?: FetchText;
}

const NOW_MS = 4_000;
/** A room this near to now plays from the live playlist, milliseconds. */
const NEAR_MS = 8_000;
const TICK_MS = 500;
/**
 * A room that is after the end of the seekable range is followed to that end, if that is this much nearer,
 * seconds.
 */
const NEARER_S = 3;
/** A viewer this close to the end of the seekable range is live, seconds. */
const AT_EDGE_S = 10;
/** HOLD-BACK of a playlist with segments of two seconds. */
const USUAL_HOLD_BACK_S = 6;

/** Whether a browser plays HLS natively. */
export function playsNatively(document: Document): boolean {
  return document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
}

/**
 * The fragments of the first rendition of a window or of the live playlist, which map its media time to UTC,
 * holes included.
 */
async function readFragments(url: string, load: FetchText, signal: AbortSignal): Promise<TimedFragment[]> {
  const index = await load(url, {}, signal);
  const rendition = index.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  if (!rendition) return [];
  const listUrl = new URL(rendition.trim(), url).href;
  let start = 0;
  return readWindow(await load(listUrl, {}, signal), listUrl).segments.map(({ startMs, durationS }) => {
    const fragment = { start, duration: durationS, programDateTime: Number.isNaN(startMs) ? null : startMs };
    start += durationS;
    return fragment;
  });
}

/** One stream in one element; `close` ends it. */
export class NativePlayer {
  readonly controls: MediaRequests;
  /** For rooms; null: the browser does not say which time it shows. */
  readonly target: SyncTarget | null;
  readonly #parts: NativeParts;
  readonly #video: HTMLVideoElement;
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #mode: MediaState['mode'] = 'idle';
  #fragments: TimedFragment[] = [];
  /** When the segments of the live playlist begin, as it was when it was loaded, unix milliseconds. */
  #segmentsMs: readonly number[] = [];
  /**
   * Where a window begins to play: Safari forgets a position from before it knows the media. Media seconds.
   */
  #startS: number | null = null;
  #targetMs: number | null = null;
  #shownMs: number | null = null;
  #streamLive = false;
  #wantPlay = true;
  #loop: MediaState['loop'] = null;
  /** The last requested time, unix milliseconds; null for now. */
  #requestedMs: number | null = null;
  #failure: Failure | null = null;
  #note: Note | null = null;
  #turn = 0;
  /** Times that are being looked up. */
  #finds = 0;

  constructor(parts: NativeParts) {
    this.#parts = parts;
    const video = parts.surface.ownerDocument.createElement('video');
    this.#video = video;
    video.muted = true;
    video.playsInline = true;
    Object.assign(video.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', background: '#000' });
    video.toggleAttribute('data-front', true);
    parts.surface.append(video);
    const { signal } = this.#ends;
    for (const type of ['play', 'pause', 'volumechange', 'seeked', 'playing', 'waiting', 'loadeddata']) {
      video.addEventListener(type, () => this.#tick(), { signal });
    }
    video.addEventListener('ended', () => this.#ended(), { signal });
    video.addEventListener('loadedmetadata', () => this.#start(), { signal });
    video.addEventListener('error', () => this.#failed(), { signal });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.controls = this.#createControls();
    this.target = startDateOf(video) === undefined ? null : this.#openTarget(signal);
  }

  /** Takes the state of the stream; the player returns to live by itself. */
  streamChanged(view: StreamView): void {
    this.#streamLive = view.state === 'live' || view.away === true;
    if (this.#streamLive && this.#mode === 'offline' && this.#wantPlay) this.#goLive();
    this.#tick();
  }

  /** The browser loads segments itself. */
  liveChanged(): void {}

  /** Stops playing and removes its element. */
  close(): void {
    this.#turn += 1;
    this.#ends.abort();
    clearInterval(this.#timer);
    this.#video.pause();
    this.#video.removeAttribute('src');
    this.#video.load(); // otherwise it continues to load until it is collected
    this.#video.remove();
  }

  #createControls(): MediaRequests {
    const video = this.#video;
    return {
      ...noRequests, // the browser chooses quality, sound and subtitles, and has its own menu in fullscreen
      goLive: () => this.#goLive(),
      goTo: (atMs, how) => this.#goTo(atMs, how),
      togglePlay: () => this.#togglePlay(),
      again: () => this.#again(),
      // Only pauses: a browser without Media Source Extensions does not report single frames.
      stepFrame: () => {
        this.#wantPlay = false;
        video.pause();
      },
      setRate: (rate) => {
        video.playbackRate = this.#mode === 'live' ? 1 : Math.min(2, Math.max(0.5, rate));
        this.#tick();
      },
      toggleMuted: () => {
        video.muted = !video.muted;
        this.#tick();
      },
      setVolume: (volume) => {
        video.volume = Math.min(1, Math.max(0, volume));
        video.muted = volume <= 0;
        this.#tick();
      },
      setLoop: (span) => {
        this.#loop = span;
        if (span) this.#goTo(span.fromMs);
        this.#tick();
      },
      togglePicture: () => {
        const { ownerDocument } = video;
        if (ownerDocument.pictureInPictureElement === video) ownerDocument.exitPictureInPicture().catch(() => {});
        else video.requestPictureInPicture?.().catch(() => {}); // refused: nothing has changed
      },
      forgetNote: () => {
        this.#note = null;
        this.#tick();
      },
    };
  }

  #goLive(): void {
    this.#turn += 1;
    this.#note = null;
    this.#failure = null;
    this.#requestedMs = null;
    this.#targetMs = null;
    this.#loop = null;
    this.#wantPlay = true;
    if (!this.#streamLive) this.#mode = 'offline';
    else if ((this.#mode === 'live' || this.#mode === 'shifted') && !this.#video.error) {
      const { seekable } = this.#video;
      this.#mode = 'live';
      if (seekable.length > 0) this.#video.currentTime = seekable.end(seekable.length - 1);
      this.#play();
    } else {
      this.#mode = 'live';
      this.#fragments = [];
      this.#shownMs = null;
      this.#video.src = liveUrl(this.#parts.stream);
      this.#startS = null;
      this.#readSegments();
      this.#play();
    }
    this.#tick();
  }

  #goTo(atMs: number, { back = false }: { readonly back?: boolean } = {}): void {
    if (this.#loop && (atMs < this.#loop.fromMs || atMs >= this.#loop.toMs)) this.#loop = null;
    this.#note = null;
    this.#failure = null;
    this.#requestedMs = atMs;
    const turn = ++this.#turn;
    this.#finds += 1;
    const search = this.#find(atMs, back, turn).finally(() => {
      this.#finds -= 1;
    });
    search.catch((error: unknown) => {
      if (turn !== this.#turn || this.#ends.signal.aborted) return;
      this.#targetMs = null;
      this.#failure = error instanceof Error && error.name === 'ListError' ? unreachable : failureOf(error);
      this.#tick();
    });
  }

  async #find(targetMs: number, back: boolean, turn: number): Promise<void> {
    const { recorded, now, stream, load = fetchText } = this.#parts;
    if (targetMs > now() - NOW_MS && this.#streamLive) return this.#goLive();
    this.#targetMs = targetMs;
    this.#tick();
    const isListed = this.#mode === 'past' && positionOf(this.#fragments, targetMs) !== null;
    const moment = await findPlayableMoment(recorded, targetMs, { back, isListed });
    if (turn !== this.#turn) return;
    if (!moment) return this.#goLive();
    if (moment.skipped) this.#note = { key: 'note.skipped', skipped: moment.skipped };
    let position = this.#mode === 'past' ? positionOf(this.#fragments, moment.atMs) : null;
    if (position === null) {
      const url = new URL(windowUrl(stream, windowOf(moment.atMs)), location.href).href;
      const fragments = await readFragments(url, load, this.#ends.signal);
      if (turn !== this.#turn) return;
      this.#fragments = fragments;
      position = positionOf(fragments, moment.atMs) ?? 0;
      this.#video.src = url;
      this.#startS = position;
    }
    this.#mode = 'past';
    this.#targetMs = moment.atMs;
    this.#video.currentTime = position;
    if (this.#wantPlay) this.#play();
  }

  #again(): void {
    if (this.#requestedMs === null) this.#goLive();
    else this.#goTo(this.#mode === 'past' && this.#shownMs !== null ? this.#shownMs : this.#requestedMs);
  }

  #togglePlay(): void {
    this.#wantPlay = this.#video.paused;
    if (!this.#wantPlay) this.#video.pause();
    else if (this.#mode === 'offline' || this.#mode === 'idle') this.#goLive();
    else this.#play();
    if (this.#mode === 'live' && !this.#wantPlay) this.#mode = 'shifted';
    this.#tick();
  }

  #openTarget(signal: AbortSignal): SyncTarget {
    return new NativeTarget(
      this.#video,
      {
        timeAt: (mediaS) => this.#timeAt(mediaS),
        positionOf: (atMs) => this.#positionOf(atMs),
        load: (atMs, playing) => this.#follow(atMs, playing),
        finds: () => this.#finds > 0,
      },
      signal,
    );
  }

  /** Loads the source with a position of a room; false: it is not there yet. */
  #follow(atMs: number, playing: boolean): boolean {
    const isNear = this.#streamLive && atMs > this.#parts.now() - NEAR_MS;
    if (isNear && this.#mode === 'live') return this.#goNearer();
    if (isNear) this.#goLive();
    else this.#goTo(atMs);
    this.#wantPlay = playing;
    return true;
  }

  /**
   * Browsers keep more distance to the live edge than a room may: then the end of what they allow.
   * @returns false: it is there already
   */
  #goNearer(): boolean {
    const { seekable, currentTime } = this.#video;
    const endS = seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
    if (endS - currentTime < NEARER_S) return false;
    this.#video.currentTime = endS;
    return true;
  }

  /** The media is known: plays from where it was to begin. */
  #start(): void {
    const video = this.#video;
    if (this.#startS !== null && Math.abs(video.currentTime - this.#startS) > 0.1) video.currentTime = this.#startS;
    this.#startS = null;
  }

  /** For a room, which needs exact times. Without them the browser's own count. */
  #readSegments(): void {
    this.#segmentsMs = [];
    if (this.target === null) return;
    const { stream, load = fetchText } = this.#parts;
    const turn = this.#turn;
    const url = new URL(liveUrl(stream), location.href).href;
    readFragments(url, load, this.#ends.signal).then(
      (fragments) => {
        if (turn === this.#turn) this.#segmentsMs = fragments.flatMap(({ programDateTime }) => programDateTime ?? []);
      },
      () => {}, // the element reports what it cannot load
    );
  }

  /** UTC of the media time 0 of the live playlist, unix milliseconds; null before it is known. */
  get #startMs(): number | null {
    const startMs = startDateOf(this.#video);
    return startMs === undefined || Number.isNaN(startMs) ? null : exactStartMs(startMs, this.#segmentsMs);
  }

  /** UTC of a media time, unix milliseconds; null before it is known. */
  #timeAt(mediaS: number): number | null {
    if (this.#mode === 'past') return timeAt(this.#fragments, mediaS);
    const startMs = this.#startMs;
    return startMs === null ? null : startMs + mediaS * 1000;
  }

  /** Media time of a UTC time, seconds; null if it is not loaded. */
  #positionOf(atMs: number): number | null {
    if (this.#mode === 'past') return positionOf(this.#fragments, atMs);
    const startMs = this.#startMs;
    const { seekable } = this.#video;
    if (startMs === null || seekable.length === 0) return null;
    const atS = (atMs - startMs) / 1000;
    return atS >= seekable.start(0) && atS < seekable.end(seekable.length - 1) ? atS : null;
  }

  #play(): void {
    this.#video.play().catch(() => this.#tick()); // refused: the play button is shown
  }

  #ended(): void {
    const last = this.#fragments.at(-1);
    if (this.#loop) this.#goTo(this.#loop.fromMs);
    else if (this.#mode === 'past' && last?.programDateTime) {
      const endMs = last.programDateTime + last.duration * 1000;
      this.#goTo(Math.max(endMs, windowOf(last.programDateTime).toSeconds * 1000));
    } else this.#mode = 'offline'; // until the state of the stream is live
    this.#tick();
  }

  #failed(): void {
    this.#targetMs = null;
    if (this.#mode === 'live')
      this.#mode = 'offline'; // retried while the stream is live
    else this.#failure = { code: 'unplayable', status: 0, title: '', hint: '' };
    this.#tick();
  }

  /**
   * UTC of the picture: by the window's playlist; live by what the browser reports, otherwise by the distance
   * from the end.
   */
  #timeOfPicture(): number | null {
    const { currentTime, seekable, readyState } = this.#video;
    if (readyState < 2) return null;
    const knownMs = this.#timeAt(currentTime);
    if (knownMs !== null || this.#mode === 'past') return knownMs;
    // Chromium reports neither: then it plays at HOLD-BACK.
    const behindS = seekable.length === 0 ? USUAL_HOLD_BACK_S : seekable.end(seekable.length - 1) - currentTime;
    return this.#parts.now() - behindS * 1000;
  }

  #tick(): void {
    if (this.#ends.signal.aborted) return;
    const video = this.#video;
    if (video.readyState >= 2 && !video.seeking && this.#mode !== 'idle') {
      this.#shownMs = this.#timeOfPicture() ?? this.#shownMs;
      if (this.#mode !== 'past' || this.#fragments.length > 0) this.#targetMs = null;
    }
    if (this.#loop && this.#shownMs !== null && this.#targetMs === null && this.#shownMs >= this.#loop.toMs) {
      this.#goTo(this.#loop.fromMs);
    }
    const shownMs = this.#targetMs ?? this.#shownMs;
    const behindMs = shownMs === null ? null : Math.max(0, this.#parts.now() - shownMs);
    const { seekable } = video;
    const toEndS = seekable.length > 0 ? seekable.end(seekable.length - 1) - video.currentTime : 0;
    this.#parts.onChange({
      ...idle,
      mode: this.#mode,
      loading: this.#mode !== 'offline' && this.#mode !== 'idle' && this.#failure === null && video.readyState < 3,
      seeking: this.#targetMs !== null,
      pictured: video.readyState >= 2,
      paused: video.paused,
      muted: video.muted,
      volume: video.volume,
      rate: video.playbackRate,
      shownMs,
      behindMs,
      atEdge: this.#mode === 'live' && !video.paused && toEndS < AT_EDGE_S,
      failure: this.#failure,
      note: this.#note,
      latency: { ...idle.latency, totalS: behindMs === null ? null : behindMs / 1000 },
      loop: this.#loop,
      inPicture: video.ownerDocument.pictureInPictureElement === video,
    });
  }
}

const unreachable: Failure = { code: 'unreachable', status: 0, title: '', hint: '' };
