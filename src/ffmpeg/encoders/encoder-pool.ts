/**
 * The hardware encoders of this machine as a pool: each request gets the fastest one that is free, sessions
 * of a device are bounded, and a device that fails is left alone and tried again after growing pauses.
 * In: requests of live ladders and of jobs, reports of failures. Out: sessions; without one, software
 * encodes.
 *
 * The pool finds and measures its devices at the first request. Without a device it costs one look at the
 * system.
 */
import type { EncoderView } from '../../api/workers/encoder-shapes.ts';
import { sleep, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { Emitter } from '../../lib/events.ts';
import {
  findHardwareEncoders,
  type HardwareEncoder,
  type HardwareHost,
  type KnownSpeeds,
  type TriedEncoder,
} from '../hardware-encoders.ts';
import type { LadderVideoCodec } from '../ladder-options.ts';
import type { DeviceSlot, TakeSlot } from './device-slots.ts';

/**
 * `live`: a ladder is not kept waiting, and has places that jobs leave free; `job`: the first rendition of a
 * job, which may wait; `job-more`: a further one, which takes what is free.
 */
export type EncoderUse = 'live' | 'job' | 'job-more';

/** One picture stream on a device. Disposing frees its place; may be called twice. */
export interface EncoderSession extends Disposable {
  /** Name in FFmpeg. */
  readonly name: string;
  readonly device: string;
  /** The encoder failed or returned nothing: its device is left alone for a while. */
  fail(why: string): void;
}

/** Bounds of a pool. */
export interface PoolSettings {
  /** Most sessions of a device at a time, of all processes of the machine; 0: no device is used. */
  readonly sessions: number;
  /** Of them, those that jobs leave to live streams; at most all but one. */
  readonly liveSessions: number;
  /** How long a job waits for a session before software encodes it, ms. */
  readonly waitMs: number;
}

interface EncoderPoolOptions extends PoolSettings {
  readonly host: HardwareHost;
  readonly takeSlot: TakeSlot;
  readonly clock: Clock;
  readonly speeds?: () => Promise<KnownSpeeds>;
  readonly report?: PoolReport;
}

/** Receives what happens to devices. */
export interface PoolReport {
  /** @param pauseMs until the next trial */
  failed(device: string, why: string, pauseMs: number): void;
  recovered(device: string): void;
}

/** The part of a pool that its users see. */
export interface Encoders {
  /**
   * The fastest free encoder of a codec. Only `job` waits, as long as the settings say. Undefined: software
   * encodes. Abort rejects.
   */
  acquire(
    codec: LadderVideoCodec,
    use: EncoderUse,
    options: { readonly signal: AbortSignal },
  ): Promise<EncoderSession | undefined>;
  /** Whether this machine has devices that may be used, working or not. */
  readonly hasDevices: boolean;
}

/** The first pause before a device that failed is tried again, and the longest, ms. */
const PAUSE_MS = 5000;
const MAX_PAUSE_MS = 600_000;
/** A device that worked this long fails for the first time again, ms. */
const LASTED_MS = 60_000;
/** Other processes report no free place: how often a waiting job looks, ms. */
const LOOK_MS = 1000;
/** A live stream waits this long for the first measurement of devices, ms. */
const LIVE_WAIT_MS = 2000;
/** Most jobs that wait for a place. */
const MAX_WAITING = 64;

interface Device {
  readonly name: string;
  readonly encoders: readonly TriedEncoder[];
  used: number;
  /** Why it is left alone; undefined while it works. */
  why: string | undefined;
  failures: number;
  readySinceMs: number;
  retry: NodeJS.Timeout | undefined;
}

/** The encoders of this machine. */
export class EncoderPool implements Encoders, AsyncDisposable {
  readonly #options: EncoderPoolOptions;
  readonly #freed = new Emitter<void>();
  readonly #devices = new Map<string, Device>();
  readonly #waiting: symbol[] = [];
  readonly #closing = new AbortController();
  #found: Promise<void> | undefined;
  #hasDevices: boolean | undefined;
  readonly #trials = new Set<Promise<void>>();

  constructor(options: EncoderPoolOptions) {
    this.#options = options;
  }

  get hasDevices(): boolean {
    const { sessions, host } = this.#options;
    this.#hasDevices ??= sessions > 0 && host.devices().length > 0;
    return this.#hasDevices;
  }

  /** Finds and measures the encoders, once. Never rejects. */
  ready(): Promise<void> {
    this.#found ??= this.#find();
    return this.#found;
  }

  /** The encoders that were found to work, and their devices now. */
  view(): readonly EncoderView[] {
    const { sessions } = this.#options;
    return [...this.#devices.values()].flatMap(({ encoders, used, why }) =>
      encoders.map(({ device, name, codec, speed }): EncoderView => {
        const state = why === undefined ? 'ready' : 'failed';
        return { device, name, codec, speed, sessions, used, state, reason: (why ?? '').slice(0, 1000) };
      }),
    );
  }

  async acquire(
    codec: LadderVideoCodec,
    use: EncoderUse,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<EncoderSession | undefined> {
    const isFound = this.ready();
    // A device that hangs at its first trial keeps no live stream waiting: it may move there later.
    if (use === 'live' && this.hasDevices) await Promise.race([isFound, sleep(LIVE_WAIT_MS, { signal })]);
    else await isFound;
    signal.throwIfAborted();
    const isBehind = this.#waiting.length > 0 && use !== 'live';
    const session = isBehind ? undefined : await this.#take(codec, use);
    if (session || use !== 'job' || !this.#isHopeful(codec)) return session;
    return await this.#queue(codec, signal);
  }

  /** Ends trials. Sessions end with their users. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the encoders are closed', 'AbortError'));
    for (const { retry } of this.#devices.values()) clearTimeout(retry);
    await this.#found;
    await Promise.all(this.#trials);
  }

  async #find(): Promise<void> {
    const { host, clock, speeds } = this.#options;
    if (!this.hasDevices) return;
    const tryEncoder: HardwareHost['tryEncoder'] = async (encoder, measures) => {
      const speed = await this.#try(encoder, measures);
      if (speed === undefined && measures) throw new Error('all sessions of the device are taken');
      // Its speed is known, and other processes use all of it: it works.
      return speed ?? 0;
    };
    const tried = await findHardwareEncoders({ devices: () => host.devices(), tryEncoder }, await speeds?.());
    const working = Map.groupBy(
      tried.filter(({ works }) => works),
      ({ device }) => device,
    );
    for (const [name, encoders] of working) {
      const readySinceMs = clock.monotonicMs();
      this.#devices.set(name, { name, encoders, used: 0, why: undefined, failures: 0, readySinceMs, retry: undefined });
    }
  }

  /** Tries an encoder with a session of its device; undefined if all are taken. */
  async #try(encoder: HardwareEncoder, measures: boolean): Promise<number | undefined> {
    const { host, takeSlot, sessions } = this.#options;
    const places = Array.from({ length: sessions }, (_, index) => index);
    const slot = await takeSlot(encoder.device, places);
    if (!slot) return undefined;
    try {
      return await host.tryEncoder(encoder, measures);
    } finally {
      slot[Symbol.dispose]();
    }
  }

  /** Whether a device that works has the codec, so that a place may become free. */
  #isHopeful(codec: LadderVideoCodec): boolean {
    return this.#options.waitMs > 0 && this.#waiting.length < MAX_WAITING && this.#ranked(codec).length > 0;
  }

  /** Jobs get places in the order in which they came. */
  async #queue(codec: LadderVideoCodec, signal: AbortSignal): Promise<EncoderSession | undefined> {
    const turn = Symbol();
    this.#waiting.push(turn);
    using deadline = withDeadline(this.#options.waitMs, 'waiting for an encoder', { signal });
    try {
      while (!deadline.signal.aborted && this.#ranked(codec).length > 0) {
        const session = this.#waiting[0] === turn ? await this.#take(codec, 'job') : undefined;
        if (session) return session;
        await this.#untilFreed(deadline.signal);
      }
      signal.throwIfAborted();
      return undefined;
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(turn), 1);
      this.#freed.emit();
    }
  }

  async #untilFreed(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#freed.subscribe(() => resolve());
    const pause = new AbortController();
    const both = AbortSignal.any([signal, pause.signal]);
    await Promise.race([promise, sleep(LOOK_MS, { signal: both })]).catch(() => undefined); // the deadline ends the loop
    pause.abort();
    stop();
  }

  async #take(codec: LadderVideoCodec, use: EncoderUse): Promise<EncoderSession | undefined> {
    const { sessions, liveSessions, takeSlot } = this.#options;
    const reserved = use === 'live' ? 0 : Math.min(liveSessions, sessions - 1);
    const places = Array.from({ length: sessions - reserved }, (_, index) => reserved + index);
    for (const { device, encoder } of this.#ranked(codec)) {
      device.used++; // so that requests at the same time spread over devices
      const slot = await takeSlot(device.name, places);
      if (slot) return this.#sessionOf(device, encoder, slot);
      device.used--;
    }
    return undefined;
  }

  /** Encoders of a codec on devices that work, the fastest first; sessions of a device share its speed. */
  #ranked(codec: LadderVideoCodec): readonly { readonly device: Device; readonly encoder: TriedEncoder }[] {
    return [...this.#devices.values()]
      .filter(({ why }) => why === undefined)
      .flatMap((device) => device.encoders.map((encoder) => ({ device, encoder })))
      .filter(({ encoder }) => encoder.codec === codec)
      .sort((a, b) => b.encoder.speed / (b.device.used + 1) - a.encoder.speed / (a.device.used + 1));
  }

  #sessionOf(device: Device, { name }: TriedEncoder, slot: DeviceSlot): EncoderSession {
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      device.used--;
      slot[Symbol.dispose]();
      this.#freed.emit();
    };
    return { name, device: device.name, fail: (why) => this.#fail(device, why), [Symbol.dispose]: close };
  }

  #fail(device: Device, why: string): void {
    if (device.why !== undefined) return; // the other sessions of a device that is lost
    const hasLasted = this.#options.clock.monotonicMs() - device.readySinceMs >= LASTED_MS;
    if (hasLasted) device.failures = 0;
    this.#leave(device, why);
  }

  #leave(device: Device, why: string): void {
    const pauseMs = Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** device.failures);
    device.failures++;
    device.why = why;
    this.#options.report?.failed(device.name, why, pauseMs);
    this.#later(device, pauseMs);
  }

  #later(device: Device, pauseMs: number): void {
    if (this.#closing.signal.aborted) return;
    clearTimeout(device.retry);
    device.retry = setTimeout(() => {
      const trial = this.#tryAgain(device).finally(() => this.#trials.delete(trial));
      this.#trials.add(trial);
    }, pauseMs);
    device.retry.unref();
  }

  async #tryAgain(device: Device): Promise<void> {
    const { clock, report } = this.#options;
    let why: string | undefined;
    try {
      // Its sessions have not all ended: with a further one it would be full.
      if ((await this.#try(device.encoders[0]!, false)) === undefined) return this.#later(device, PAUSE_MS);
    } catch (error) {
      why = messageOf(error);
    }
    if (why !== undefined) return this.#leave(device, why);
    device.why = undefined;
    device.readySinceMs = clock.monotonicMs();
    report?.recovered(device.name);
    this.#freed.emit();
  }
}
