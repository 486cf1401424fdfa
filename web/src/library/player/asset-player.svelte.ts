/**
 * Plays a video of the library: one video element with hls.js, with the browser's own HLS, or with Shaka
 * Player for DASH.
 * In: the address of a multivariant playlist, requests of the viewer. Out: the snapshot that the controls
 * show. Positions are ms from the start, in the same fields as UTC is for streams.
 */
import type Hls from 'hls.js';
import { type Failure, readFailure } from '../../api/client.ts';
import { currentAddress } from '../../api/server.ts';
import { followCaptions } from '../../media/captions.ts';
import { loadHls, noPlayer, playerNotLoaded } from '../../media/load-engine.ts';
import { preferences } from '../../media/preferences.svelte.ts';
import type { MediaRequests } from '../../media/requests.ts';
import { idle, type MediaState } from '../../media/state.ts';
import { Choices } from '../../player/choices.ts';
import { ElementTarget } from '../../player/element-target.ts';
import { isInLoop, isLoopOver, loopOf } from '../../player/loop.ts';
import { assetSettings, playbackFailure } from '../../player/settings.ts';
import type { RoomLink } from '../../player/sync-target.ts';
import { playsNatively } from '../../player/video/native.ts';
import { type DashPlayer, loadShaka, playDash } from './dash.ts';
import { type FileRange, keepInRange } from './range.ts';
import { type TextFile, TextFiles } from './text-files.ts';

/** A step of one frame without a known frame rate, seconds. */
const FRAME_S = 0.04;
/** A media error this long after the last one is tried to be repaired again, ms. */
const REPAIR_EVERY_MS = 10_000;

/** A failure whose words are in the catalogue. */
const failure = (code: string): Failure => ({ code, status: 0, title: '', hint: '' });

/** How a video is played. */
export interface AssetOptions {
  /** Default: an HLS playlist. */
  readonly type?: 'hls' | 'dash' | 'file';
  /** Subtitles in separate files. */
  readonly texts?: readonly TextFile[];
  /** The part of the file that is played; positions are from its start. */
  readonly range?: FileRange;
  /** Where it begins, ms from the start; default 0. */
  readonly startMs?: number;
  /** The room that the player is in. */
  readonly room?: RoomLink;
}

/** One video; `close` ends it. */
export class AssetPlayer implements MediaRequests {
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
  readonly #url: string;
  readonly #options: AssetOptions;
  readonly #choices = new Choices();
  readonly #ends = new AbortController();
  #video: HTMLVideoElement | null = null;
  #hls: Hls | null = null;
  #dash: DashPlayer | null = null;
  #texts: TextFiles | null = null;
  #failure: MediaState['failure'] = null;
  #loop: MediaState['loop'] = null;
  #repairedAtMs = Number.NEGATIVE_INFINITY;
  #opening: Promise<void> | null = null;
  #leaveRoom = (): void => {};
  /** Where to begin once it is loaded, seconds. */
  #startS = 0;
  /** Start of the part in its file, seconds. */
  readonly #offsetS: number;

  /** @param url of the multivariant playlist, or of a file */
  constructor(url: string, options: AssetOptions = {}) {
    this.#url = url;
    this.#options = options;
    const { startS, endS } = options.range ?? { startS: 0, endS: 0 };
    this.#offsetS = startS;
    this.#startS = startS + (options.startMs ?? 0) / 1000;
    this.durationS = endS - startS;
    this.controls = options.room?.controls(this, () => this.player) ?? this;
  }

  /** Places the element; nothing is loaded before the viewer plays. */
  attach(video: HTMLVideoElement): void {
    this.#video = video;
    video.volume = preferences.volume;
    this.#texts = new TextFiles(video, this.#options.texts ?? []);
    this.#choices.subtitle = this.#texts.remembered;
    this.#texts.show(this.#choices.subtitle);
    const { signal } = this.#ends;
    const types = [
      ...['play', 'pause', 'volumechange', 'seeking', 'seeked', 'playing', 'waiting', 'loadeddata', 'timeupdate'],
      ...['ratechange', 'durationchange', 'progress', 'ended', 'enterpictureinpicture', 'leavepictureinpicture'],
    ];
    for (const type of types) video.addEventListener(type, () => this.#changed(), { signal });
    video.addEventListener('error', () => void this.#failed(), { signal });
    const { room, range } = this.#options;
    if (range) {
      const stopped = () => {
        this.ended = true;
      };
      keepInRange(video, range, { loops: () => this.loops, stopped }, { signal });
    }
    if (room) {
      video.muted = true; // browsers let only silent video start by itself
      const parts = {
        load: (atS: number) => this.#load(video, atS),
        failed: () => this.#failure !== null,
        ease: (isSlow: boolean) => this.#ease(isSlow),
      };
      this.#leaveRoom = room.attach(new ElementTarget(video, parts, signal));
    }
    this.#changed();
  }

  togglePlay(): void {
    const video = this.#video;
    if (!video) return;
    if (video.paused) {
      if (this.ended && this.#options.range) this.goTo(0);
      void this.#play(video);
    } else video.pause();
  }

  /** @param atMs from the start */
  goTo(atMs: number): void {
    const video = this.#video;
    if (!video) return;
    const atS = this.#offsetS + Math.max(0, Math.min(atMs / 1000, this.durationS || Number.POSITIVE_INFINITY));
    this.ended = false;
    if (video.readyState === 0) this.#startS = atS;
    else video.currentTime = atS;
    this.#changed();
  }

  again(): void {
    this.#startS = this.#video?.currentTime ?? 0;
    this.#hls?.destroy();
    this.#hls = null;
    this.#dash?.destroy();
    this.#dash = null;
    this.#opening = null;
    this.#failure = null;
    this.togglePlay();
  }

  stepFrame(by: 1 | -1): void {
    if (!this.#video) return;
    this.#video.pause();
    this.goTo((this.#video.currentTime - this.#offsetS + by * FRAME_S) * 1000);
  }

  setRate(rate: number): void {
    if (this.#video) this.#video.playbackRate = Math.min(2, Math.max(0.5, rate));
  }

  toggleMuted(): void {
    if (this.#video) this.#video.muted = !this.#video.muted;
  }

  setVolume(volume: number): void {
    if (!this.#video) return;
    this.#video.volume = Math.min(1, Math.max(0, volume));
    this.#video.muted = volume <= 0;
    preferences.volume = volume;
  }

  setQuality(id: string | null): void {
    this.#choices.quality = id;
    this.#chosen();
  }

  setSound(id: string): void {
    this.#choices.sound = id;
    this.#chosen();
  }

  setSubtitle(id: string | null): void {
    this.#choices.subtitle = id;
    this.#texts?.remember(id);
    this.#chosen();
  }

  togglePicture(): void {
    const video = this.#video;
    if (!video) return;
    const done =
      document.pictureInPictureElement === video ? document.exitPictureInPicture() : video.requestPictureInPicture?.();
    done?.catch(() => {}); // refused: nothing has changed
  }

  /**
   * Plays a span in a loop, from its start unless its position is within; null ends the loop. Ms from the
   * start.
   */
  setLoop(range: MediaState['loop']): void {
    this.#loop = loopOf(range);
    if (this.#loop && !isInLoop(this.#loop, this.player.shownMs)) this.goTo(this.#loop.fromMs);
    this.#changed();
  }

  /** Videos have no live edge and no notes. */
  goLive(): void {}
  forgetNote(): void {}

  /** Stops playing; the element stays with its component. */
  close(): void {
    this.#leaveRoom();
    this.#ends.abort();
    this.#hls?.destroy();
    this.#dash?.destroy();
    this.#video?.removeAttribute('src');
    this.#video?.load(); // otherwise it continues to load until it is collected
  }

  /** Loads it for a room, at a position, seconds. */
  #load(video: HTMLVideoElement, atS: number): void {
    if (this.#failure) return;
    if (atS >= 0 || !this.#opening) this.#startS = atS;
    this.#opening ??= this.#open(video);
  }

  async #play(video: HTMLVideoElement): Promise<void> {
    this.#opening ??= this.#open(video);
    await this.#opening;
    if (this.#ends.signal.aborted || this.#failure) return;
    await video.play().catch(() => {}); // refused: the play button is shown
    this.#changed();
  }

  async #open(video: HTMLVideoElement): Promise<void> {
    this.player = { ...this.player, loading: true };
    const { type = 'hls' } = this.#options;
    if (type === 'file') return this.#openFile(video);
    if (type === 'dash') return this.#openDash(video);
    const Engine = await loadHls();
    if (this.#ends.signal.aborted) return;
    if (!Engine) return this.#fail(playerNotLoaded);
    if (!Engine.isSupported()) {
      if (!playsNatively(document)) return this.#fail(noPlayer);
      this.#openFile(video);
      return;
    }
    const hls = new Engine({ ...assetSettings(), startPosition: this.#startS });
    this.#hls = hls;
    for (const event of [
      Engine.Events.MANIFEST_PARSED,
      Engine.Events.LEVEL_SWITCHED,
      Engine.Events.AUDIO_TRACKS_UPDATED,
      Engine.Events.AUDIO_TRACK_SWITCHED,
      Engine.Events.SUBTITLE_TRACKS_UPDATED,
      Engine.Events.SUBTITLE_TRACK_SWITCH,
    ] as const) {
      hls.on(event, () => {
        if (event !== Engine.Events.LEVEL_SWITCHED) this.#choices.apply(hls);
        this.#changed();
      });
    }
    followCaptions(Engine, hls, () => this.#chosen());
    hls.on(Engine.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      const nowMs = performance.now();
      if (data.type === Engine.ErrorTypes.MEDIA_ERROR && nowMs - this.#repairedAtMs > REPAIR_EVERY_MS) {
        this.#repairedAtMs = nowMs;
        hls.recoverMediaError();
      } else this.#fail(playbackFailure(data));
    });
    hls.loadSource(currentAddress(this.#url));
    hls.attachMedia(video);
  }

  async #openDash(video: HTMLVideoElement): Promise<void> {
    const shaka = await loadShaka();
    if (this.#ends.signal.aborted) return;
    if (!shaka) return this.#fail(playerNotLoaded);
    if (!shaka.Player.isBrowserSupported()) return this.#fail(noPlayer);
    const onFailed = () => this.#fail(failure('unplayable'));
    this.#dash = playDash(shaka, video, { url: this.#url, startS: this.#startS, onFailed });
  }

  #openFile(video: HTMLVideoElement): void {
    const { signal } = this.#ends;
    video.addEventListener('loadedmetadata', () => (video.currentTime = Math.max(0, this.#startS)), {
      once: true,
      signal,
    });
    video.src = currentAddress(this.#url);
  }

  /** See SyncTarget. A file has no other quality, and the browser's own HLS chooses by itself. */
  #ease(isSlow: boolean): void {
    this.#choices.ease(this.#hls, isSlow);
    this.#dash?.ease(isSlow);
    this.#chosen();
  }

  #chosen(): void {
    if (this.#hls) this.#choices.apply(this.#hls);
    this.#texts?.show(this.#choices.subtitle);
    this.#changed();
  }

  /**
   * The element does not report why a file fails: what this server refuses is requested once more, for its
   * words.
   */
  async #failed(): Promise<void> {
    const { signal } = this.#ends;
    const isFile = this.#hls === null && this.#dash === null;
    const address = new URL(currentAddress(this.#url), location.href);
    if (!isFile) return this.#fail(failure('unplayable'));
    if (address.origin !== location.origin) return this.#fail(failure('link-failed'));
    const response = await fetch(address, { headers: { range: 'bytes=0-0' }, signal }).catch(() => null);
    if (!response) return this.#fail(failure('unreachable'));
    if (!response.ok) return this.#fail(readFailure(response.status, await response.text().catch(() => '')));
    await response.body?.cancel();
    this.#fail(failure('unplayable'));
  }

  #fail(why: Failure): void {
    if (this.#ends.signal.aborted) return;
    this.#failure = why;
    this.#opening = null;
    this.#changed();
  }

  #changed(): void {
    const video = this.#video;
    if (!video || this.#ends.signal.aborted) return;
    const { buffered, currentTime, duration } = video;
    const { range } = this.#options;
    if (Number.isFinite(duration) && !range) this.durationS = duration;
    this.ended = video.ended || (range !== undefined && this.ended && video.paused);
    let loadedS = currentTime;
    for (let index = 0; index < buffered.length; index++) {
      if (buffered.start(index) <= currentTime + 0.1) loadedS = Math.max(currentTime, buffered.end(index));
    }
    this.loadedS = Math.max(0, loadedS - this.#offsetS);
    const offers = this.#choices.offers(this.#hls);
    const shownMs = Math.max(0, (video.readyState === 0 ? this.#startS : currentTime) - this.#offsetS) * 1000;
    this.player = {
      ...idle,
      ...offers,
      loop: this.#loop,
      subtitles: [...offers.subtitles, ...(this.#texts?.choices ?? [])],
      quality: this.#choices.quality,
      subtitle: this.#choices.subtitle,
      mode: 'past',
      loading: this.#opening !== null && this.#failure === null && video.readyState < 3 && !video.ended,
      pictured: video.readyState >= 2,
      paused: video.paused,
      muted: video.muted,
      volume: video.volume,
      rate: video.playbackRate,
      shownMs,
      failure: this.#failure,
      inPicture: document.pictureInPictureElement === video,
    };
    if (!this.#loop || video.seeking || (video.paused && !video.ended)) return;
    if (!video.ended && !isLoopOver(this.#loop, shownMs, FRAME_S)) return;
    this.goTo(this.#loop.fromMs);
    if (video.paused) void this.#play(video); // it was at its end
  }
}
