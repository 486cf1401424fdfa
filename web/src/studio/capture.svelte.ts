/**
 * The devices of a studio: which are wanted, which are open, one picture and one sound of them.
 * In: the choices of the user. Out: the picture and the sound for a publisher; why a device is missing.
 */
import { Composer } from './compose.ts';
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
import type { Corner, Size } from './places.ts';
import { SoundMix } from './sound-mix.ts';

/** What the picture is made of. */
export type Wanted = 'camera' | 'screen' | 'both';
/** What can be opened. */
type Kind = 'camera' | 'screen' | 'microphone';

/** A problem with a device; `ended`: it was unplugged, or its sharing was ended. */
export interface CaptureProblem {
  readonly kind: Kind;
  readonly problem: DeviceProblem | 'ended';
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
  cameras = $state.raw<readonly Device[]>([]);
  microphones = $state.raw<readonly Device[]>([]);
  /** Id of the chosen camera; empty: the browser's choice. */
  cameraId = $state('');
  /** Id of the chosen microphone; empty: the browser's choice. */
  microphoneId = $state('');
  corner = $state<Corner>('bottom-right');
  isMuted = $state(false);
  /** For the preview; null without a picture. */
  picture = $state.raw<MediaStream | null>(null);
  /** The direction in which the camera of a phone looks; empty for others. */
  facing = $state('');
  hasMicrophone = $state(false);
  /** Called when the picture has become another track. */
  onVideo: (track: MediaStreamTrack | null) => void = () => {};
  #sound: SoundMix | null = null;
  #composer: Composer | null = null;
  #size: Size;
  readonly #streams = new Map<Kind, MediaStream>();
  readonly #ends = new AbortController();
  #work: Promise<void> = Promise.resolve();

  /** @param size of the picture, pixels */
  constructor(size: Size) {
    this.#size = size;
  }

  /** The picture; null if there is none. */
  get video(): MediaStreamTrack | null {
    return this.#composer?.track ?? null;
  }

  /** The sound; null before the devices are open. */
  get audio(): MediaStreamTrack | null {
    return this.#sound?.track ?? null;
  }

  /** Loudest sample of the last moments, 0 to 1. */
  level(): number {
    return this.#sound?.level() ?? 0;
  }

  /** Opens the chosen sources. Call it in a click: browsers ask the user. */
  async open(): Promise<void> {
    this.problem = null;
    this.#sound ??= new SoundMix();
    this.#composer ??= new Composer(this.#size, (track) => {
      this.picture = track && new MediaStream([track]);
      this.onVideo(track);
    });
    this.isOpen = true;
    navigator.mediaDevices?.addEventListener('devicechange', () => this.list(), { signal: this.#ends.signal });
    await this.#apply();
    if (this.#streams.size === 0 || !this.video) this.shut();
  }

  /** Lists the devices. */
  async list(): Promise<void> {
    [this.cameras, this.microphones] = await Promise.all([listDevices('videoinput'), listDevices('audioinput')]);
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

  /** Changes the camera. @param which its id, or the direction in which it looks */
  async useCamera(which: string): Promise<void> {
    this.cameraId = which;
    await this.#again('camera');
  }

  /** Changes to the camera on the other side of a phone. */
  turnCamera(): Promise<void> {
    return this.useCamera(this.facing === 'user' ? 'environment' : 'user');
  }

  async useMicrophone(id: string): Promise<void> {
    this.microphoneId = id;
    await this.#again('microphone');
  }

  /** Changes the size of the picture. */
  async resize(size: Size): Promise<void> {
    this.#size = size;
    this.#composer?.resize(size);
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

  place(corner: Corner): void {
    this.corner = corner;
    this.#composer?.place(corner);
  }

  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    this.#sound?.mute('microphone', isMuted);
  }

  /** Ends the use of the devices. */
  shut(): void {
    this.isOpen = false;
    for (const kind of [...this.#streams.keys()]) this.#remove(kind);
    this.#composer?.close();
    this.#sound?.close();
    this.#composer = null;
    this.#sound = null;
  }

  close(): void {
    this.#ends.abort();
    this.shut();
  }

  async #again(kind: Kind): Promise<void> {
    if (!this.isOpen) return;
    this.problem = null;
    this.#remove(kind); // first: phones have one camera open at a time
    await this.#apply();
  }

  #wants(kind: Kind): boolean {
    if (kind === 'microphone') return this.microphoneId !== NO_MICROPHONE;
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
      await this.list();
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
      this.#use(kind, stream);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.problem ??= { kind, problem: error.problem };
    } finally {
      this.isOpening = false;
    }
  }

  #ask(kind: Kind): Promise<MediaStream> {
    if (kind === 'screen') return openScreen(this.#size);
    return kind === 'camera' ? openCamera(this.cameraId, this.#size) : openMicrophone(this.microphoneId);
  }

  #use(kind: Kind, stream: MediaStream | null): void {
    if (kind !== 'camera') this.#sound?.set(kind, stream);
    if (kind === 'microphone') this.hasMicrophone = stream !== null;
    else this.#composer?.set(kind, stream);
    if (kind === 'camera') this.facing = stream?.getVideoTracks()[0]?.getSettings().facingMode ?? '';
    if (kind === 'camera') this.cameraId = stream?.getVideoTracks()[0]?.getSettings().deviceId ?? this.cameraId;
  }

  #remove(kind: Kind): void {
    const stream = this.#streams.get(kind);
    if (!stream) return;
    this.#streams.delete(kind);
    this.#use(kind, null);
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
