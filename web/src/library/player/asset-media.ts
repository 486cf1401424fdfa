/**
 * The media of a video in its element: loaded with hls.js, with the browser's own HLS, with Shaka Player for
 * DASH, or as a file.
 * In: a video element, an address, the viewer's choices. Out: media in the element, the options that it
 * offers, or why it cannot be played.
 */
import type Hls from 'hls.js';
import { type Failure, readFailure } from '../../api/client.ts';
import { currentAddress } from '../../api/server.ts';
import { followCaptions } from '../../media/captions.ts';
import { loadHls, noPlayer, playerNotLoaded } from '../../media/load-engine.ts';
import type { MediaState } from '../../media/state.ts';
import { type ChoiceChanges, Choices } from '../../player/choices.ts';
import { assetLicenceUrl, assetSettings, playbackFailure, protectionFailure } from '../../player/settings.ts';
import { playsNatively } from '../../player/video/native.ts';
import { type DashPlayer, loadShaka, playDash } from './dash.ts';
import { type TextFile, TextFiles } from './text-files.ts';

/** What is loaded. */
export interface AssetSource {
  /** Of the multivariant playlist, of the manifest, or of a file. */
  readonly url: string;
  readonly type: 'hls' | 'dash' | 'file';
  /** Subtitles in separate files. */
  readonly texts: readonly TextFile[];
  /** Where it begins, seconds of the media. */
  readonly startS: number;
}

type Offers = Pick<
  MediaState,
  'qualities' | 'quality' | 'playingQuality' | 'sounds' | 'sound' | 'subtitles' | 'subtitle'
>;

/** A media error this long after the last one is tried to be repaired again, ms. */
const REPAIR_EVERY_MS = 10_000;

/** A failure whose words are in the catalogue. */
const failure = (code: string): Failure => ({ code, status: 0, title: '', hint: '' });

/** The media of one element; `close` unloads it. */
export class AssetMedia {
  readonly video: HTMLVideoElement;
  /** Where to begin once it is loaded, seconds. */
  startS: number;
  readonly #source: AssetSource;
  readonly #changed: () => void;
  readonly #choices = new Choices();
  readonly #texts: TextFiles;
  readonly #ends = new AbortController();
  #hls: Hls | null = null;
  #dash: DashPlayer | null = null;
  #failure: Failure | null = null;
  #repairedAtMs = Number.NEGATIVE_INFINITY;
  #opening: Promise<void> | null = null;

  /** @param changed is called when the options have changed, or it has failed */
  constructor(video: HTMLVideoElement, source: AssetSource, changed: () => void) {
    this.video = video;
    this.startS = source.startS;
    this.#source = source;
    this.#changed = changed;
    this.#texts = new TextFiles(video, source.texts);
    this.#choices.subtitle = this.#texts.remembered;
    this.#texts.show(this.#choices.subtitle);
    video.addEventListener('error', () => void this.#failed(), { signal: this.#ends.signal });
  }

  /** Why it cannot be played; null: it can. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** It is loaded, or will be. */
  get isOpen(): boolean {
    return this.#opening !== null;
  }

  /** What can be chosen, and what is. */
  get offers(): Offers {
    const { quality, subtitle } = this.#choices;
    const offers = this.#choices.offers(this.#hls);
    return { ...offers, subtitles: [...offers.subtitles, ...this.#texts.choices], quality, subtitle };
  }

  /** Begins to load it; the first call counts. Resolves when the element has its source, or it has failed. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Forgets what was loaded, and why it failed: `open` loads it again, at the present position. */
  reset(): void {
    this.startS = this.video.currentTime;
    this.#hls?.destroy();
    this.#hls = null;
    this.#dash?.destroy();
    this.#dash = null;
    this.#opening = null;
    this.#failure = null;
  }

  /** Takes choices of the viewer. */
  choose(changes: ChoiceChanges): void {
    Object.assign(this.#choices, changes);
    if (changes.subtitle !== undefined) this.#texts.remember(changes.subtitle);
    this.#applyChoices();
  }

  /** See SyncTarget. A file has no other quality, and the browser's own HLS chooses by itself. */
  ease(isSlow: boolean): void {
    this.#choices.ease(this.#hls, isSlow);
    this.#dash?.ease(isSlow);
    this.#applyChoices();
  }

  /** Unloads it; the element stays with its component. */
  close(): void {
    this.#ends.abort();
    this.#hls?.destroy();
    this.#dash?.destroy();
    this.video.removeAttribute('src');
    this.video.load(); // otherwise it continues to load until it is collected
  }

  async #open(): Promise<void> {
    const { type, url } = this.#source;
    if (type === 'file') return this.#openFile();
    if (type === 'dash') return this.#openDash();
    const Engine = await loadHls();
    if (this.#ends.signal.aborted) return;
    if (!Engine) return this.#fail(playerNotLoaded);
    if (!Engine.isSupported()) {
      if (!playsNatively(document)) return this.#fail(noPlayer);
      this.#openFile();
      return;
    }
    const hls = new Engine({ ...assetSettings(url), startPosition: this.startS });
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
    followCaptions(Engine, hls, () => this.#applyChoices());
    hls.on(Engine.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      const nowMs = performance.now();
      if (data.type === Engine.ErrorTypes.MEDIA_ERROR && nowMs - this.#repairedAtMs > REPAIR_EVERY_MS) {
        this.#repairedAtMs = nowMs;
        hls.recoverMediaError();
      } else this.#fail(playbackFailure(data));
    });
    hls.loadSource(currentAddress(url));
    hls.attachMedia(this.video);
  }

  async #openDash(): Promise<void> {
    const shaka = await loadShaka();
    if (this.#ends.signal.aborted) return;
    if (!shaka) return this.#fail(playerNotLoaded);
    if (!shaka.Player.isBrowserSupported()) return this.#fail(noPlayer);
    const { url } = this.#source;
    const onFailed = (isProtected: boolean) => this.#fail(isProtected ? protectionFailure() : failure('unplayable'));
    const licenceUrl = assetLicenceUrl(url);
    this.#dash = playDash(shaka, this.video, { url, startS: this.startS, licenceUrl, onFailed });
  }

  #openFile(): void {
    const { video } = this;
    const { signal } = this.#ends;
    video.addEventListener('loadedmetadata', () => (video.currentTime = Math.max(0, this.startS)), {
      once: true,
      signal,
    });
    video.src = currentAddress(this.#source.url);
  }

  #applyChoices(): void {
    if (this.#hls) this.#choices.apply(this.#hls);
    this.#texts.show(this.#choices.subtitle);
    this.#changed();
  }

  /**
   * The element does not report why a file fails: what this server refuses is requested once more, for its
   * words.
   */
  async #failed(): Promise<void> {
    const { signal } = this.#ends;
    const isFile = this.#hls === null && this.#dash === null;
    const address = new URL(currentAddress(this.#source.url), location.href);
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
}
