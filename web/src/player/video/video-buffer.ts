/**
 * One video element with one hls.js: the player has two, a visible one and one that prepares the next source.
 * In: what to load. Out: events for the player; the time of the picture; the element.
 */
import type Hls from 'hls.js';
import type { ErrorData, HlsConfig, LevelDetails } from 'hls.js';
import { followCaptions } from '../../media/captions.ts';
import { seekPreroll } from '../seek-preroll.ts';
import type { Facts } from '../source/facts.ts';
import { partsAhead } from '../source/parts-ahead.ts';
import { Frames, type RunFragment } from './frames.ts';
import { halfLoaded } from './half-loaded.ts';
import { positionOf, type TimedFragment } from './media-time.ts';
import { Picture } from './picture.ts';

/** What a buffer reports to its player. */
export interface VideoBufferEvents {
  /** A new picture is on the screen, or would be if the buffer were in front. */
  frame(buffer: VideoBuffer): void;
  /** The list was loaded or has grown. */
  listed(buffer: VideoBuffer): void;
  /** The options are known, or have changed. */
  parsed(buffer: VideoBuffer, hls: Hls): void;
  /** Media arrived. */
  progress(buffer: VideoBuffer): void;
  /** Any event of the element that changes its shown state. */
  changed(buffer: VideoBuffer): void;
  played(buffer: VideoBuffer): void;
  paused(buffer: VideoBuffer): void;
  waiting(buffer: VideoBuffer): void;
  ended(buffer: VideoBuffer): void;
  /** hls.js gave up. */
  failed(buffer: VideoBuffer, data: ErrorData): void;
}

/** What a buffer is created with. */
export interface VideoBufferParts {
  readonly Hls: typeof Hls;
  readonly surface: HTMLElement;
  readonly facts: Facts;
  readonly events: VideoBufferEvents;
}

/** Another way to load the segments of the live playlist. */
export interface LiveLoading {
  /** Take the place of those of the source. */
  readonly settings: Partial<HlsConfig>;
  /** Called with each new hls.js before it loads. @returns ends it; called after hls.js was destroyed */
  follow(hls: Hls, video: HTMLVideoElement): () => void;
}

/** What a buffer plays: the live playlist, or windows of the recording. */
export interface Source {
  readonly kind: 'live' | 'past';
  readonly url: string;
  readonly settings: Partial<HlsConfig>;
  /** Loads its segments; absent: hls.js does. */
  readonly loading?: LiveLoading | undefined;
  /** Called with the time of each picture, unix milliseconds. */
  readonly playhead?: (atMs: number) => void;
}

/** The start of a playlist, seconds: hls.js takes an open playlist at 0 for not yet started. */
const LIST_START = 0.001;
/** Offset into a held frame, seconds; shorter than any frame. */
const HOLD_S = 0.001;
/**
 * If the element advances by this without a reported frame, the picture is a still or the browser reports no
 * frames; media seconds.
 */
const STILL_S = 1;
/** A frame is reported at most this long after its seek, milliseconds. */
const ESTIMATE_AFTER_MS = 120;
/**
 * A frame may be shown this long before the element's clock reaches it: one refresh of a slow display,
 * seconds.
 */
const REFRESH_S = 0.02;

/** One of the two buffers. */
export class VideoBuffer {
  readonly video: HTMLVideoElement;
  readonly frames: Frames;
  readonly picture: Picture;
  readonly #parts: VideoBufferParts;
  readonly #ends = new AbortController();
  #hls: Hls | null = null;
  #source: Source | null = null;
  #endLoading = () => {};
  #details: LevelDetails | null = null;
  #watched = 0;
  /** Media time at which a buffer was first seen to be ready without a frame, seconds. */
  #readyS: number | null = null;
  /** A seek was made and its frame has not been reported. */
  #awaitsFrame = false;
  /** Final position of a seek, sought when the media before it is loaded; media seconds. */
  #seekS: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A media error occurred and no picture has followed it yet. */
  #recovering = false;

  constructor(parts: VideoBufferParts) {
    this.#parts = parts;
    this.frames = new Frames(parts.facts);
    const video = parts.surface.ownerDocument.createElement('video');
    this.video = video;
    this.picture = new Picture(video, this.frames);
    video.muted = true; // until it is in front
    video.playsInline = true;
    video.preload = 'auto';
    video.disableRemotePlayback = true; // required by Chromium and ManagedMediaSource
    // By script: the page's policy forbids style attributes in markup.
    Object.assign(video.style, {
      position: 'absolute',
      inset: '0',
      width: '100%',
      height: '100%',
      objectFit: 'contain',
      background: 'transparent', // shows what is below until there is a picture
    });
    this.setFront(false);
    parts.surface.append(video);
    const { events } = parts;
    const listen = (types: readonly string[], react: () => void) => {
      for (const type of types) video.addEventListener(type, react, { signal: this.#ends.signal });
    };
    listen(['play', 'pause', 'volumechange', 'seeked', 'canplay', 'playing', 'loadeddata', 'ratechange'], () =>
      events.changed(this),
    );
    listen(['seeked', 'canplay'], () => {
      if (this.#seekS !== null) {
        this.#finishSeek(this.#seekS);
        return;
      }
      // A hidden tab and a stream without pictures show no frames.
      if (!this.#reportsFrames && this.ready) this.#onFrame(video.currentTime, performance.now(), false);
      else if (this.#awaitsFrame) this.#estimateLater();
      else if (this.picture.mediaTime !== null) events.frame(this); // reported before the seek had ended
    });
    listen(['play'], () => {
      this.picture.forgetRecent();
      events.played(this);
    });
    listen(['pause'], () => {
      events.paused(this);
      this.#settleLater();
    });
    listen(['waiting'], () => events.waiting(this));
    listen(['ended'], () => events.ended(this));
    listen(['enterpictureinpicture', 'leavepictureinpicture'], () => events.changed(this));
  }

  get hls(): Hls | null {
    return this.#hls;
  }

  get kind(): Source['kind'] | null {
    return this.#source?.kind ?? null;
  }

  get details(): LevelDetails | null {
    return this.#details;
  }

  /** It shows the picture at its position. */
  get ready(): boolean {
    return this.#seekS === null && this.video.readyState >= 2 && !this.video.seeking;
  }

  /** Seeks, media seconds. */
  seekTo(mediaSeconds: number): void {
    this.picture.forgetRecent();
    this.#awaitsFrame = true;
    const { buffered } = this.video;
    const fromS = this.#dropHalf(mediaSeconds) ? null : this.#details?.fragmentStart;
    const firstS = fromS == null ? null : seekPreroll(mediaSeconds, { buffered, fromS });
    this.#seekS = firstS === null ? null : mediaSeconds;
    this.video.currentTime = Math.max(LIST_START, firstS ?? mediaSeconds);
  }

  /** UTC at the end of the list, unix milliseconds; null before the first list. */
  get edgeMs(): number | null {
    return this.#details ? this.frames.timeOf(this.#details.edge - 0.001) : null;
  }

  /** Makes this buffer the visible one, or hides it. The player controls the sound. */
  setFront(front: boolean): void {
    this.video.style.zIndex = front ? '1' : '0';
    this.video.toggleAttribute('data-front', front);
    this.video.toggleAttribute('inert', !front);
    if (front) this.video.removeAttribute('aria-hidden');
    else this.video.setAttribute('aria-hidden', 'true');
  }

  /** Loads a source in place of the current one. It does not play yet. */
  load(source: Source): void {
    this.unload();
    const { Hls, events } = this.#parts;
    const fLoader = partsAhead(() => this.#details?.partList);
    const { loading } = source;
    const hls = new Hls({ ...source.settings, ...(source.kind === 'live' && { fLoader }), ...loading?.settings });
    this.#hls = hls;
    this.#endLoading = loading?.follow(hls, this.video) ?? (() => {});
    this.#source = source;
    const listed = (details: LevelDetails) => {
      if (this.#hls !== hls) return;
      this.#details = details;
      const hint = details.fragmentHint;
      this.frames.listed((hint ? [...details.fragments, hint] : details.fragments) as readonly RunFragment[]);
      events.listed(this);
    };
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => listed(details));
    hls.on(Hls.Events.INIT_PTS_FOUND, (_, { id, frag, initPTS, timescale }) => {
      if (this.#hls === hls && id === 'main') this.frames.rebased(frag.cc, initPTS / timescale);
    });
    hls.on(Hls.Events.BUFFER_APPENDED, () => {
      if (this.#hls === hls) events.progress(this);
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      if (this.#hls === hls) events.parsed(this, hls);
    });
    for (const event of [
      Hls.Events.LEVEL_SWITCHED,
      Hls.Events.AUDIO_TRACKS_UPDATED,
      Hls.Events.AUDIO_TRACK_SWITCHED,
      Hls.Events.SUBTITLE_TRACKS_UPDATED,
    ] as const) {
      hls.on(event, () => {
        if (this.#hls === hls) events.parsed(this, hls);
      });
    }
    followCaptions(Hls, hls, () => {
      if (this.#hls === hls) events.parsed(this, hls);
    });
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (this.#hls !== hls || !data.fatal) return;
      if (data.type === 'mediaError' && !this.#recovering) {
        this.#recovering = true;
        hls.recoverMediaError();
        return;
      }
      events.failed(this, data);
    });
    hls.loadSource(source.url);
    hls.attachMedia(this.video);
    this.#watchFrames();
  }

  /** Unloads everything; the element is blank after this. */
  unload(): void {
    this.#watched += 1;
    clearTimeout(this.#timer);
    this.#awaitsFrame = false;
    this.#seekS = null;
    this.#hls?.destroy();
    this.#endLoading();
    this.#endLoading = () => {};
    // hls.js leaves `src` where `currentSrc` still names the source before it, and the browser would load a
    // revoked address.
    if (this.video.hasAttribute('src')) {
      this.video.removeAttribute('src');
      this.video.load();
    }
    this.#hls = null;
    this.#source = null;
    this.#details = null;
    this.#readyS = null;
    this.#recovering = false;
    this.picture.clear();
    this.frames.clear();
  }

  /**
   * Where a time is in the loaded list.
   *
   * @param atMs unix milliseconds
   * @returns media seconds; null if it is not in the playlist, or about to leave it
   */
  positionOf(atMs: number): number | null {
    if (!this.#details) return null;
    const { fragmentStart, edge, targetduration } = this.#details;
    const position = positionOf(this.#segments, atMs);
    if (position === null) return null;
    // A list that has just begun loses nothing yet: three target durations stay in it (RFC 8216bis 6.2.2).
    const marginS = Math.min(3 * targetduration, Math.max(0, edge - fragmentStart - 3 * targetduration));
    const leavesAtS = this.kind === 'live' ? fragmentStart + marginS : 0;
    return position >= leavesAtS ? position : null;
  }

  /** Closes it and removes the element. */
  close(): void {
    this.#ends.abort();
    this.unload();
    this.video.remove();
  }

  /**
   * Called a few times a second: reports the position of the element's clock while the browser reports no
   * frames: in a hidden tab, for audio only, for a still picture while the sound continues, and in a frame of
   * another page that is scrolled out of sight.
   */
  look(): void {
    const { currentTime, paused } = this.video;
    if (!this.ready || paused || currentTime === this.picture.mediaTime) return;
    this.#readyS ??= currentTime;
    const stillS = currentTime - (this.picture.mediaTime ?? this.#readyS);
    if (!this.#reportsFrames || stillS > STILL_S) this.#onFrame(currentTime, performance.now(), false);
  }

  get #reportsFrames(): boolean {
    const { video } = this;
    return 'requestVideoFrameCallback' in video && !video.ownerDocument.hidden && video.videoWidth > 0;
  }

  /** The segments of the list, also the one that is not complete, of which it has Parts. */
  get #segments(): readonly TimedFragment[] {
    const { fragments = [], fragmentHint: open, edge = 0 } = this.#details ?? {};
    if (!open) return fragments;
    return [...fragments, { start: open.start, duration: edge - open.start, programDateTime: open.programDateTime }];
  }

  /**
   * Has hls.js fetch the segment of a position again if it was joined at a later Part. Returns whether it
   * was.
   */
  #dropHalf(mediaSeconds: number): boolean {
    if (!this.#hls || !this.#details?.partList) return false;
    const half = halfLoaded(mediaSeconds, { buffered: this.video.buffered, segments: this.#segments });
    if (!half) return false;
    const dropped = { startOffset: half.fromS, endOffset: half.toS, type: null };
    this.#hls.trigger(this.#parts.Hls.Events.BUFFER_FLUSHING, dropped);
    return true;
  }

  /** The media before the position is loaded: seeks to the position itself. */
  #finishSeek(seekS: number): void {
    if (this.video.seeking) return;
    this.#seekS = null;
    this.video.currentTime = seekS;
  }

  #watchFrames(): void {
    const turn = ++this.#watched;
    if (!('requestVideoFrameCallback' in this.video)) return;
    const next = () =>
      this.video.requestVideoFrameCallback((_, frame) => {
        if (turn !== this.#watched) return;
        // The first frame of a source may be reported as 0.
        const early = frame.mediaTime === 0 && this.video.currentTime > 1;
        // Frames before the final position do not count.
        if (this.#seekS === null)
          this.#onFrame(early ? this.video.currentTime : frame.mediaTime, frame.expectedDisplayTime, !early);
        next();
      });
    next();
  }

  /**
   * A frame shortly after another may not be reported, and while paused none follows: then its time is
   * calculated from the last one.
   */
  #estimateLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#awaitsFrame || !this.ready || !this.video.paused) return;
      const { currentTime } = this.video;
      const { mediaTime, frameS } = this.picture;
      const fromS = mediaTime ?? currentTime;
      const frames = Math.floor((currentTime - fromS) / frameS + 1e-3);
      this.#onFrame(fromS + frames * frameS, performance.now(), false);
      this.#awaitsFrame = false;
    }, ESTIMATE_AFTER_MS);
  }

  /**
   * After a pause, makes the reported frame and the one on the screen the same. Firefox shows a frame that it
   * has ready without reporting it: a seek returns to the last reported one. Other browsers do not report a
   * frame shortly after another: if the element's clock is near the next frame, a seek to its position has
   * that frame reported.
   */
  #settleLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { paused, ended, currentTime } = this.video;
      const { mediaTime, frameS } = this.picture;
      if (!paused || ended || this.#awaitsFrame || mediaTime === null || !this.ready || !this.#reportsFrames) return;
      // Firefox then reports the position of the seek, not that of the frame.
      if ('mozHasAudio' in this.video) this.seekTo(mediaTime + HOLD_S);
      else if (currentTime - mediaTime > frameS - REFRESH_S) this.seekTo(currentTime);
    }, ESTIMATE_AFTER_MS);
  }

  #onFrame(mediaTime: number, displayedAt: number, isReported: boolean): void {
    const shownMs = this.picture.show(mediaTime, displayedAt, isReported);
    // A frame from before the seek may be reported after it began.
    const { currentTime, paused } = this.video;
    const { picture } = this;
    if (!paused || Math.abs(currentTime - mediaTime - picture.frameS / 2) < picture.frameS) this.#awaitsFrame = false;
    this.#recovering = false;
    if (shownMs !== null) this.#source?.playhead?.(shownMs);
    this.#parts.events.frame(this);
  }
}
