/**
 * Whether a watch page shows live in real time: begins it at the live edge if the viewer has chosen it, falls
 * back with a reason.
 * In: the viewer's choice, snapshots of the player. Out: the snapshot and the controls of the page. Loads the
 * code of WHEP on demand.
 */
import { ApiError, type Failure } from '../api/client.ts';
import { pause } from '../api/poll.ts';
import { preferences } from '../media/preferences.svelte.ts';
import type { MediaRequests } from '../media/requests.ts';
import type { MediaState } from '../media/state.ts';
import type { LeaveReason, RealTimeParts, RealTimePlayer } from '../player/whep/real-time-player.ts';

/** After this many losses it is not tried again before the viewer chooses it again. */
const MOST_LOSSES = 3;
/** How long the reason of a failure stays over the picture, ms. */
const NOTE_MS = 8_000;

/** What it needs of the page. */
interface RealTimeHost extends Omit<RealTimeParts, 'onLeft'> {
  /** Takes the controls of the real-time picture; null: those of the player. */
  readonly onControls: (controls: MediaRequests | null) => void;
}

/** The real-time view of one page; `close` ends it. */
export class RealTime {
  state = $state<'off' | 'connecting' | 'on'>('off');
  /** Why it is not possible; null before it was tried. */
  failure = $state.raw<Failure | null>(null);
  /** The failure, while it is to be read over the picture. */
  note = $state.raw<Failure | null>(null);
  #host = $state.raw<RealTimeHost | null>(null);
  #player: RealTimePlayer | null = null;
  #losses = 0;
  #attempt = new AbortController();
  readonly #closed = new AbortController();

  /** Whether this page can offer it. */
  get isOffered(): boolean {
    return this.#host !== null && 'RTCPeerConnection' in globalThis;
  }

  /** The viewer wants it, and it has not failed. */
  get isChosen(): boolean {
    return preferences.realTime && this.failure === null;
  }

  /** From now on it may begin. */
  begin(host: RealTimeHost): void {
    this.#host = host;
  }

  /** The viewer's choice, which is remembered. */
  choose(isWanted: boolean): void {
    preferences.realTime = isWanted;
    this.failure = null;
    this.note = null;
    this.#losses = 0;
    if (!isWanted) {
      this.#attempt.abort();
      this.#player?.leave();
    } else if (this.#host?.snapshot().atEdge) this.#host.onChange();
    else this.#host?.player.goLive();
  }

  /** The snapshot of the page. At the live edge it begins by itself. */
  apply(base: MediaState): MediaState {
    if (this.#player) return this.#player.merge(base);
    if (this.state === 'off' && this.isOffered && this.isChosen && isAtLive(base)) void this.#enter();
    return base;
  }

  /** The stream is no longer live: the player says why. */
  ended(): void {
    this.#player?.leave();
  }

  close(): void {
    this.#closed.abort();
    this.#attempt.abort();
    this.#player?.close();
    this.#player = null;
    this.#host = null;
  }

  async #enter(): Promise<void> {
    const host = this.#host!;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.state = 'connecting';
    try {
      const { RealTimePlayer } = await import('../player/whep/real-time-player.ts');
      const player = await RealTimePlayer.open({ ...host, onLeft: (why) => this.#left(why) }, attempt.signal);
      // The viewer has gone elsewhere in the meantime.
      if (!this.isChosen || !this.#host || !isAtLive(host.snapshot())) return player.close();
      this.#player = player;
      this.state = 'on';
      player.show();
      host.onControls(player.controls);
      host.onChange();
    } catch (error) {
      if (!attempt.signal.aborted) this.#failed(error);
    } finally {
      if (this.#player === null) this.state = 'off';
    }
  }

  #left(why: LeaveReason): void {
    this.#player = null;
    this.state = 'off';
    if (why === 'choice') preferences.realTime = false;
    if (why === 'lost') this.#losses += 1;
    if (this.#losses >= MOST_LOSSES) this.#refuse({ code: 'webrtc-unreachable', status: 0, title: '', hint: '' });
    this.#host?.onControls(null);
    this.#host?.onChange();
  }

  /** A build that is gone, or a refusal: the player continues. */
  #failed(error: unknown): void {
    const failure = error instanceof ApiError ? error.failure : { code: 'unloaded', status: 0, title: '', hint: '' };
    const isOfBFrames = /B-frames/.test(failure.detail ?? '');
    void import('../text/real-time.ts').then(() =>
      this.#refuse(isOfBFrames ? { ...failure, code: 'b-frames' } : failure),
    );
  }

  #refuse(failure: Failure): void {
    this.failure = failure;
    this.note = failure;
    void pause(NOTE_MS, this.#closed.signal).then(() => {
      if (this.note === failure) this.note = null;
    });
  }
}

function isAtLive({ mode, atEdge, paused, failure, rate, loop, pictured }: MediaState): boolean {
  return mode === 'live' && atEdge && pictured && !paused && failure === null && rate === 1 && loop === null;
}
