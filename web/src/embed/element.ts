/**
 * `<oxbow-player>`: a stream on any page, with the interface of a media element, so that scripts and controls
 * for `<video>` work with it.
 * In: attributes `stream`, `server`, `token` (a playback token), `t`, `from`, `to`, `muted`, `autoplay`,
 * `controls`; properties of media elements.
 * Out: a picture, media events. Time is programme seconds: unix time minus `getStartDate()`. HTML, 4.8.11.
 */
import { mount, unmount } from 'svelte';
import { setServer, setWatchToken } from '../api/server.ts';
import { idle } from '../media/state.ts';
import EmbedPlayer from './EmbedPlayer.svelte';
import * as facade from './facade.ts';
import { type EmbedOptions, readEmbedAttributes } from './options.ts';
import { EmbedSession } from './session.svelte.ts';

/** Address of this script: its stylesheet is next to it, and its server is the default. */
const script = import.meta.url;

/** The element. The browser calls its constructor. */
export class OxbowPlayer extends HTMLElement {
  static readonly observedAttributes = ['stream', 'server', 'token', 't', 'from', 'to', 'controls'];

  /** For media-chrome: the stream is live, with a seekable past. */
  readonly streamType = 'live';
  readonly targetLiveWindow = Number.POSITIVE_INFINITY;
  readonly defaultPlaybackRate = 1;
  readonly ended = false;
  #session: EmbedSession | null = null;
  #view: facade.MediaView | null = null;
  #originMs: number | null = null;
  #seeking = false;
  #options: EmbedOptions | undefined;
  #app: Record<string, unknown> | null = null;
  #stale = false;

  connectedCallback(): void {
    this.#renew();
  }

  disconnectedCallback(): void {
    // An element that is moved on its page is disconnected and connected again.
    queueMicrotask(() => {
      if (!this.isConnected) this.#close();
    });
  }

  attributeChangedCallback(_: string, before: string | null, after: string | null): void {
    if (before !== after && this.isConnected) this.#renew();
  }

  /** Programme second 0, as a date. */
  getStartDate(): Date {
    return new Date(this.#originMs ?? Number.NaN);
  }

  /** Time of the picture, as a date; null before the first. */
  get playingDate(): Date | null {
    const { shownMs } = this.#now().player;
    return shownMs === null ? null : new Date(shownMs);
  }

  get currentTime(): number {
    return facade.currentTime(this.#now());
  }

  set currentTime(seconds: number) {
    const atMs = facade.seekTargetMs(seconds, this.#now());
    this.#seeking = this.#session?.isLoaded === true;
    this.dispatchEvent(new Event('seeking'));
    if (atMs === null) this.#session?.controls.goLive();
    else this.#session?.controls.goTo(atMs);
  }

  get duration(): number {
    return this.#originMs === null ? Number.NaN : Number.POSITIVE_INFINITY;
  }

  get seekable(): facade.Ranges {
    return facade.seekable(this.#now(), this.#session?.connection.firstMs ?? null);
  }

  get buffered(): facade.Ranges {
    return facade.buffered(this.#now());
  }

  get liveEdgeStart(): number {
    return facade.liveEdgeStart(this.#now());
  }

  get readyState(): number {
    return facade.readyState(this.#now());
  }

  get seeking(): boolean {
    return this.#seeking;
  }

  get paused(): boolean {
    return this.#now().player.paused;
  }

  get muted(): boolean {
    return this.#session ? this.#now().player.muted : this.hasAttribute('muted');
  }

  set muted(muted: boolean) {
    const session = this.#session;
    if (session && session.player.muted !== Boolean(muted)) session.controls.toggleMuted();
  }

  get defaultMuted(): boolean {
    return this.hasAttribute('muted');
  }

  get volume(): number {
    return this.#now().player.volume;
  }

  set volume(volume: number) {
    if (!(volume >= 0 && volume <= 1))
      throw new DOMException(`Invalid volume ${volume}. Use 0 to 1.`, 'IndexSizeError');
    const session = this.#session;
    if (!session) return;
    const { muted } = session.player;
    session.controls.setVolume(volume);
    this.muted = muted; // a viewer's control of the volume unmutes, that of a script does not
  }

  get playbackRate(): number {
    return this.#now().player.rate;
  }

  set playbackRate(rate: number) {
    this.#session?.controls.setRate(rate);
  }

  /** Of the picture, pixels; 0 before the first. */
  get videoWidth(): number {
    return this.#video?.videoWidth ?? 0;
  }

  get videoHeight(): number {
    return this.#video?.videoHeight ?? 0;
  }

  get error(): { readonly code: number; readonly message: string } | null {
    const { failure } = this.#now().player;
    return failure && { code: failure.status === 0 ? 4 : 2, message: failure.title || failure.code };
  }

  /** Plays; resolves when loading has begun. If the browser forbids sound before a click, it plays muted. */
  async play(): Promise<void> {
    const session = this.#session;
    if (!session) throw new DOMException('No stream is set.', 'NotSupportedError');
    if (!session.isLoaded) {
      await session.begin();
      const { failure } = session.player;
      if (failure) throw new DOMException(failure.code, 'NotSupportedError');
    } else if (session.player.paused) session.controls.togglePlay();
  }

  pause(): void {
    if (this.#session?.isLoaded && !this.#session.player.paused) this.#session.controls.togglePlay();
  }

  /** Starts again. */
  load(): void {
    this.#close();
    if (this.isConnected) this.#renew();
  }

  get #video(): HTMLVideoElement | null {
    return this.shadowRoot?.querySelector<HTMLVideoElement>('video[data-front]') ?? null;
  }

  #now(): facade.MediaView {
    return this.#view ?? this.#look();
  }

  #look(): facade.MediaView {
    const session = this.#session;
    const stream = session?.connection.stream;
    if (session && stream && this.#originMs === null) {
      const from = stream.recorded.from ?? stream.liveSince;
      this.#originMs = Math.floor((from === null ? session.connection.clock.now() : Date.parse(from)) / 1000) * 1000;
    }
    const player = session?.player ?? idle;
    if (this.#seeking && !player.loading) this.#seeking = false;
    const nowMs = session?.connection.clock.now() ?? Date.now();
    return { player, originMs: this.#originMs, nowMs, seeking: this.#seeking };
  }

  /** Dispatches the events of a change. */
  #onChange(): void {
    const before = this.#view ?? this.#look();
    this.#view = this.#look();
    for (const type of facade.mediaEvents(before, this.#view)) this.dispatchEvent(new Event(type));
  }

  /** Several attributes set in a row are one change. */
  #renew(): void {
    if (this.#stale) return;
    this.#stale = true;
    queueMicrotask(() => {
      this.#stale = false;
      if (this.isConnected) this.#open();
    });
  }

  #open(): void {
    const options = readEmbedAttributes((name) => this.getAttribute(name));
    if (options && this.hasAttribute('token')) setWatchToken(options.stream, this.getAttribute('token'));
    if (JSON.stringify(options) === JSON.stringify(this.#options)) return;
    this.#close();
    this.#options = options;
    if (!options) return;
    const server = new URL(this.getAttribute('server') ?? script, document.baseURI).origin;
    if (!setServer(server)) {
      console.error(
        `oxbow-player: all players of a page have one server; ${server} is another one. Use /embed/ in a frame.`,
      );
      return;
    }
    const session = new EmbedSession(options, () => this.#onChange());
    this.#session = session;
    this.#view = this.#look();
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = new URL('player.css', script).href;
    const body = document.createElement('div');
    body.className = 'oxbow-player';
    body.hidden = true; // until its stylesheet is loaded
    for (const event of ['load', 'error']) style.addEventListener(event, () => (body.hidden = false));
    root.replaceChildren(style, body);
    const { controls } = options;
    this.#app = mount(EmbedPlayer, { target: body, props: { session, controls, watchOn: server } });
    this.dispatchEvent(new Event('emptied'));
    this.dispatchEvent(new Event('loadstart'));
  }

  #close(): void {
    this.#session?.close();
    if (this.#app) unmount(this.#app);
    this.shadowRoot?.replaceChildren();
    this.#session = null;
    this.#view = null;
    this.#originMs = null;
    this.#seeking = false;
    this.#app = null;
    this.#options = undefined;
  }
}
