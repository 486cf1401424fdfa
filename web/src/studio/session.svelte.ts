/**
 * One visit to the studio: the devices, the mix of them, and its broadcast.
 * In: the choices of the user. Out: the components of the page, which read the fields and call the methods.
 */
import { t } from '../viewer/preferences.svelte.ts';
import { Broadcast, type Quality, qualities } from './broadcast.svelte.ts';
import { Capture } from './capture.svelte.ts';
import { StudioMix } from './studio-mix.svelte.ts';

/** The state of the page; `close` with it. */
export class StudioSession {
  readonly mix = new StudioMix(qualities['720'], (track) => this.broadcast.replaceVideo(track));
  readonly capture = new Capture(this.mix, qualities['720']);
  readonly broadcast: Broadcast;
  #quality = $state<Quality>('720');

  /** @param stream from the address; empty: a new one */
  constructor(stream: string) {
    this.broadcast = new Broadcast({ stream, newName: 'live', label: t('studio.title') });
  }

  get quality(): Quality {
    return this.#quality;
  }

  set quality(quality: Quality) {
    this.#quality = quality;
    void this.capture.resize(qualities[quality]);
  }

  /** Requests until `close`. */
  open(): void {
    void this.capture.watch();
    this.broadcast.open();
  }

  /** Ends the stream, the devices and all requests. */
  close(): void {
    this.broadcast.close();
    this.capture.close();
  }

  /** Publishes what the preview shows. */
  async goLive(): Promise<void> {
    const { capture, mix, broadcast } = this;
    if (!capture.isOpen) return;
    await broadcast.start(() => ({
      video: mix.video,
      audio: mix.audio,
      maxBitrate: qualities[this.quality].bitrate,
    }));
  }
}
