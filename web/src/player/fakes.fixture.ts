/**
 * The parts of a browser and of hls.js that the player uses, for tests without either.
 * In: events that a test triggers. Out: what the player did.
 */

type OnFrame = (now: number, frame: { mediaTime: number; expectedDisplayTime: number }) => void;

/** A video element that plays and seeks at once, and shows the pictures that a test passes. */
export class FakeVideo extends EventTarget {
  readonly style: Record<string, string> = {};
  readonly ownerDocument: FakeDocument;
  readonly attributes = new Set<string>();
  paused = true;
  muted = true;
  volume = 1;
  playbackRate = 1;
  readyState = 0;
  seeking = false;
  ended = false;
  videoWidth = 640;
  playsInline = false;
  preload = '';
  src = '';
  error: object | null = null;
  readonly seekable = { length: 0, start: () => 0, end: () => 0 };
  disableRemotePlayback = false;
  /** Why the browser refuses to play; null: it plays. */
  refusal: string | null = null;
  /** What is in the buffer, seconds. */
  bufferedFrom = 0;
  bufferedTo = 0;
  seeks: number[] = [];
  #time = 0;
  #waiting: OnFrame[] = [];

  constructor(ownerDocument: FakeDocument) {
    super();
    this.ownerDocument = ownerDocument;
  }

  get currentTime(): number {
    return this.#time;
  }

  set currentTime(seconds: number) {
    this.#time = seconds;
    this.seeks.push(seconds);
  }

  get buffered() {
    return { length: this.bufferedTo > 0 ? 1 : 0, start: () => this.bufferedFrom, end: () => this.bufferedTo };
  }

  toggleAttribute(name: string, force: boolean): void {
    if (force) this.attributes.add(name);
    else this.attributes.delete(name);
  }

  setAttribute(name: string): void {
    this.attributes.add(name);
  }

  hasAttribute(name: string): boolean {
    return this.attributes.has(name);
  }

  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }

  load(): void {
    this.readyState = 0;
  }

  remove(): void {
    this.ownerDocument.videos.splice(this.ownerDocument.videos.indexOf(this), 1);
  }

  async play(): Promise<void> {
    if (this.refusal !== null && !this.muted) throw new DOMException('no', this.refusal);
    if (!this.paused) return;
    this.paused = false;
    this.dispatchEvent(new Event('play'));
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.dispatchEvent(new Event('pause'));
  }

  requestVideoFrameCallback(callback: OnFrame): number {
    this.#waiting.push(callback);
    return 0;
  }

  async requestPictureInPicture(): Promise<void> {
    this.ownerDocument.pictureInPictureElement = this;
  }

  /** A frame with this media time is on the screen. */
  picture(mediaTime: number): void {
    this.readyState = 4;
    this.#time = mediaTime;
    const waiting = this.#waiting;
    this.#waiting = [];
    const expectedDisplayTime = this.ownerDocument.steadyMs;
    for (const one of waiting) one(expectedDisplayTime, { mediaTime, expectedDisplayTime });
  }

  /** Playback continues without a reported frame: audio only, or a hidden tab. */
  sound(currentTime: number): void {
    this.readyState = 4;
    this.#time = currentTime;
  }

  /** Dispatches an event on the element. */
  dispatch(type: string): void {
    this.dispatchEvent(new Event(type));
  }
}

/** The document of a page. */
export class FakeDocument extends EventTarget {
  hidden = false;
  /** The clock of frame times, milliseconds. */
  steadyMs = 0;
  pictureInPictureElement: FakeVideo | null = null;
  readonly videos: FakeVideo[] = [];

  createElement(): FakeVideo {
    const video = new FakeVideo(this);
    this.videos.push(video);
    return video;
  }

  async exitPictureInPicture(): Promise<void> {
    this.pictureInPictureElement = null;
  }

  /** The visible element. */
  get front(): FakeVideo {
    return this.videos.find(({ attributes }) => attributes.has('data-front'))!;
  }

  /** The element in the background. */
  get back(): FakeVideo {
    return this.videos.find(({ attributes }) => !attributes.has('data-front'))!;
  }
}

/** The box of the picture. */
export function fakeSurface(ownerDocument: FakeDocument): HTMLElement {
  return { ownerDocument, style: {}, append: () => {} } as unknown as HTMLElement;
}

type Listener = (event: string, data: unknown) => void;

/** One instance of hls.js. */
export class FakeHls {
  static readonly Events = {
    LEVEL_UPDATED: 'updated',
    INIT_PTS_FOUND: 'pts',
    BUFFER_APPENDED: 'appended',
    MANIFEST_PARSED: 'parsed',
    LEVEL_SWITCHED: 'switched',
    AUDIO_TRACKS_UPDATED: 'tracks',
    AUDIO_TRACK_SWITCHED: 'track',
    SUBTITLE_TRACKS_UPDATED: 'subtitles',
    BUFFER_FLUSHING: 'flushing',
    ERROR: 'error',
  };
  /** All instances, in order of creation. */
  static all: FakeHls[] = [];
  readonly config: object;
  url = '';
  video: FakeVideo | null = null;
  destroyed = false;
  loadingEnabled = true;
  liveSyncPosition: number | null = null;
  levels: object[] = [];
  currentLevel = -1;
  loadLevel = 0;
  nextLevel = -1;
  autoLevelEnabled = true;
  autoLevelCapping = -1;
  audioTracks: object[] = [];
  audioTrack = 0;
  subtitleTracks: object[] = [];
  subtitleTrack = -1;
  subtitleDisplay = false;
  recovered = 0;
  /** Media that the player dropped, seconds. */
  readonly flushed: { startOffset: number; endOffset: number }[] = [];
  readonly #listeners = new Map<string, Listener>();

  constructor(config: object) {
    this.config = config;
    FakeHls.all.push(this);
  }

  /** The newest. */
  static get last(): FakeHls {
    return FakeHls.all.at(-1)!;
  }

  /** The loaded addresses, in order. */
  static get loads(): string[] {
    return FakeHls.all.map(({ url }) => url);
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }

  loadSource(url: string): void {
    this.url = url;
  }

  attachMedia(video: FakeVideo): void {
    this.video = video;
    video.setAttribute('src');
  }

  trigger(_event: 'flushing', { startOffset, endOffset }: { startOffset: number; endOffset: number }): void {
    this.flushed.push({ startOffset, endOffset });
  }

  stopLoad(): void {
    this.loadingEnabled = false;
  }

  recoverMediaError(): void {
    this.recovered += 1;
  }

  /** Leaves `src` in place, as hls.js does if the element did not begin to load it. */
  destroy(): void {
    this.destroyed = true;
    if (this.video) this.video.readyState = 0;
  }

  /** Emits an event of hls.js. */
  emit(event: keyof typeof FakeHls.Events, data: object = {}): void {
    this.#listeners.get(FakeHls.Events[event])?.(event, data);
  }

  /**
   * The list of [fromMs, toMs) is loaded, in one fragment.
   * @param openMs this much at its end is parts of the next one
   */
  list(fromMs: number, toMs: number, { live = true, partTarget = 0.2, fragmentStart = 0, openMs = 0 } = {}): void {
    const duration = (toMs - fromMs) / 1000;
    const closedS = duration - openMs / 1000;
    const first = { start: 0, duration: closedS, programDateTime: fromMs, sn: 1, cc: 0, relurl: '1.m4s' };
    const fragments = [first];
    const fragmentHint = { ...first, start: closedS, duration: 0, programDateTime: toMs - openMs, sn: 2, relurl: '' };
    if (live) this.liveSyncPosition = duration - 2;
    const partList = partTarget > 0 ? [{}] : null;
    this.emit('LEVEL_UPDATED', {
      details: {
        fragments,
        ...(openMs > 0 && { fragmentHint }),
        live,
        edge: duration,
        fragmentStart,
        targetduration: 2,
        holdBack: 6,
        partTarget,
        partList,
      },
    });
  }

  /** hls.js gives up: a fatal error, unless `data` says otherwise. */
  fail(data: object): void {
    this.emit('ERROR', { fatal: true, ...data });
  }
}
