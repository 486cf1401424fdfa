/**
 * An RTP session with several tracks: packets to frames on one timeline.
 * In: RTP packets and RTCP of one sender, the time. Out: tracks and frames; feedback for the sender; MPEG-TS
 * as bytes. Pure. RFC 3550, RFC 4585, RFC 4588; docs/media.md 4 and 30.
 */

import { FormatError } from '../../errors.ts';
import type { DemuxerOutput } from '../../frame.ts';
import { distinctLeftOut, type LeftOutTrack } from '../../left-out.ts';
import { parseRtp, type RtpPacket } from '../packet.ts';
import type { RtcpPacket } from '../rtcp.ts';
import { Feedback, type FeedbackOptions } from './feedback.ts';
import { type LayerExtensions, type LayerOutput, Layers } from './layers.ts';
import { RtpTrack } from './rtp-track.ts';
import { type PlacedTrack, RunTimeline } from './run-timeline.ts';
import { type RtpTrackOptions, TrackInput } from './track-input.ts';

/** The first frames wait this long for the reports of all tracks, ms. */
const MAX_WAIT_MS = 1500;
/** Another run waits this long for a key frame, ms. */
const MAX_SWITCH_MS = 4000;
/** Stop waiting for a key frame after this much silence, ms. */
const SILENT_MS = 1000;
/** Most sender reports that are kept for sources without packets. */
const MAX_EARLY_REPORTS = 16;

/** Options of a session. */
export interface RtpDemuxerOptions extends FeedbackOptions {
  /** The layers of a video have the same id and a `rid`; the preferred one is the first. */
  readonly tracks: readonly RtpTrackOptions[];
  /** Ids of header extensions: the number for congestion control, and the name of the media (`mid`). */
  readonly transportExtension?: number;
  readonly midExtension?: number;
  /** With layers: how packets name them. */
  readonly layerExtensions?: LayerExtensions;
  /** The layer with the highest number is the picture of the session; default its pixels. */
  readonly layerRank?: (size: { readonly width: number; readonly height: number }) => number;
  /** Each track has a separate connection for RTCP: reports and feedback name the track. */
  readonly isSeparate?: boolean;
  /** Receives MPEG-TS (RFC 2250). @param trackId of the track that carries it */
  readonly bytes?: (bytes: Uint8Array, trackId: number) => void;
}

interface Slot {
  readonly options: RtpTrackOptions;
  readonly input: TrackInput;
  readonly track: RtpTrack;
  readonly feedback: Feedback;
  refused: LeftOutTrack | undefined;
  /** It carries MPEG-TS, no frames. */
  isBytes: boolean;
  /** A layer that sends nothing now. */
  isSilent: boolean;
  lastUnitMs: number;
  canRequestKey: boolean;
}

type SenderReport = Extract<RtcpPacket, { type: 'senderReport' }>;

/** Where the media of a session goes. */
export interface RtpDemuxerOutput extends DemuxerOutput {
  /** Layers of the video that are not its picture; absent: only one layer is used. */
  readonly layers?: LayerOutput;
}

/** Demuxes the packets of one sender. No method throws on malformed input. */
export class RtpDemuxer {
  readonly #options: RtpDemuxerOptions;
  readonly #out: RtpDemuxerOutput;
  /** All tracks, with the layers that are not the picture of the session. */
  readonly #all: readonly Slot[];
  /** The tracks of the session. */
  #slots: readonly Slot[];
  readonly #layers: Layers<Slot> | undefined;
  readonly #feedback: Feedback;
  readonly #timeline = new RunTimeline();
  /** By the source and the track that they came for, 0 for any. */
  readonly #earlyReports = new Map<string, { readonly report: SenderReport; readonly atMs: number }>();
  #hasBegun = false;
  /** Since when another run is due; it begins at a key frame. */
  #switchMs: number | undefined;

  constructor(options: RtpDemuxerOptions, out: RtpDemuxerOutput) {
    this.#options = options;
    this.#out = out;
    this.#feedback = new Feedback(options);
    this.#all = options.tracks.map((track) => this.#open(track));
    const layers = this.#all.filter((slot) => slot.options.rid !== undefined);
    this.#slots = this.#all.filter((slot) => slot.options.rid === undefined || slot === layers[0]);
    const { layerExtensions } = options;
    if (layerExtensions && out.layers && layers.length > 1) {
      this.#layers = new Layers(layers, layerExtensions, out.layers);
    }
  }

  /**
   * Figures of all tracks: packets that came by themselves, were lost on the way, were sent again, and were
   * dropped as late or repeated.
   */
  get stats(): { packets: number; lost: number; retransmitted: number; dropped: number } {
    const sum = { packets: 0, lost: 0, retransmitted: 0, dropped: 0 };
    for (const { input } of this.#all) {
      const { packets, lost, retransmitted, dropped } = input.stats;
      sum.packets += packets;
      sum.lost += lost;
      sum.retransmitted += retransmitted;
      sum.dropped += dropped;
    }
    return sum;
  }

  /**
   * Time 0 of the frames by the reports of the sender, unix ms; undefined before a run, and without reports.
   * Constant between two calls of `tracks`.
   */
  get senderEpochMs(): number | undefined {
    return this.#hasBegun ? this.#timeline.senderEpoch : undefined;
  }

  /**
   * Takes a packet.
   *
   * @param packet may be kept, must not be changed afterwards; a datagram that is no RTP is damage
   * @param nowMs monotonic
   * @param trackId the track whose transport it came over; found by its media name, source or payload type if
   *   absent
   */
  push(packet: Uint8Array | RtpPacket, nowMs: number, trackId?: number): void {
    const parsed = packet instanceof Uint8Array ? this.#parse(packet) : packet;
    if (!parsed) return;
    // Also of packets that probe the network before their layer is known: the sender would take them as lost.
    this.#recordTransport(parsed, nowMs);
    const slot = this.#slotOf(parsed, trackId);
    if (!slot) return;
    const before = slot.input.source;
    slot.input.push(parsed, nowMs);
    if (parsed.ssrc === slot.input.source) this.#layers?.heard(slot, nowMs);
    if (slot.input.source !== before) this.#useEarlyReport(slot);
  }

  /** Takes the packets of a compound RTCP packet. @param nowMs monotonic @param trackId as for `push` */
  report(packets: readonly RtcpPacket[], nowMs: number, trackId?: number): void {
    const slots = this.#all.filter(({ options }) => trackId === undefined || options.id === trackId);
    for (const packet of packets) {
      if (packet.type === 'senderReport') this.#report(packet, nowMs, slots, trackId);
      if (packet.type !== 'bye') continue;
      for (const { input } of slots) {
        if (input.source !== undefined && packet.sources.includes(input.source)) input.end();
      }
    }
    this.#compare(nowMs);
  }

  /**
   * Time passes: gives up missing packets, ends waits. To be called about every 20 ms.
   * @param nowMs monotonic
   */
  tick(nowMs: number): void {
    for (const { input } of this.#all) input.tick(nowMs);
    this.#decideLayer(nowMs);
    this.#advance(nowMs);
  }

  /**
   * Compound RTCP packets to send now, each in a datagram.
   * @param nowMs monotonic
   * @param trackId of separate tracks
   */
  feedback(nowMs: number, trackId?: number): readonly Uint8Array[] {
    const slot = this.#slots.find(({ options }) => options.id === trackId);
    return slot ? slot.feedback.take([slot], nowMs) : this.#feedback.take(this.#all, nowMs);
  }

  /** Requests a key frame of all video, of all its layers, with the next feedback, at most two a second. */
  requestKeyFrame(): void {
    for (const { input, options, feedback, isSilent } of this.#all) {
      if (options.kind === 'video' && !isSilent) feedback.requestKey(input);
    }
  }

  /** The round trip to the sender was measured by the transport, ms. */
  setRoundTrip(ms: number): void {
    for (const { input } of this.#all) input.setRoundTrip(ms);
  }

  /** The session ends: delivers everything that waits. */
  end(): void {
    for (const { input } of this.#all) input.end();
    if (!this.#hasBegun) this.#begin();
    else if (this.#slots.some(({ track }) => track.first)) this.#switch();
    for (const { track } of this.#all) track.flush();
    this.#layers?.end();
  }

  #open(options: RtpTrackOptions): Slot {
    const { id, language = 'und', label = '' } = options;
    const track: RtpTrack = new RtpTrack(id, language, label, {
      frame: (frame) => {
        if (this.#layers?.isBeside(slot)) this.#layers.frame(slot, frame);
        else this.#out.frame(frame);
      },
      damage: (reason) => this.#out.damage(reason),
      changed: () => {
        if (this.#layers?.isBeside(slot)) this.#layers.changed(slot);
        else this.#announce();
      },
    });
    const input = new TrackInput(options, {
      config: (config, clockRate) => {
        track.configured(config, clockRate);
        if ('width' in config) {
          const { layerRank = ({ width, height }) => width * height } = this.#options;
          this.#layers?.ranked(slot, layerRank(config));
        }
        if (slot.refused) this.#setRefused(slot, undefined);
      },
      unit: (unit, nowMs) => {
        if (unit.key && options.kind === 'video') slot.feedback.keyArrived(input);
        if (this.#layers?.arrived(slot, unit.key, nowMs)) this.#selectLayer(slot);
        if (this.#layers?.isBeside(slot)) {
          track.push(unit, nowMs);
          this.#placeLayer(slot, nowMs);
          return;
        }
        if (unit.key && this.#switchMs !== undefined && track.offset !== undefined && track.isVideo) this.#switch();
        slot.lastUnitMs = nowMs;
        track.push(unit, nowMs);
        if (track.offset === undefined) this.#advance(nowMs);
      },
      damage: (reason) => this.#out.damage(reason),
      refused: (leftOut) => this.#setRefused(slot, leftOut),
      bytes: (bytes) => {
        slot.isBytes = true;
        this.#options.bytes?.(bytes, id);
      },
      restarted: () => {
        track.restart();
        this.#layers?.changed(slot);
      },
    });
    const { kind, canRequestKey = false } = options;
    const slot: Slot = {
      options,
      input,
      track,
      refused: undefined,
      isBytes: false,
      isSilent: false,
      lastUnitMs: 0,
      canRequestKey: kind === 'video' && canRequestKey,
      feedback: this.#options.isSeparate ? new Feedback(this.#options) : this.#feedback,
    };
    return slot;
  }

  #parse(datagram: Uint8Array): RtpPacket | undefined {
    try {
      return parseRtp(datagram);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#out.damage(error.message);
      return undefined;
    }
  }

  #slotOf(packet: RtpPacket, trackId: number | undefined): Slot | undefined {
    const slots = this.#slots;
    const { extensions, ssrc, payloadType } = packet;
    const layered = this.#layers?.find(packet);
    if (layered !== undefined) return layered ?? undefined;
    if (trackId !== undefined) return slots.find(({ options }) => options.id === trackId);
    const { midExtension } = this.#options;
    const mid = midExtension === undefined ? undefined : extensions?.get(midExtension);
    if (mid) {
      const name = String.fromCharCode(...mid);
      const named = slots.find(({ options }) => options.mid === name);
      if (named) return named;
    }
    const able = slots.filter(({ input }) => input.has(payloadType));
    return able.find(({ input, options }) => input.isSource(ssrc) || options.sources?.includes(ssrc)) ?? able[0];
  }

  #recordTransport({ extensions }: RtpPacket, nowMs: number): void {
    const { transportExtension } = this.#options;
    const value = transportExtension === undefined ? undefined : extensions?.get(transportExtension);
    if (value?.length === 2) this.#feedback.transport.arrived((value[0]! << 8) | value[1]!, nowMs);
  }

  #report(report: SenderReport, nowMs: number, slots: readonly Slot[], trackId = 0): void {
    const slot = slots.find(({ input }) => input.source === report.ssrc);
    if (slot) {
      slot.input.report(report, nowMs);
      this.#advance(nowMs);
      return;
    }
    const name = `${report.ssrc} ${trackId}`;
    this.#earlyReports.delete(name);
    this.#earlyReports.set(name, { report, atMs: nowMs });
    if (this.#earlyReports.size > MAX_EARLY_REPORTS) {
      this.#earlyReports.delete(this.#earlyReports.keys().next().value!);
    }
  }

  #useEarlyReport({ input, options }: Slot): void {
    for (const name of [`${input.source} 0`, `${input.source} ${options.id}`]) {
      const early = this.#earlyReports.get(name);
      if (!early) continue;
      this.#earlyReports.delete(name);
      input.report(early.report, early.atMs);
    }
  }

  /** Time passes for the layers: another one may be the picture of the session. */
  #decideLayer(nowMs: number): void {
    const layers = this.#layers;
    if (!layers) return;
    const before = layers.next;
    const due = layers.decide(this.#hasBegun, nowMs);
    if (due) this.#selectLayer(due);
    if (layers.next && layers.next !== before) this.requestKeyFrame();
    for (const slot of this.#all) {
      slot.isSilent = layers.isSilent(slot, nowMs);
      if (slot.options.rid !== undefined) slot.canRequestKey = slot.options.canRequestKey === true && !slot.isSilent;
    }
    for (const slot of layers.beside) this.#placeLayer(slot, nowMs);
  }

  /** A layer becomes the picture of the session; the one before it continues beside. */
  #selectLayer(slot: Slot): void {
    for (const { track } of this.#all) track.flush();
    this.#layers!.select(slot);
    this.#slots = this.#all.filter((each) => !this.#layers!.isBeside(each));
    if (!this.#hasBegun || slot.track.offset === undefined) return;
    this.#timeline.placed(this.#placed());
    this.#announce();
  }

  /** Gives a layer its place by the reports of its sender, and delivers what waits. */
  #placeLayer({ track, input }: Slot, nowMs: number): void {
    if (!track.first || track.offset !== undefined || !this.#hasBegun || !track.isMeasured(nowMs)) return;
    const [reference] = this.#placed();
    const origin = input.clock?.senderOrigin;
    if (origin === undefined || reference?.clock.senderOrigin === undefined) return;
    const epoch = reference.clock.senderOrigin - (reference.offset / reference.clock.rate) * 1000;
    track.place(Math.round(((origin - epoch) / 1000) * input.clock!.rate));
    while (track.first) track.deliverFirst();
  }

  #setRefused(slot: Slot, leftOut: LeftOutTrack | undefined): void {
    slot.refused = leftOut;
    const hadTrack = slot.track.track !== undefined;
    if (leftOut) slot.track.refuse();
    this.#out.leftOut?.(distinctLeftOut(this.#slots.flatMap(({ refused }) => refused ?? [])));
    if (leftOut && hadTrack) this.#announce();
  }

  /** Begins a run, or lets tracks join it, as soon as that is possible. */
  #advance(nowMs: number): void {
    if (!this.#hasBegun) {
      this.#decideLayer(nowMs);
      if (this.#canBegin(nowMs)) this.#begin();
      return;
    }
    const isJoining = this.#slots.some((slot) => slot.track.first && this.#isReady(slot, nowMs));
    if (isJoining) this.#switchMs ??= nowMs;
    if (this.#switchMs === undefined) return;
    const hasVideo = this.#slots.some(
      ({ track, lastUnitMs }) => track.isVideo && track.offset !== undefined && nowMs - lastUnitMs < SILENT_MS,
    );
    if (!hasVideo || nowMs - this.#switchMs >= MAX_SWITCH_MS) this.#switch();
    else this.requestKeyFrame();
  }

  #canBegin(nowMs: number): boolean {
    const waiting = this.#slots.filter(({ track }) => track.first);
    if (waiting.length === 0) return false;
    if (waiting.some(({ track }) => track.isFull || nowMs - track.sinceMs! >= MAX_WAIT_MS)) return true;
    if (this.#layers?.isChosen(nowMs) === false) return false;
    const expected = this.#slots.filter(({ refused, isBytes }) => !refused && !isBytes);
    if (waiting.length < expected.length || !waiting.every(({ track }) => track.isMeasured(nowMs))) return false;
    return waiting.length === 1 || waiting.every(({ input }) => input.clock?.senderOrigin !== undefined);
  }

  /** Whether a track that joins a run has a report, or has waited for one long enough. */
  #isReady({ track, input }: Slot, nowMs: number): boolean {
    if (track.offset !== undefined || track.sinceMs === undefined) return false;
    if (track.isFull || nowMs - track.sinceMs >= MAX_WAIT_MS) return true;
    return input.clock?.senderOrigin !== undefined && track.isMeasured(nowMs);
  }

  #begin(): void {
    const waiting = this.#slots.filter(({ track }) => track.first);
    if (waiting.length === 0) return;
    waiting.sort((a, b) => Number(b.track.isVideo) - Number(a.track.isVideo));
    const clocked = waiting.map(({ track, input }) => ({ clock: input.clock!, firstTicks: track.first!.ticks }));
    this.#timeline.begin(clocked);
    this.#hasBegun = true;
    for (const { track, input } of waiting) track.place(this.#timeline.place(input.clock!));
    this.#deliverWaiting();
  }

  /**
   * Another run: tracks that wait join, and the offsets follow the newest reports. The reference keeps its
   * place.
   */
  #switch(): void {
    this.#switchMs = undefined;
    for (const { track } of this.#slots) track.flush();
    const [reference] = this.#placed();
    if (reference) this.#timeline.follow(reference);
    for (const { track, input } of this.#slots) {
      const isReference = reference !== undefined && input.clock === reference.clock;
      if ((track.offset !== undefined || track.first) && !isReference) track.place(this.#timeline.place(input.clock!));
    }
    this.#timeline.placed(this.#placed());
    this.#deliverWaiting();
  }

  /** Announces the tracks and delivers the waiting frames, by time. */
  #deliverWaiting(): void {
    this.#announce();
    for (;;) {
      const waiting = this.#slots.filter(({ track }) => track.first && track.offset !== undefined);
      if (waiting.length === 0) return;
      waiting.sort((a, b) => a.track.firstS - b.track.firstS);
      waiting[0]!.track.deliverFirst();
    }
  }

  /** Tracks with their places; the reference first. */
  #placed(): PlacedTrack[] {
    const placed = this.#slots.filter(({ track, input }) => track.offset !== undefined && input.clock);
    placed.sort((a, b) => Number(b.track.isVideo) - Number(a.track.isVideo));
    return placed.map(({ track, input }) => ({ clock: input.clock!, offset: track.offset! }));
  }

  #compare(nowMs: number): void {
    if (!this.#hasBegun || this.#switchMs !== undefined || !this.#timeline.isOff(this.#placed())) return;
    this.#switchMs = nowMs;
    this.#advance(nowMs);
  }

  #announce(): void {
    const tracks = this.#slots.flatMap(({ track }) => track.track ?? []);
    if (tracks.length === 0) return;
    for (const { track } of this.#slots) track.flush();
    this.#out.tracks(tracks);
  }
}
