/**
 * The layers of one video (simulcast): which packets belong to which, and which layer is the picture of the
 * session. The others have the same timeline.
 * In: packets with the header extensions of RFC 8852, access units, the time. Out: the slot of a packet; the
 * layer that should be the main one. Pure. RFC 8852, RFC 8853; docs/media.md 30.
 */
import type { Frame, VideoTrack } from '../../frame.ts';
import type { RtpPacket } from '../packet.ts';
import type { RtpTrack } from './rtp-track.ts';
import type { TrackInput } from './track-input.ts';

/** A layer is silent after this long without a picture while another one has sent some, ms. */
const SILENT_MS = 600;
/** So many pictures of another layer have come meanwhile. */
const SILENT_UNITS = 4;
/**
 * A better layer takes over when it has sent without a pause for this long, ms: twice as long each time that
 * one has fallen silent, up to the second value.
 */
const STEADY_MS = [1500, 24_000] as const;
/** After this long without a change the first value applies again, ms. */
const CALM_MS = 60_000;
/** At the start the largest layer of those that have come within this time is chosen, ms. */
const START_MS = 300;
/** Most sources that are remembered. */
const MAX_SOURCES = 32;

/** Receives the layers that are not the picture of the session. */
export interface LayerOutput {
  /** Frames follow, on the timeline of the session; called again when the configuration changes. */
  start(rid: string, track: VideoTrack): void;
  /** The next frame in decode order. */
  frame(rid: string, frame: Frame): void;
  /** No frame follows until `start`: the layer is silent, or has become the picture of the session. */
  end(rid: string): void;
}

/** Ids of the header extensions that name a layer. */
export interface LayerExtensions {
  readonly rid: number;
  /** Names the layer whose packets are repeated. */
  readonly repaired: number | undefined;
}

/** What is read of the track of a layer. */
interface LayerSlot {
  readonly options: { readonly rid?: string };
  readonly input: Pick<TrackInput, 'has'>;
  readonly track: Pick<RtpTrack, 'track' | 'offset'>;
}

interface Layer<Slot> {
  readonly rid: string;
  readonly slot: Slot;
  /** Since when it has sent pictures without a pause, and the last one, monotonic ms; undefined: none. */
  sinceMs: number | undefined;
  lastMs: number;
  /** Pictures since the last one of the main layer. */
  ahead: number;
  /** When its last packet came, which need not be one of a picture; undefined: none. */
  heardMs: number | undefined;
  /** The higher, the better; the lowest before its picture is known. */
  rank: number;
  /** The output has its track. */
  isStarted: boolean;
}

/** The layers of one video. */
export class Layers<Slot extends LayerSlot> {
  readonly #layers: readonly Layer<Slot>[];
  readonly #extensions: LayerExtensions;
  readonly #out: LayerOutput;
  /** By SSRC: senders leave the extensions out when the receiver has reported a source. */
  readonly #sources = new Map<number, Layer<Slot>>();
  #main: Layer<Slot>;
  #next: Layer<Slot> | undefined;
  #steadyMs: number = STEADY_MS[0];
  #changedMs = 0;

  /** @param slots of the layers, two at least, the preferred one first */
  constructor(slots: readonly Slot[], extensions: LayerExtensions, out: LayerOutput) {
    this.#layers = slots.map((slot) => {
      const rid = slot.options.rid ?? '';
      return {
        rid,
        slot,
        sinceMs: undefined,
        lastMs: 0,
        heardMs: undefined,
        ahead: 0,
        rank: Number.NEGATIVE_INFINITY,
        isStarted: false,
      };
    });
    this.#extensions = extensions;
    this.#out = out;
    this.#main = this.#layers[0]!;
  }

  /** Another layer that should take over with its next key frame; undefined: none. */
  get next(): Slot | undefined {
    return this.#next?.slot;
  }

  /** Whether this is a layer and not the main one. */
  isBeside(slot: Slot): boolean {
    return slot !== this.#main.slot && this.#of(slot) !== undefined;
  }

  /** The layers that are not the main one. */
  get beside(): readonly Slot[] {
    return this.#layers.filter((layer) => layer !== this.#main).map(({ slot }) => slot);
  }

  /** A packet of the source of a layer has come. */
  heard(slot: Slot, nowMs: number): void {
    const layer = this.#of(slot);
    if (layer) layer.heardMs = nowMs;
  }

  /**
   * Whether a layer sends nothing now: no key frame of it is requested, which the other layers would send
   * too.
   */
  isSilent(slot: Slot, nowMs: number): boolean {
    const heardMs = this.#of(slot)?.heardMs;
    return heardMs !== undefined && nowMs - heardMs >= 2 * SILENT_MS;
  }

  /** Whether the session may begin: the largest of the layers that come at the start is chosen. */
  isChosen(nowMs: number): boolean {
    return this.#layers.some(({ sinceMs }) => sinceMs !== undefined && nowMs - sinceMs >= START_MS);
  }

  /** The slot of a packet; null: of a layer that is not known; undefined: it is of other media. */
  find({ extensions, ssrc, payloadType }: RtpPacket): Slot | null | undefined {
    if (!this.#main.slot.input.has(payloadType)) return undefined;
    const { rid, repaired } = this.#extensions;
    const value = extensions?.get(rid) ?? (repaired === undefined ? undefined : extensions?.get(repaired));
    if (value) {
      const name = String.fromCharCode(...value.subarray(0, 255));
      const layer = this.#layers.find((each) => each.rid === name);
      if (!layer) return null;
      this.#sources.delete(ssrc);
      this.#sources.set(ssrc, layer);
      if (this.#sources.size > MAX_SOURCES) this.#sources.delete(this.#sources.keys().next().value!);
      return layer.slot;
    }
    return this.#sources.get(ssrc)?.slot ?? null;
  }

  /** The pictures of a layer that follow have this rank. */
  ranked(slot: Slot, rank: number): void {
    const layer = this.#of(slot);
    if (layer) layer.rank = rank;
  }

  /** A picture of a layer has come. @returns whether the layer becomes the main one with it */
  arrived(slot: Slot, key: boolean, nowMs: number): boolean {
    const layer = this.#of(slot);
    if (!layer) return false;
    if (layer.sinceMs === undefined || nowMs - layer.lastMs > SILENT_MS) layer.sinceMs = nowMs;
    layer.lastMs = nowMs;
    layer.ahead++;
    if (layer === this.#main) for (const each of this.#layers) each.ahead = 0;
    if (!key || layer !== this.#next) return false;
    if (!this.#isBetter(layer)) this.#steadyMs = Math.min(2 * this.#steadyMs, STEADY_MS[1]);
    this.#changedMs = nowMs;
    return true;
  }

  /**
   * Decides which layer should be the main one.
   *
   * @param hasBegun frames were delivered: it takes over with a key frame, see `next`
   * @returns a layer that takes over at once
   */
  decide(hasBegun: boolean, nowMs: number): Slot | undefined {
    for (const layer of this.#layers) {
      if (layer !== this.#main && layer.isStarted && this.#isLeft(layer, nowMs)) this.#end(layer);
    }
    const alive = this.#layers.filter(({ sinceMs, lastMs }) => sinceMs !== undefined && nowMs - lastMs < SILENT_MS);
    const best = alive.sort((a, b) => Number(b.rank > a.rank) - Number(b.rank < a.rank))[0];
    this.#next = undefined;
    if (!best || best === this.#main) return undefined;
    if (!hasBegun) {
      return this.isChosen(nowMs) && (this.#main.sinceMs === undefined || this.#isBetter(best)) ? best.slot : undefined;
    }
    const isGone = nowMs - this.#main.lastMs >= SILENT_MS && best.ahead >= SILENT_UNITS;
    if (nowMs - this.#changedMs >= CALM_MS) this.#steadyMs = STEADY_MS[0];
    const isSteady = this.#isBetter(best) && nowMs - best.sinceMs! >= this.#steadyMs;
    if ((isGone || isSteady) && best.slot.track.offset !== undefined) this.#next = best;
    return undefined;
  }

  /** A layer is the main one from now on. */
  select(slot: Slot): void {
    const layer = this.#of(slot)!;
    this.#next = undefined;
    if (layer.isStarted) this.#end(layer);
    this.#main = layer;
    for (const each of this.#layers) each.ahead = 0;
  }

  /** Passes on a frame of a layer that is not the main one. */
  frame(slot: Slot, frame: Frame): void {
    const layer = this.#of(slot)!;
    if (!layer.isStarted) {
      const { track } = slot.track;
      if (track?.kind !== 'video') return;
      layer.isStarted = true;
      this.#out.start(layer.rid, track);
    }
    this.#out.frame(layer.rid, frame);
  }

  /** The configuration of a layer has changed, or its clock: its track is announced with the next frame. */
  changed(slot: Slot): void {
    const layer = this.#of(slot);
    if (layer) layer.isStarted = false;
  }

  /** The session ends. */
  end(): void {
    for (const layer of this.#layers) if (layer.isStarted) this.#end(layer);
  }

  #end(layer: Layer<Slot>): void {
    layer.isStarted = false;
    this.#out.end(layer.rid);
  }

  #of(slot: Slot): Layer<Slot> | undefined {
    return this.#layers.find((layer) => layer.slot === slot);
  }

  #isBetter({ rank }: Layer<Slot>): boolean {
    return rank > this.#main.rank;
  }

  /** Whether a layer is silent while the others are not. */
  #isLeft({ lastMs }: Layer<Slot>, nowMs: number): boolean {
    return nowMs - lastMs >= SILENT_MS && this.#layers.some((other) => nowMs - other.lastMs < SILENT_MS / 2);
  }
}
