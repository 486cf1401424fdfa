/**
 * One visit to the studio: the devices, and the broadcast of them.
 * In: the choices of the user. Out: the components of the page, which read the fields and call the methods.
 */
import { t } from '../viewer/preferences.svelte.ts';
import { Broadcast, type Quality, qualities } from './broadcast.svelte.ts';
import { Capture } from './capture.svelte.ts';

/** The state of the page; `close` with it. */
export class StudioSession {
  readonly capture = new Capture(qualities['720']);
  readonly broadcast: Broadcast;
  #quality = $state<Quality>('720');

  /** @param stream from the address; empty: a new one */
  constructor(stream: string) {
    this.broadcast = new Broadcast({ stream, newName: 'live', label: t('studio.title') });
    this.capture.onVideo = (track) => this.broadcast.replaceVideo(track);
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
    void this.capture.list();
    this.broadcast.open();
  }

  /** Ends the stream, the devices and all requests. */
  close(): void {
    this.broadcast.close();
    this.capture.close();
  }

  /** Publishes what the preview shows. */
  async goLive(): Promise<void> {
    const { capture, broadcast } = this;
    if (!capture.isOpen) return;
    await broadcast.start(() => ({
      video: capture.video,
      audio: capture.audio,
      maxBitrate: qualities[this.quality].bitrate,
    }));
  }
}
