/**
 * Further pictures of a publisher (layers of WHIP, video tracks of RTMP) as qualities of its stream.
 * In: frames on the timeline of the publisher. Out: frames of derived qualities, by the run of the stream.
 * docs/media.md 6.
 */
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { usToTicks } from '@oxbow/media/run';
import type { DerivedInput } from '../packager/follower.ts';
import type { StreamQualityInputs } from './pull/rendition/further-qualities.ts';

/** The pictures of one publisher come together: one is not awaited for longer than this, µs of media. */
const LATE_US = 2_000_000;
/** Frames since the last key frame that are remembered, for a run that begins with it; and their bytes. */
const MAX_FRAMES = 512;
const MAX_BYTES = 8 * 1024 * 1024;
/** Most pictures of a publisher that become qualities. */
const MAX_LAYERS = 8;

interface Layer {
  readonly track: VideoTrack;
  readonly rung: string;
  /** The frames since the last key frame. */
  recent: Frame[];
  bytes: number;
  output: DerivedInput | undefined;
  /** The run of the stream that the frames belong to. */
  run: number | undefined;
}

/** The further pictures of one publisher. No call throws or waits. */
export class LayerQualities {
  readonly #inputs: () => StreamQualityInputs | undefined;
  readonly #layers = new Map<string, Layer>();
  /** Names of qualities by those of pictures: one keeps its quality when its size changes. */
  readonly #rungs = new Map<string, string>();

  readonly #takes: (height: number) => boolean;

  /**
   * @param inputs of the stream; undefined while the publisher is on standby
   * @param takes whether a picture of this height is a quality
   */
  constructor(inputs: () => StreamQualityInputs | undefined, takes: (height: number) => boolean = () => true) {
    this.#inputs = inputs;
    this.#takes = takes;
  }

  /** Frames of a picture follow; called again when its configuration changes. @param name unique */
  start(name: string, track: VideoTrack): void {
    if (!this.#takes(track.config.height)) this.end(name);
    if (!this.#takes(track.config.height) || (this.#rungs.size >= MAX_LAYERS && !this.#rungs.has(name))) return;
    const rung = this.#rungs.get(name) ?? this.#freeRung(track);
    this.#rungs.set(name, rung);
    this.#layers.set(name, { track, rung, recent: [], bytes: 0, output: undefined, run: undefined });
  }

  /** The next frame of a picture, in decode order. */
  frame(name: string, frame: Frame): void {
    const layer = this.#layers.get(name);
    if (!layer) return;
    this.#remember(layer, frame);
    const inputs = this.#inputs();
    const now = inputs?.now();
    if (!inputs && layer.output) this.#leave(layer);
    if (!inputs || !now) return;
    const shift = usToTicks(now.shiftUs, layer.track.timescale);
    if (layer.run === now.run) {
      layer.output?.write(moved(frame, shift));
      return;
    }
    layer.output ??= inputs.open(layer.rung, LATE_US);
    layer.run = now.run;
    layer.output?.startRun(now.run, layer.track);
    for (const each of layer.recent) layer.output?.write(moved(each, shift));
  }

  /** No frame of a picture follows. */
  end(name: string): void {
    const layer = this.#layers.get(name);
    if (layer) this.#leave(layer);
    this.#layers.delete(name);
  }

  /** The publisher has left. */
  close(): void {
    for (const name of [...this.#layers.keys()]) this.end(name);
  }

  #leave(layer: Layer): void {
    layer.output?.stop();
    layer.output = undefined;
    layer.run = undefined;
  }

  #remember(layer: Layer, frame: Frame): void {
    if (frame.key) {
      layer.recent = [];
      layer.bytes = 0;
    } else if (layer.recent.length === 0) return;
    layer.recent.push(frame);
    layer.bytes += frame.data.length;
    if (layer.recent.length > MAX_FRAMES || layer.bytes > MAX_BYTES) layer.recent = [];
  }

  /** Its height; with a number where another picture of the publisher has the same. */
  #freeRung({ config: { height } }: VideoTrack): string {
    const used = new Set(this.#rungs.values());
    for (let number = 1; ; number++) {
      const rung = number === 1 ? String(height) : `${height}-${number}`;
      if (!used.has(rung)) return rung;
    }
  }
}

function moved(frame: Frame, ticks: number): Frame {
  if (ticks === 0) return frame;
  const { trackId, dts, pts, duration, key, data } = frame;
  return { trackId, dts: dts + ticks, pts: pts + ticks, duration, key, data };
}
