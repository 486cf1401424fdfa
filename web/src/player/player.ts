/**
 * Plays one stream, live and recorded, without a blank picture in between: connects the parts of the player.
 * In: requests of the viewer, the stream's state. Out: one snapshot for the page after each change.
 * docs/4-watch/player.md.
 */

import type Hls from 'hls.js';
import type { StreamView } from '../../../src/api/shapes.ts';
import { getTimeline } from '../api/client.ts';
import { BackgroundPlay } from '../media/background.ts';
import type { MediaState } from '../media/state.ts';
import { buildState } from './build-state.ts';
import { LiveEdge } from './live-edge.ts';
import { PlaybackController, type PlayerParts } from './playback-controller.ts';
import { PlayerControls } from './player-controls.ts';
import { RATE_EVERY_MS } from './rate-controller.ts';
import { SessionReports } from './session-reports.ts';
import { Facts, type FetchTimeline } from './source/facts.ts';
import type { MomentFinder } from './source/moments.ts';
import { Sources } from './sources.ts';
import { StreamTarget } from './stream-target.ts';
import type { SyncTarget } from './sync-target.ts';
import { DoubleBuffer } from './video/double-buffer.ts';
import { Stalls } from './video/stalls.ts';
import { Steps } from './video/steps.ts';
import type { LiveLoading, VideoBuffer, VideoBufferEvents } from './video/video-buffer.ts';
import { Watchdog } from './watchdog.ts';

/** What a player is opened with. */
export interface PlayerOptions {
  readonly Hls: typeof Hls;
  /** A positioned box that the picture fills; the player creates its elements in it. */
  readonly surface: HTMLElement;
  readonly stream: string;
  readonly recorded: MomentFinder;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  readonly onChange: (snapshot: MediaState) => void;
  /** Best round trip to the server, seconds. */
  readonly networkS?: () => number | null;
  /** How the player requests runs and windows; by default the API. */
  readonly fetchTimeline?: FetchTimeline;
  /** Another way to load live segments, read whenever the live list is loaded; by default none. */
  readonly liveLoading?: () => LiveLoading | null;
  /**
   * False: live is played in whole segments, with fewer requests, for many players on a page. By default
   * true.
   */
  readonly lowLatency?: boolean;
  /**
   * True: no quality with more pixels than the picture has on the screen needs, so that small pictures play
   * small renditions. By default false.
   */
  readonly fitsSize?: boolean;
  /** A clock that is never set, milliseconds; by default the page's. */
  readonly steadyMs?: () => number;
  /** This machine's clock, unix milliseconds; by default the real one. */
  readonly wallMs?: () => number;
}

/** One stream in one surface; `close` ends it. */
export class Player {
  readonly #parts: PlayerOptions;
  readonly #buffers: DoubleBuffer;
  readonly #edge: LiveEdge;
  /** The further qualities of the stream that were compared with those of the list. */
  #qualities = '';
  readonly #controller: PlaybackController;
  readonly controls: PlayerControls;
  /** For a room: once it follows one, position, speed and pauses are the room's. */
  readonly target: SyncTarget;
  readonly #reports: SessionReports;
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(parts: PlayerOptions) {
    this.#parts = parts;
    const { stream, Hls, surface, recorded, now, networkS = () => null } = parts;
    const { signal } = this.#ends;
    const steadyMs = parts.steadyMs ?? (() => performance.now());
    const fetchTimeline: FetchTimeline =
      parts.fetchTimeline ?? ((fromMs, toMs, within) => getTimeline(stream, fromMs, toMs, within));
    const facts = new Facts(fetchTimeline, steadyMs, signal);
    const changed = () => this.#changed();
    const steps = new Steps();
    const events: VideoBufferEvents = {
      frame: (buffer) => {
        this.#controller.onFrame(buffer);
        const isSettled = buffer === this.#buffers.front && !this.#controller.state.pending;
        if (isSettled && buffer.ready) steps.shown(buffer, steadyMs());
      },
      listed: (buffer) => this.#controller.listed(buffer),
      parsed: (buffer, hls) => {
        this.#controller.progressed(buffer);
        this.#buffers.choices.apply(hls);
        changed();
      },
      progress: (buffer) => this.#controller.progressed(buffer),
      changed,
      played: (buffer) => this.#controller.played(buffer),
      paused: (buffer) => this.#controller.paused(buffer),
      waiting: (buffer) => watchdog.waiting(buffer),
      ended: (buffer) => this.#controller.ended(buffer),
      failed: (buffer, data) => this.#controller.failed(buffer, data),
    };
    this.#buffers = new DoubleBuffer({ Hls, surface, facts, events }, changed);
    const stalls = new Stalls();
    const sessionId = crypto.randomUUID();
    const { lowLatency = true, fitsSize = false, liveLoading: loading = () => null } = parts;
    const isWhole = ({ hls }: VideoBuffer) => lowLatency && hls?.lowLatencyMode === false;
    this.#edge = new LiveEdge({ now, steadyMs, networkS, stalls, isWhole });
    const sources = new Sources({ stream, sessionId, facts, recorded, now, loading, lowLatency, fitsSize });
    const shared: PlayerParts = {
      buffers: this.#buffers,
      edge: this.#edge,
      sources,
      stalls,
      recorded,
      now,
      steadyMs,
      wallMs: parts.wallMs ?? Date.now,
      background: new BackgroundPlay(surface.ownerDocument, this.#ends, steadyMs),
      changed,
    };
    this.#controller = new PlaybackController(shared);
    this.controls = new PlayerControls(shared, this.#controller, steps);
    this.target = new StreamTarget(this.#buffers, this.#controller, stalls);
    const watchdog = new Watchdog(shared, this.#controller);
    this.#reports = new SessionReports({ stream, sessionId, page: surface.ownerDocument.defaultView, now: steadyMs });
    surface.ownerDocument.addEventListener('visibilitychange', () => watchdog.shownAgain(), { signal });
    this.#timer = setInterval(() => watchdog.tick(), RATE_EVERY_MS);
  }

  /** Takes the state of the stream; the player returns to live by itself. */
  streamChanged(view: StreamView): void {
    const frameRate = view.tracks?.find(({ kind }) => kind === 'video')?.frameRate;
    if (frameRate)
      for (const buffer of [this.#buffers.front, this.#buffers.back]) buffer.picture.likelyFrameS = 1 / frameRate;
    this.#controller.take({ type: 'stream', live: view.state === 'live' || view.away === true });
    this.#lookForQualities(view);
  }

  /** What loads live segments has changed: the live list is loaded again in the background. */
  liveChanged(): void {
    this.#controller.take({ type: 'more-qualities' });
  }

  /** A quality that began after the page was opened is offered too; each is looked for once. */
  #lookForQualities({ qualities = [] }: StreamView): void {
    const levels = this.#buffers.front.hls?.levels ?? [];
    const hasMore = qualities.some((rung) => !levels.some(({ uri }) => uri.includes(`v0-${rung}/`)));
    const names = qualities.join();
    if (levels.length === 0 || names === this.#qualities) return;
    this.#qualities = names;
    if (hasMore) this.#controller.take({ type: 'more-qualities' });
  }

  /** Stops playing and removes its elements. */
  close(): void {
    if (this.#ends.signal.aborted) return;
    this.#ends.abort();
    clearInterval(this.#timer);
    this.#reports.close();
    this.#controller.close();
    this.#buffers.close();
  }

  #changed(): void {
    if (this.#ends.signal.aborted) return;
    const { now, onChange, networkS } = this.#parts;
    const around = { nowMs: now(), networkS: networkS?.() ?? null };
    const snapshot = buildState(this.#buffers, this.#edge, this.#controller.summary, around);
    this.#reports.look(snapshot);
    onChange(snapshot);
  }
}
