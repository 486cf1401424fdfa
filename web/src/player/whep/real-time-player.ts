/**
 * Shows a live stream in real time, in front of the player, which waits paused until the viewer seeks.
 * In: a player, its surface, a connection of WHEP. Out: the player's snapshots with the real-time picture;
 * controls that leave it.
 */
import { ApiError } from '../../api/client.ts';
import { pause } from '../../api/poll.ts';
import type { MediaRequests } from '../../media/requests.ts';
import type { MediaState } from '../../media/state.ts';
import { noConnection } from '../../webrtc/signaling.ts';
import type { ReceivedFigures } from './received-figures.ts';
import { WhepConnection } from './whep-connection.ts';

/** Its parameters. */
export interface RealTimeParts {
  readonly stream: string;
  readonly surface: HTMLElement;
  readonly player: MediaRequests;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  /** The last snapshot of the player. */
  readonly snapshot: () => MediaState;
  readonly onChange: () => void;
  /** The player shows the picture again. */
  readonly onLeft: (why: LeaveReason) => void;
}

/** Why real time was left: a seek; a choice of a speed, quality, sound or subtitle; a lost connection. */
export type LeaveReason = 'seek' | 'choice' | 'lost';

const FIGURES_EVERY_MS = 500;
/** The first picture comes within this time, or it counts as a loss, ms. */
const PICTURE_WITHIN_MS = 8_000;
/** The last picture stays in front for at most this long while the player loads its own, ms. */
const COVERS_MS = 5_000;
const COVER_LOOK_MS = 50;

/** A real-time picture; `close` removes it. */
export class RealTimePlayer {
  readonly controls: MediaRequests;
  readonly #parts: RealTimeParts;
  readonly #connection: WhepConnection;
  readonly #video: HTMLVideoElement;
  readonly #ends = new AbortController();
  #figures: ReceivedFigures | null = null;
  /** Time of the picture, unix milliseconds, and when that was measured. */
  #shownMs: number;
  #atMs = performance.now();
  #isPaused = false;
  #hasLeft = false;

  private constructor(parts: RealTimeParts, connection: WhepConnection, video: HTMLVideoElement) {
    this.#parts = parts;
    this.#connection = connection;
    this.#video = video;
    this.#shownMs = parts.now();
    this.controls = this.#createControls();
    for (const type of ['enterpictureinpicture', 'leavepictureinpicture']) {
      video.addEventListener(type, () => parts.onChange(), { signal: this.#ends.signal });
    }
    connection.lost.then(() => this.#hasLeft || this.#isPaused || this.#leave(() => parts.player.goLive(), 'lost'));
    void this.#measure();
  }

  /** Opens a connection and resolves with its first picture. @throws ApiError; the signal's reason */
  static async open(parts: RealTimeParts, signal: AbortSignal): Promise<RealTimePlayer> {
    const connection = await WhepConnection.open(parts.stream, signal);
    const video = parts.surface.ownerDocument.createElement('video');
    const { muted, volume } = parts.snapshot();
    Object.assign(video, { muted, volume, playsInline: true, srcObject: connection.stream });
    Object.assign(video.style, {
      position: 'absolute',
      inset: '0',
      width: '100%',
      height: '100%',
      objectFit: 'contain',
      background: '#000',
      zIndex: '2',
      opacity: '0',
    });
    video.dataset.realTime = '';
    parts.surface.append(video);
    try {
      await firstPicture(video, signal);
    } catch (error) {
      connection.close();
      video.remove();
      throw error;
    }
    return new RealTimePlayer(parts, connection, video);
  }

  /** Shows the picture in front of the player, which is paused. */
  show(): void {
    this.#video.style.opacity = '1';
    if (!this.#parts.snapshot().paused) this.#parts.player.togglePlay();
  }

  /**
   * The snapshot of the page: the player's while it loads its own picture, otherwise that of the real-time
   * picture.
   */
  merge(base: MediaState): MediaState {
    // Sound follows the player's switches: it is paused, so only this picture is heard.
    this.#video.muted = base.muted;
    this.#video.volume = base.volume;
    if (this.#hasLeft) return base;
    const shownMs = this.#isPaused ? this.#shownMs : this.#nowShownMs();
    const behindMs = Math.max(0, this.#parts.now() - shownMs);
    const { bufferS = null, networkS = null, droppedFrames = 0, shownFrames = 0, stalls = 0 } = this.#figures ?? {};
    return {
      ...base,
      mode: 'live',
      loading: false,
      seeking: false,
      tryingLive: false,
      pictured: true,
      soundOnly: false,
      paused: this.#isPaused,
      rate: 1,
      catchingUp: false,
      failure: null,
      note: null,
      shownMs,
      behindMs,
      atEdge: !this.#isPaused,
      playingQuality: null,
      subtitle: null,
      loop: null,
      latency: {
        totalS: behindMs / 1000,
        edgeS: null,
        targetLatencyS: null,
        bufferS: bufferS ?? 0,
        networkS,
        droppedFrames,
        shownFrames,
        stalls,
        stalledMs: 0,
      },
      inPicture: this.#video.ownerDocument.pictureInPictureElement === this.#video,
    };
  }

  /** Shows live in the player again. */
  leave(): void {
    this.#leave(() => this.#parts.player.goLive(), 'seek');
  }

  close(): void {
    this.#hasLeft = true;
    this.#ends.abort();
    this.#connection.close();
    this.#video.srcObject = null;
    this.#video.remove();
  }

  #createControls(): MediaRequests {
    const { player } = this.#parts;
    const leaving =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A) =>
        this.#leave(() => act(...args), 'seek');
    /** The choices of a viewer exist only in the player. */
    const choosing =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A) =>
        this.#leave(() => {
          player.goLive();
          act(...args);
        }, 'choice');
    return {
      goLive: () => this.#isPaused && this.leave(), // otherwise it is live already
      goTo: leaving((atMs, how) => this.#play(() => player.goTo(atMs, how))),
      togglePlay: () => (this.#isPaused ? this.#resume() : this.#pause()),
      again: leaving(() => player.again()),
      stepFrame: leaving((by) => {
        player.goTo(this.#shownMs);
        player.stepFrame(by);
      }),
      setRate: choosing((rate) => player.setRate(rate)),
      toggleMuted: () => player.toggleMuted(),
      setVolume: (volume) => player.setVolume(volume),
      setQuality: choosing((id) => player.setQuality(id)),
      setSound: choosing((id) => player.setSound(id)),
      setSubtitle: choosing((id) => player.setSubtitle(id)),
      setLoop: leaving((span) => this.#play(() => player.setLoop(span))),
      togglePicture: () => this.#togglePicture(),
      forgetNote: () => player.forgetNote(),
    };
  }

  /** The player plays after an action, although it was paused in the background. */
  #play(act: () => void): void {
    act();
    if (this.#parts.snapshot().paused) this.#parts.player.togglePlay();
  }

  /** The picture stops, and its connection ends: a pause may last for hours. */
  #pause(): void {
    this.#shownMs = this.#nowShownMs();
    this.#isPaused = true;
    this.#video.pause();
    this.#connection.close();
    this.#parts.onChange();
  }

  /** Continues from the paused picture, as the player does after a pause. */
  #resume(): void {
    const atMs = this.#shownMs;
    const { player } = this.#parts;
    this.#leave(() => this.#play(() => player.goTo(atMs)), 'seek');
  }

  #nowShownMs(): number {
    return this.#shownMs + (performance.now() - this.#atMs);
  }

  /** The last picture stays in front until the player has its own. */
  #leave(act: () => void, why: LeaveReason): void {
    if (this.#hasLeft) {
      act();
      return;
    }
    this.#hasLeft = true;
    this.#video.pause();
    this.#connection.close();
    act();
    this.#parts.onLeft(why);
    void this.#uncover();
  }

  async #uncover(): Promise<void> {
    const { signal } = this.#ends;
    const { snapshot } = this.#parts;
    const untilMs = performance.now() + COVERS_MS;
    const isReady = () => {
      const { pictured, seeking, loading, failure, mode } = snapshot();
      return failure !== null || mode === 'offline' || (pictured && !seeking && !loading);
    };
    await pause(COVER_LOOK_MS, signal); // the request has reached the player
    while (!signal.aborted && !isReady() && performance.now() < untilMs) await pause(COVER_LOOK_MS, signal);
    this.close();
  }

  async #measure(): Promise<void> {
    const { signal } = this.#ends;
    const { now, onChange } = this.#parts;
    while (!signal.aborted && !this.#hasLeft && !this.#isPaused) {
      const figures = await this.#connection.figures();
      if (signal.aborted || this.#hasLeft || this.#isPaused) return;
      this.#figures = figures;
      // Without the time of the picture: estimated from its way here.
      const aboutMs = now() - ((figures.bufferS ?? 0) + (figures.networkS ?? 0) / 2) * 1000;
      this.#shownMs = Math.min(now(), figures.shownMs ?? aboutMs);
      this.#atMs = performance.now();
      onChange();
      await pause(FIGURES_EVERY_MS, signal);
    }
  }

  #togglePicture(): void {
    const page = this.#video.ownerDocument;
    // Refused without a click of the viewer: nothing changes.
    if (page.pictureInPictureElement === this.#video) page.exitPictureInPicture().catch(() => {});
    else this.#video.requestPictureInPicture?.().catch(() => {});
  }
}

/** Plays; resolves with the first picture. @throws ApiError if none comes */
async function firstPicture(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  const come = new AbortController();
  video.requestVideoFrameCallback?.(() => come.abort());
  video.addEventListener('timeupdate', () => come.abort(), { signal: come.signal });
  video.play().catch(() => {
    video.muted = true; // sound needs a click first
    video.play().catch(() => {});
  });
  await pause(PICTURE_WITHIN_MS, AbortSignal.any([signal, come.signal]));
  signal.throwIfAborted();
  if (!come.signal.aborted) throw new ApiError(noConnection);
}
