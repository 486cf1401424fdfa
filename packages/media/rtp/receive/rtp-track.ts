/**
 * One track from access units to frames: waits until its place on the timeline is known, then times its
 * frames.
 * In: configurations and access units with ticks of their clock. Out: frames. Pure. docs/media.md 4 and 13.
 */
import { sameBytes } from '../../bytes.ts';
import { AudioTimes } from '../../flv/audio-times.ts';
import type { AudioConfig, Frame, Track, VideoConfig } from '../../frame.ts';
import { measuredDepth, PictureTimes, reorderDepth } from './picture-times.ts';
import type { TimedUnit } from './track-input.ts';

/** Enough access units to see whether pictures are reordered, if the parameter sets do not say it. */
const MEASURED_UNITS = 8;
const MAX_MEASURED_MS = 400;
/** Most access units that wait, and their bytes. */
const MAX_QUEUED = 2048;
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** A configuration with the clock rate of its payload type. */
interface RtpSetup {
  readonly config: VideoConfig | AudioConfig;
  readonly clockRate: number;
}

interface Queued {
  readonly unit: TimedUnit;
  readonly setup: RtpSetup;
}

/** Receives the frames of a track. */
interface RtpTrackOutput {
  frame(frame: Frame): void;
  damage(reason: string): void;
  /** The configuration changed before the next frame. */
  changed(): void;
}

export class RtpTrack {
  readonly #id: number;
  readonly #language: string;
  readonly #label: string;
  readonly #out: RtpTrackOutput;
  /** The configuration of the units that come, and that of the frames that were delivered. */
  #next: RtpSetup | undefined;
  #setup: RtpSetup | undefined;
  #queue: Queued[] = [];
  #bytes = 0;
  #sinceMs: number | undefined;
  #offset: number | undefined;
  #pictures: PictureTimes | undefined;
  #sounds: AudioTimes | undefined;
  #lastSound = Number.NEGATIVE_INFINITY;

  constructor(id: number, language: string, label: string, out: RtpTrackOutput) {
    this.#id = id;
    this.#language = language;
    this.#label = label;
    this.#out = out;
  }

  /** Ticks from the clock of the source to the timeline; undefined while the track waits. */
  get offset(): number | undefined {
    return this.#offset;
  }

  /** The first access unit that waits. */
  get first(): TimedUnit | undefined {
    return this.#queue[0]?.unit;
  }

  /** Time of the first access unit that waits, seconds on the timeline. */
  get firstS(): number {
    const [first] = this.#queue;
    return first ? (first.unit.ticks + (this.#offset ?? 0)) / first.setup.clockRate : Number.POSITIVE_INFINITY;
  }

  /** When the first waiting unit came, monotonic ms. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** It waits with more than it may hold. */
  get isFull(): boolean {
    return this.#queue.length >= MAX_QUEUED || this.#bytes >= MAX_QUEUED_BYTES;
  }

  /** Whether its frames are, or will be, video. */
  get isVideo(): boolean {
    const setup = this.#next ?? this.#setup;
    return setup !== undefined && isVideo(setup.config);
  }

  /** The track with its current configuration; undefined before it has its place. */
  get track(): Track | undefined {
    const setup = this.#setup;
    if (!setup || this.#offset === undefined) return undefined;
    const { config, clockRate } = setup;
    const base = { id: this.#id, timescale: clockRate, language: this.#language, label: this.#label };
    return isVideo(config) ? { ...base, kind: 'video', config } : { ...base, kind: 'audio', config };
  }

  /** Whether the order of its pictures is known, or enough of them wait to measure it. */
  isMeasured(nowMs: number): boolean {
    const [first] = this.#queue;
    if (!first || !isVideo(first.setup.config)) return first !== undefined;
    if (this.#queue.length >= MEASURED_UNITS || nowMs - this.#sinceMs! >= MAX_MEASURED_MS) return true;
    return reorderDepth(first.setup.config) !== undefined;
  }

  /** The configuration of the units that follow. */
  configured(config: VideoConfig | AudioConfig, clockRate: number): void {
    const before = this.#next;
    if (before && before.clockRate === clockRate && isSame(before.config, config)) return;
    this.#next = { config, clockRate };
  }

  /** Takes an access unit: delivers it if the track has its place, otherwise it waits. */
  push(unit: TimedUnit, nowMs: number): void {
    const setup = this.#next;
    if (!setup) return;
    if (this.#offset !== undefined) {
      this.#deliver({ unit, setup });
      return;
    }
    if (this.isFull) this.#dropQueue();
    this.#sinceMs ??= nowMs;
    this.#queue.push({ unit, setup });
    this.#bytes += unit.data.length;
  }

  /** The track gets its place, perhaps another one. Its waiting units are delivered by `deliverFirst`. */
  place(offset: number): void {
    if (offset === this.#offset) return;
    this.flush();
    this.#offset = offset;
    this.#sounds = undefined;
    this.#lastSound = Number.NEGATIVE_INFINITY;
    this.#pictures = undefined;
    const [first] = this.#queue;
    if (first) this.#setup = first.setup;
  }

  /** Delivers the first waiting unit. */
  deliverFirst(): void {
    if (!this.#pictures && this.isVideo) this.#openPictures();
    const first = this.#queue.shift();
    if (!first) return;
    this.#bytes -= first.unit.data.length;
    if (this.#queue.length === 0) this.#sinceMs = undefined;
    this.#deliver(first);
  }

  /** The clock of the source changed: its place is unknown again. */
  restart(): void {
    this.flush();
    this.#dropQueue();
    this.#offset = undefined;
  }

  /** Nothing follows: the source is not supported. */
  refuse(): void {
    this.restart();
    this.#next = undefined;
    this.#setup = undefined;
  }

  /** Delivers the frame that waits for its successor. */
  flush(): void {
    this.#pictures?.flush();
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#bytes = 0;
    this.#sinceMs = undefined;
  }

  #openPictures(): void {
    const config = this.#setup?.config;
    if (!config || !isVideo(config)) return;
    const times = this.#queue.filter(({ setup }) => setup === this.#setup).map(({ unit }) => unit.ticks);
    const depth = reorderDepth(config) ?? measuredDepth(times);
    const { clockRate } = this.#setup!;
    this.#pictures = new PictureTimes(this.#id, clockRate, depth, config.frameRate, this.#out);
  }

  #deliver({ unit, setup }: Queued): void {
    if (setup !== this.#setup) this.#reconfigure(setup);
    const pts = unit.ticks + this.#offset!;
    const { key, data, afterLoss } = unit;
    if (isVideo(setup.config)) {
      if (!this.#pictures) this.#openPictures();
      this.#pictures!.push({ pts, key, data, afterLoss });
      return;
    }
    this.#sounds ??= new AudioTimes(setup.clockRate);
    const duration = unit.duration ?? Math.round(setup.clockRate / 50);
    const placed = this.#sounds.place((pts / setup.clockRate) * 1000, 0, duration);
    if (placed === undefined || placed < 0 || placed <= this.#lastSound) {
      this.#out.damage('an audio frame after its time');
      return;
    }
    this.#lastSound = placed;
    this.#out.frame({ trackId: this.#id, dts: placed, pts: placed, duration, key: true, data });
  }

  #reconfigure(setup: RtpSetup): void {
    this.flush();
    const { config } = setup;
    if (isVideo(config)) this.#pictures?.configure(reorderDepth(config), config.frameRate);
    else this.#pictures = undefined;
    this.#sounds = undefined;
    this.#setup = setup;
    this.#out.changed();
  }
}

function isVideo(config: VideoConfig | AudioConfig): config is VideoConfig {
  return 'width' in config;
}

function isSame(a: VideoConfig | AudioConfig, b: VideoConfig | AudioConfig): boolean {
  if (a.codec !== b.codec || a.codecs !== b.codecs || !sameBytes(a.record, b.record)) return false;
  return isVideo(a) && isVideo(b) ? a.width === b.width && a.height === b.height : isVideo(a) === isVideo(b);
}
