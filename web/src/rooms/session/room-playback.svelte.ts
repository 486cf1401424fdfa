/**
 * The player of a room: what the viewer does becomes a command, what the room does becomes playback, and the
 * offset is reported.
 * In: the room's session, the target of a player. Out: controls for the page, steps of the sync controller,
 * reports.
 */
import type { MediaRequests } from '../../media/requests.ts';
import type { MediaState } from '../../media/state.ts';
import type { RoomLink, SyncTarget } from '../../player/sync-target.ts';
import { changesRateSmoothly, STEP_MS, SyncController } from '../../sync/sync-controller.ts';
import type { RoomClock } from './room-clock.ts';
import type { CommandOptions, RoomCommand } from './room-requests.ts';
import type { RoomSession } from './room-session.svelte.ts';

/** Between two reports without a change, ms. */
const REPORT_MS = 2_000;
/** A load or seek that takes longer is reported as buffering, ms. */
const BUFFERING_MS = 400;

/** Steps that are this far apart mean that the page stood still, or that the machine slept, ms. */
const STOOD_STILL_MS = 2_000;

/** The playback of one room in one page. */
export class RoomPlayback implements RoomLink {
  /**
   * How much later than the room the picture is, ms; null if that is unknown. Renewed a few times a second.
   */
  offsetMs = $state<number | null>(null);
  /** The network does not deliver what plays as fast as it plays. */
  isSlow = $state(false);
  /**
   * Why the last command was refused: the code of the server, `lost` without a connection, `forbidden`
   * without permission.
   */
  refusal = $state<string | null>(null);
  readonly #session: RoomSession;
  readonly #refused: (code: string) => void;

  /** @param refused called with each `refusal` */
  constructor(session: RoomSession, refused: (code: string) => void = () => {}) {
    this.#session = session;
    this.#refused = refused;
  }

  /** The server's time. */
  get clock(): RoomClock {
    return this.#session.clock;
  }

  /** This person may play, pause, seek and change the speed now. */
  get mayControl(): boolean {
    return this.#session.status.is === 'open' && this.#session.may('control');
  }

  /**
   * The controls of a player in this room: volume, quality and subtitles are its own, everything else is the
   * room's.
   */
  controls(local: MediaRequests, shown: () => MediaState): MediaRequests {
    const session = this.#session;
    const command = (action: RoomCommand, options?: CommandOptions) => void this.command(action, options);
    return {
      goLive: () => command('live'),
      goTo: (atMs) => command('seek', { positionMs: atMs }),
      togglePlay: () => command(session.view.state.playing ? 'pause' : 'play'),
      again: () => local.again(),
      stepFrame: (by) => {
        const { shownMs } = shown();
        if (session.view.state.playing || shownMs === null) command('pause');
        else command('seek', { positionMs: shownMs + by * STEP_FRAME_MS });
      },
      setRate: (rate) => command('rate', { rate }),
      toggleMuted: () => local.toggleMuted(),
      setVolume: (volume) => local.setVolume(volume),
      setQuality: (id) => local.setQuality(id),
      setSound: (id) => local.setSound(id),
      setSubtitle: (id) => local.setSubtitle(id),
      setLoop: () => {},
      togglePicture: () => local.togglePicture(),
      forgetNote: () => local.forgetNote(),
    };
  }

  /** Keeps a player in step until the returned function is called. */
  attach(target: SyncTarget): () => void {
    const session = this.#session;
    const ends = new AbortController();
    const { signal } = ends;
    const steadyMs = () => performance.now();
    const controller = new SyncController({
      target,
      now: session.clock.now,
      steadyMs,
      hidden: () => document.hidden,
      changesRate: changesRateSmoothly(),
      hasPositions: (item) => {
        const played = session.view.items.find(({ id }) => id === item)?.target;
        return !(played?.kind === 'link' && played.live === true);
      },
    });
    const reporter = new Reporter(session, target, controller);
    let due: ReturnType<typeof setTimeout> | undefined;
    const step = () => {
      if (!session.clock.isKnown) return;
      controller.step();
      plan();
      this.offsetMs = controller.offsetMs;
      this.isSlow = controller.isSlow;
      reporter.step(steadyMs());
    };
    /** Pauses and starts take effect at their time, not at the next step. */
    const plan = () => {
      clearTimeout(due);
      const { dueMs } = controller;
      if (dueMs !== null) due = setTimeout(step, Math.max(1, dueMs - session.clock.now()));
    };
    const tell = () => {
      if (session.view.room === null || !session.clock.isKnown) return;
      controller.update(session.view.state);
      plan();
    };
    const wake = () => {
      controller.wake();
      step();
    };
    let isLost = false;
    /** A lost connection has come back: the server was restarted, or the network was gone. */
    const follow = () => {
      const isOpen = session.status.is === 'open';
      if (isOpen && isLost) controller.returned();
      isLost = !isOpen;
    };
    let before = { wallMs: Date.now(), steadyMs: steadyMs() };
    /** The page or the machine stood still: one of its clocks has gone on. */
    const stoodStill = () => {
      const after = { wallMs: Date.now(), steadyMs: steadyMs() };
      const steppedMs = Math.max(after.wallMs - before.wallMs, after.steadyMs - before.steadyMs);
      before = after;
      return !document.hidden && steppedMs > STOOD_STILL_MS;
    };
    const timer = setInterval(() => {
      if (stoodStill()) {
        session.wake();
        controller.wake();
      }
      follow();
      tell();
      step();
    }, STEP_MS);
    const stop = session.events.onState(tell);
    document.addEventListener('visibilitychange', () => (document.hidden ? step() : wake()), { signal });
    document.addEventListener('resume', wake, { signal });
    tell();
    return () => {
      ends.abort();
      stop();
      clearInterval(timer);
      clearTimeout(due);
      this.offsetMs = null;
      this.isSlow = false;
    };
  }

  /** Sends a command; a refusal is in `refusal` and is reported. */
  async command(action: RoomCommand, options?: CommandOptions): Promise<void> {
    const session = this.#session;
    this.refusal = null;
    if (session.status.is !== 'open') return this.#refuse('lost');
    if (!session.may(action === 'item' ? 'setItem' : 'control')) return this.#refuse('forbidden');
    const result = await session.requests.command(action, options);
    if (!result.ok) this.#refuse(result.code);
  }

  #refuse(code: string): void {
    this.refusal = code;
    this.#refused(code);
  }
}

/** A step from frame to frame without a known frame rate, ms. */
const STEP_FRAME_MS = 40;

/** Reports how the player is: every two seconds, and at once when it begins or ends to wait. */
class Reporter {
  readonly #session: RoomSession;
  readonly #target: SyncTarget;
  readonly #controller: SyncController;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #busySince: number | null = null;
  #last = '';

  constructor(session: RoomSession, target: SyncTarget, controller: SyncController) {
    this.#session = session;
    this.#target = target;
    this.#controller = controller;
  }

  step(steadyMs: number): void {
    const { ended, durationMs } = this.#target;
    const { view, clock } = this.#session;
    const { state } = view;
    this.#busySince = this.#controller.lacks ? (this.#busySince ?? steadyMs) : null;
    const buffering = this.#busySince !== null && steadyMs - this.#busySince >= BUFFERING_MS;
    const visible = !document.hidden;
    const seen = JSON.stringify([buffering, visible, ended, state.rev]);
    if (seen === this.#last && steadyMs - this.#reportedAt < REPORT_MS) return;
    const { offsetMs } = this.#controller;
    const isSent = this.#session.requests.report({
      rev: state.rev,
      buffering,
      visible,
      ended,
      offsetMs: offsetMs === null ? null : Math.round(offsetMs * 10) / 10,
      ...(clock.networkS !== null && { roundTripMs: clock.networkS * 1000 }),
      ...(durationMs !== null && { durationMs }),
    });
    if (!isSent) return;
    this.#last = seen;
    this.#reportedAt = steadyMs;
  }
}
