/**
 * Plays a video of the library in one video element.
 * In: the address of a multivariant playlist, requests of the viewer. Out: the snapshot that the controls
 * show. Positions are ms from the start, in the same fields as UTC is for streams.
 */
import { BackgroundPlay } from '../../media/background.ts';
import { preferences } from '../../media/preferences.svelte.ts';
import { type MediaRequests, noRequests } from '../../media/requests.ts';
import { idle, type MediaState } from '../../media/state.ts';
import { ElementTarget } from '../../player/element-target.ts';
import { isInLoop, isLoopOver, loopOf } from '../../player/loop.ts';
import type { RoomLink } from '../../player/sync-target.ts';
import { AssetMedia, type AssetSource } from './asset-media.ts';
import { AssetReports } from './asset-reports.ts';
import { type FileRange, keepInRange } from './range.ts';

/** A step of one frame without a known frame rate, seconds. */
const FRAME_S = 0.04;

/** How a video is played; by default an HLS playlist without separate subtitles. */
export interface AssetOptions extends Partial<Pick<AssetSource, 'type' | 'texts'>> {
  /** The part of the file that is played; positions are from its start. */
  readonly range?: FileRange;
  /** Where it begins, ms from the start; default 0. */
  readonly startMs?: number;
  /** The room that the player is in. */
  readonly room?: RoomLink;
}

/** One video; `close` ends it. */
export class AssetPlayer {
  player = $state.raw<MediaState>(idle);
  /** Seconds; 0 before it is known. */
  durationS = $state(0);
  /** End of the loaded media around the position, seconds. */
  loadedS = $state(0);
  /** It has played to its end, and not been moved since. */
  ended = $state(false);
  /** A part of a file begins again at its end. */
  loops = $state(false);
  /** What the page's controls do. */
  readonly controls: MediaRequests;
  readonly #source: AssetSource;
  readonly #options: AssetOptions;
  readonly #ends = new AbortController();
  #media: AssetMedia | null = null;
  #loop: MediaState['loop'] = null;
  /** The viewer has not paused it. */
  #wantsPlay = false;
  #leaveRoom = (): void => {};
  #reports: AssetReports | null = null;
  /** Start of the part in its file, seconds. */
  readonly #offsetS: number;

  /** @param url of the multivariant playlist, or of a file */
  constructor(url: string, options: AssetOptions = {}) {
    this.#options = options;
    const { type = 'hls', texts = [], range, startMs = 0, room } = options;
    const { startS, endS } = range ?? { startS: 0, endS: 0 };
    this.#offsetS = startS;
    this.#source = { url, type, texts, startS: startS + startMs / 1000 };
    this.durationS = endS - startS;
    const controls = this.#createControls();
    this.controls = room?.controls(controls, () => this.player) ?? controls;
  }

  /** Places the element; nothing is loaded before the viewer plays. */
  attach(video: HTMLVideoElement): void {
    video.volume = preferences.volume;
    const media = new AssetMedia(video, this.#source, () => this.#changed());
    this.#media = media;
    const { signal } = this.#ends;
    const { room, range } = this.#options;
    const types = [
      ...['play', 'pause', 'volumechange', 'seeking', 'seeked', 'playing', 'waiting', 'loadeddata', 'timeupdate'],
      ...['ratechange', 'durationchange', 'progress', 'ended', 'enterpictureinpicture', 'leavepictureinpicture'],
    ];
    for (const type of types) video.addEventListener(type, () => this.#changed(), { signal });
    const background = new BackgroundPlay(video.ownerDocument, { signal });
    const keepOn = () => background.paused(video, this.#wantsPlay && room === undefined, () => this.#changed());
    video.addEventListener('pause', keepOn, { signal });
    video.addEventListener('play', () => (this.#wantsPlay = true), { signal });
    if (range) {
      const stopped = () => {
        this.ended = true;
        this.#wantsPlay = false;
      };
      keepInRange(video, range, { loops: () => this.loops, stopped }, { signal });
    }
    const page = video.ownerDocument?.defaultView ?? null;
    this.#reports = AssetReports.follow(
      video,
      { url: this.#source.url, now: () => performance.now(), page },
      this.#ends,
    );
    if (room) {
      video.muted = true; // browsers let only silent video start by itself
      const parts = {
        load: (atS: number) => this.#load(media, atS),
        failed: () => media.failure !== null,
        ease: (isSlow: boolean) => media.ease(isSlow),
      };
      this.#leaveRoom = room.attach(new ElementTarget(video, parts, signal));
    }
    this.#changed();
  }

  /** Stops playing; the element stays with its component. */
  close(): void {
    this.#leaveRoom();
    this.#ends.abort();
    this.#media?.close();
  }

  /** What the viewer can do without a room. Videos have no live edge and no notes. */
  #createControls(): MediaRequests {
    return {
      ...noRequests,
      goTo: (atMs) => this.#goTo(atMs),
      togglePlay: () => this.#togglePlay(),
      again: () => {
        this.#media?.reset();
        this.#togglePlay();
      },
      stepFrame: (by) => {
        const video = this.#media?.video;
        if (!video) return;
        this.#wantsPlay = false;
        video.pause();
        this.#goTo((video.currentTime - this.#offsetS + by * FRAME_S) * 1000);
      },
      setRate: (rate) => {
        if (this.#media) this.#media.video.playbackRate = Math.min(2, Math.max(0.5, rate));
      },
      toggleMuted: () => {
        if (this.#media) this.#media.video.muted = !this.#media.video.muted;
      },
      setVolume: (volume) => {
        if (!this.#media) return;
        const { video } = this.#media;
        video.volume = Math.min(1, Math.max(0, volume));
        video.muted = volume <= 0;
        preferences.volume = volume;
      },
      setQuality: (quality) => this.#media?.choose({ quality }),
      setSound: (sound) => this.#media?.choose({ sound }),
      setSubtitle: (subtitle) => this.#media?.choose({ subtitle }),
      setLoop: (span) => {
        this.#loop = loopOf(span);
        if (this.#loop && !isInLoop(this.#loop, this.player.shownMs)) this.#goTo(this.#loop.fromMs);
        this.#changed();
      },
      togglePicture: () => {
        const video = this.#media?.video;
        if (!video) return;
        const isIn = document.pictureInPictureElement === video;
        const done = isIn ? document.exitPictureInPicture() : video.requestPictureInPicture?.();
        done?.catch(() => {}); // refused: nothing has changed
      },
    };
  }

  #togglePlay(): void {
    const media = this.#media;
    if (!media) return;
    if (media.video.paused) {
      if (this.ended && this.#options.range) this.#goTo(0);
      void this.#play(media);
    } else this.#pause(media);
  }

  #pause({ video }: AssetMedia): void {
    this.#wantsPlay = false;
    video.pause();
  }

  /** @param atMs from the start */
  #goTo(atMs: number): void {
    const media = this.#media;
    if (!media) return;
    const atS = this.#offsetS + Math.max(0, Math.min(atMs / 1000, this.durationS || Number.POSITIVE_INFINITY));
    this.ended = false;
    if (media.video.readyState === 0) media.startS = atS;
    else media.video.currentTime = atS;
    this.#changed();
  }

  /** Loads it for a room, at a position, seconds. */
  #load(media: AssetMedia, atS: number): void {
    if (media.failure) return;
    if (atS >= 0 || !media.isOpen) media.startS = atS;
    void this.#open(media);
  }

  async #play(media: AssetMedia): Promise<void> {
    await this.#open(media);
    if (this.#ends.signal.aborted || media.failure) return;
    await media.video.play().catch(() => {}); // refused: the play button is shown
    this.#changed();
  }

  #open(media: AssetMedia): Promise<void> {
    if (!media.isOpen) this.player = { ...this.player, loading: true };
    return media.open();
  }

  #changed(): void {
    const media = this.#media;
    if (!media || this.#ends.signal.aborted) return;
    const { video, failure } = media;
    if (failure !== null && this.player.failure !== failure) this.#reports?.failed(failure.code);
    const { buffered, currentTime, duration } = video;
    const { range } = this.#options;
    if (Number.isFinite(duration) && !range) this.durationS = duration;
    this.ended = video.ended || (range !== undefined && this.ended && video.paused);
    let loadedS = currentTime;
    for (let index = 0; index < buffered.length; index++) {
      if (buffered.start(index) <= currentTime + 0.1) loadedS = Math.max(currentTime, buffered.end(index));
    }
    this.loadedS = Math.max(0, loadedS - this.#offsetS);
    const shownMs = Math.max(0, (video.readyState === 0 ? media.startS : currentTime) - this.#offsetS) * 1000;
    this.player = {
      ...idle,
      ...media.offers,
      loop: this.#loop,
      mode: 'past',
      loading: media.isOpen && failure === null && video.readyState < 3 && !video.ended,
      pictured: video.readyState >= 2,
      paused: video.paused,
      muted: video.muted,
      volume: video.volume,
      rate: video.playbackRate,
      shownMs,
      failure,
      inPicture: document.pictureInPictureElement === video,
    };
    if (!this.#loop || video.seeking || (video.paused && !video.ended)) return;
    if (!video.ended && !isLoopOver(this.#loop, shownMs, FRAME_S)) return;
    this.#goTo(this.#loop.fromMs);
    if (video.paused) void this.#play(media); // it was at its end
  }
}
