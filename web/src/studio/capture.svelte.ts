/**
 * The devices of a studio: which are wanted, which are open.
 * In: the choices of the user. Out: the streams of the devices, to the mix; why a device is missing.
 */
import {
  type Device,
  DeviceError,
  type DeviceProblem,
  listDevices,
  openCamera,
  openMicrophone,
  openScreen,
  stopTracks,
} from './devices.ts';
import type { Size } from './places.ts';
import type { StudioMix } from './studio-mix.svelte.ts';

/** What the picture is made of. */
export type Wanted = 'camera' | 'screen' | 'both';
/** What can be opened. */
type Kind = 'camera' | 'screen' | 'microphone';

/** A problem with a device; `ended`: it was unplugged, or its sharing was ended. */
export interface CaptureProblem {
  readonly kind: Kind;
  readonly problem: DeviceProblem | 'ended';
}

/** The devices of this browser, as it lists them. */
interface DeviceLists {
  readonly cameras: readonly Device[];
  readonly microphones: readonly Device[];
}

/** In place of the id of a microphone: none is used. */
export const NO_MICROPHONE = 'none';

/** The open devices; `close` ends their use. */
export class Capture {
  wanted = $state<Wanted>('camera');
  /** The devices are in use. */
  isOpen = $state(false);
  /** The browser asks the user for permission. */
  isOpening = $state(false);
  problem = $state.raw<CaptureProblem | null>(null);
  /** What can be chosen. */
  devices = $state.raw<DeviceLists>({ cameras: [], microphones: [] });
  /** Ids of the chosen devices, or NO_MICROPHONE; empty: the browser's choice. */
  readonly chosen = $state({ camera: '', microphone: '' });
  /** The direction in which the camera of a phone looks; empty for others. */
  facing = $state('');
  readonly #mix: StudioMix;
  #size: Size;
  readonly #streams = new Map<Kind, MediaStream>();
  readonly #ends = new AbortController();
  #work: Promise<void> = Promise.resolve();

  /**
   * @param mix gets the streams of the devices; open for as long as they are in use
   * @param size of the picture, pixels
   */
  constructor(mix: StudioMix, size: Size) {
    this.#mix = mix;
    this.#size = size;
  }

  /** Opens the chosen sources. Call it in a click: browsers ask the user. */
  async open(): Promise<void> {
    this.problem = null;
    this.#mix.open();
    this.isOpen = true;
    await this.#apply();
    if (this.#streams.size === 0 || !this.#mix.video) this.shut();
  }

  /** Lists the devices, and again whenever one is connected or removed. Call it once. */
  async watch(): Promise<void> {
    navigator.mediaDevices?.addEventListener('devicechange', () => this.#list(), { signal: this.#ends.signal });
    await this.#list();
  }

  async #list(): Promise<void> {
    const [cameras, microphones] = await Promise.all([listDevices('videoinput'), listDevices('audioinput')]);
    this.devices = { cameras, microphones };
  }

  /** Changes what the picture is made of. */
  async want(wanted: Wanted): Promise<void> {
    const before = this.wanted;
    this.wanted = wanted;
    if (!this.isOpen) return;
    this.problem = null;
    await this.#apply();
    // The user has not chosen a screen: the picture stays as it was.
    if (this.problem && wanted !== before) {
      this.wanted = before;
      await this.#apply();
    }
  }

  /** Changes a device. @param which its id, or the direction in which a camera looks */
  async use(kind: 'camera' | 'microphone', which: string): Promise<void> {
    this.chosen[kind] = which;
    if (!this.isOpen) return;
    this.problem = null;
    this.#remove(kind); // first: phones have one camera open at a time
    await this.#apply();
  }

  /** Changes to the camera on the other side of a phone. */
  turnCamera(): Promise<void> {
    return this.use('camera', this.facing === 'user' ? 'environment' : 'user');
  }

  /** Changes the size of the picture. */
  async resize(size: Size): Promise<void> {
    this.#size = size;
    this.#mix.resize(size);
    const limits = {
      camera: { width: { ideal: size.width }, height: { ideal: size.height } },
      screen: { width: { max: size.width }, height: { max: size.height } },
    };
    for (const kind of ['camera', 'screen'] as const) {
      // A device without that size keeps its own.
      await this.#streams
        .get(kind)
        ?.getVideoTracks()[0]
        ?.applyConstraints(limits[kind])
        .catch(() => {});
    }
  }

  /** Ends the use of the devices. */
  shut(): void {
    this.isOpen = false;
    for (const kind of [...this.#streams.keys()]) this.#remove(kind);
    this.#mix.close();
  }

  close(): void {
    this.#ends.abort();
    this.shut();
  }

  #wants(kind: Kind): boolean {
    if (kind === 'microphone') return this.chosen.microphone !== NO_MICROPHONE;
    return this.wanted === kind || this.wanted === 'both';
  }

  /** One change after the other. */
  #apply(): Promise<void> {
    this.#work = this.#work.then(async () => {
      // The screen first: browsers let it be chosen only soon after a click.
      for (const kind of ['screen', 'camera', 'microphone'] as const) {
        if (!this.isOpen) return;
        if (!this.#wants(kind)) this.#remove(kind);
        else if (!this.#streams.has(kind)) await this.#add(kind);
      }
      await this.#list();
    });
    return this.#work;
  }

  async #add(kind: Kind): Promise<void> {
    this.isOpening = true;
    try {
      const stream = await this.#ask(kind);
      if (!this.isOpen || this.#ends.signal.aborted) return stopTracks(stream);
      this.#streams.set(kind, stream);
      for (const track of stream.getVideoTracks()) track.contentHint = kind === 'screen' ? 'detail' : 'motion';
      const main = stream.getTracks().find((track) => track.kind === (kind === 'microphone' ? 'audio' : 'video'));
      main?.addEventListener('ended', () => this.#ended(kind, stream), { signal: this.#ends.signal });
      this.#connect(kind, stream);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.problem ??= { kind, problem: error.problem };
    } finally {
      this.isOpening = false;
    }
  }

  #ask(kind: Kind): Promise<MediaStream> {
    if (kind === 'screen') return openScreen(this.#size);
    return kind === 'camera' ? openCamera(this.chosen.camera, this.#size) : openMicrophone(this.chosen.microphone);
  }

  #connect(kind: Kind, stream: MediaStream | null): void {
    this.#mix.set(kind, stream);
    if (kind !== 'camera') return;
    const { facingMode, deviceId } = stream?.getVideoTracks()[0]?.getSettings() ?? {};
    this.facing = facingMode ?? '';
    this.chosen.camera = deviceId ?? this.chosen.camera;
  }

  #remove(kind: Kind): void {
    const stream = this.#streams.get(kind);
    if (!stream) return;
    this.#streams.delete(kind);
    this.#connect(kind, null);
    stopTracks(stream);
  }

  /** The device is gone: the user has ended the sharing of the screen, or has unplugged it. */
  #ended(kind: Kind, stream: MediaStream): void {
    if (this.#streams.get(kind) !== stream) return;
    this.#remove(kind);
    if (this.wanted === 'both' && kind !== 'microphone') this.wanted = kind === 'screen' ? 'camera' : 'screen';
    else this.problem = { kind, problem: 'ended' };
  }
}
