/**
 * Reads an original through FFmpeg's demuxers.
 * In: an open demuxer. Out: frames of the tracks that can be stored without encoding, or only the times of
 * the reference.
 */

import { FormatError } from '@oxbow/media/errors';
import type { Frame, Track } from '@oxbow/media/frame';
import { findNals, NalList } from '@oxbow/media/h264/annexb';
import { HEVC_NAL, hevcNalType } from '@oxbow/media/hevc/nal';
import type { ImportLoss } from '../../api/library/asset-facts.ts';
import type { Demuxer, DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { type JoinedPart, JoinedStream } from '../../ffmpeg/joined-clock.ts';
import { AudioPackets, isAudioPassable } from './audio-packets.ts';
import { ClockJumps } from './clock-jumps.ts';
import { type ImportLimits, refused } from './limits.ts';
import type { MediaPiece, MediaReader } from './media-reader.ts';
import { type PacketTrack, secondsOf } from './packet-base.ts';
import { SoundSpan } from './sound-span.ts';
import type { TextPackets } from './text-packets.ts';
import { isVideoPassable, VideoPackets } from './video-packets.ts';

/** Packets that are read before all tracks have shown their configuration. */
const LOOK_AHEAD_BYTES = 32 * 1024 * 1024;
const MAX_WARNINGS = 5;
const H264_SPS = 7;
/** Fewer hidden pictures are a matter of rounding, s. */
const LEAST_HIDDEN_S = 0.1;
/** Less sound where two captures overlap is a frame or two at each end, s. */
const LEAST_SOUND_S = 0.1;

/**
 * The stream whose frames are the places to cut: the first with pictures that is not a cover, otherwise the
 * first with sound.
 */
export function referenceStream(streams: readonly DemuxStream[]): DemuxStream | undefined {
  const video = streams.find(({ kind, isAttachment }) => kind === 'video' && !isAttachment);
  return video ?? streams.find(({ kind }) => kind === 'audio');
}

/** Opens the streams that can be stored; the first is the reference. None if the reference cannot be. */
function passable(streams: readonly DemuxStream[], reference: DemuxStream, warnings: string[]): PacketTrack[] {
  const open = (stream: DemuxStream, id: number): PacketTrack | undefined => {
    try {
      if (stream.kind === 'video') return isVideoPassable(stream) ? new VideoPackets(stream, id) : undefined;
      return stream.kind === 'audio' && isAudioPassable(stream) ? new AudioPackets(stream, id) : undefined;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      warnings.push(`Stream ${stream.index} cannot be stored as it is: ${error.message}.`);
      return undefined;
    }
  };
  const first = open(reference, reference.kind === 'video' ? 1 : 2);
  if (!first) return [];
  let id = reference.kind === 'video' ? 2 : 3;
  const others = streams.filter((stream) => stream.kind === 'audio' && stream !== reference);
  return [first, ...others.flatMap((stream) => open(stream, id++) ?? [])];
}

/** The input of a {@link PacketReader}. */
interface PacketSource {
  readonly demuxer: Demuxer;
  /** Those of the file that are taken. */
  readonly streams: readonly DemuxStream[];
  readonly reference: DemuxStream;
  readonly limits: ImportLimits;
  /** Bytes of the file that were read. */
  readonly position: () => number;
  /** Gets the packets of subtitles. */
  readonly texts: TextPackets;
  /** Why nothing can be stored without encoding, for a person: only times are read. */
  readonly encodeAll?: string | undefined;
  /** The parts of a file that was joined; absent: its times are taken as they are. */
  readonly parts?: readonly JoinedPart[] | undefined;
}

/** A file that FFmpeg reads. */
export class PacketReader implements MediaReader {
  readonly #packets: AsyncGenerator<readonly DemuxPacket[], string>;
  readonly #reference: DemuxStream;
  readonly #limits: ImportLimits;
  readonly #position: () => number;
  readonly #warnings: string[];
  readonly #losses: ImportLoss[] = [];
  readonly #texts: TextPackets;
  readonly #sounds: ReadonlyMap<number, DemuxStream>;
  /** Where the sound is that cannot be stored. */
  readonly sound: SoundSpan = new SoundSpan();
  /** Jumps in the times of the packets. */
  readonly jumps: ClockJumps;
  readonly #parts: readonly JoinedPart[] | undefined;
  /** By index of the stream. */
  readonly #joined = new Map<number, JoinedStream>();
  readonly #byIndex: ReadonlyMap<number, DemuxStream>;
  readonly #sets = new NalList();
  #firstSps: string | undefined;
  #hasOtherSets = false;
  #open: readonly PacketTrack[];
  #ahead: (readonly DemuxPacket[])[] = [];
  #damaged = 0;
  #frames = 0;
  #hiddenUs = 0;
  #untimed = 0;

  constructor({ demuxer, streams, reference, limits, position, texts, encodeAll, parts }: PacketSource) {
    this.#reference = reference;
    this.jumps = new ClockJumps(reference);
    this.#parts = parts;
    this.#byIndex = new Map(streams.map((stream) => [stream.index, stream]));
    this.#limits = limits;
    this.#position = position;
    this.#warnings = encodeAll ? [encodeAll] : [];
    this.#texts = texts;
    this.#open = encodeAll ? [] : passable(streams, reference, this.#warnings);
    const open = new Set(this.#open.map(({ stream }) => stream));
    const sounds = open.size > 0 ? [] : streams.filter((stream) => stream.kind === 'audio' && stream !== reference);
    this.#sounds = new Map(sounds.map((stream) => [stream.index, stream]));
    const indexes = new Set([reference.index, ...[...open, ...sounds].map(({ index }) => index)]);
    this.#packets = demuxer.packets([...indexes, ...texts.indexes]);
  }

  /** Opens a reader; reads until the configurations are known. */
  static async open(source: PacketSource): Promise<PacketReader> {
    const reader = new PacketReader(source);
    await reader.#lookAhead();
    return reader;
  }

  /**
   * Its pictures have not all the parameter sets of the first one, as where captures of different encoders
   * were joined.
   */
  get hasOtherSets(): boolean {
    return this.#hasOtherSets;
  }

  /** The times of its parts are on one clock. */
  get isPlaced(): boolean {
    return this.#parts !== undefined;
  }

  get tracks(): readonly Track[] {
    return this.#open.map(({ track }) => track!);
  }

  get streams(): readonly number[] {
    return this.#open.map(({ stream }) => stream.index);
  }

  get warnings(): readonly string[] {
    const hiddenS = this.#hiddenUs / 1_000_000;
    const { pictures, soundS } = this.#cut;
    return [
      ...this.#warnings.slice(0, MAX_WARNINGS),
      ...(this.#damaged > 0 ? [`${this.#damaged} damaged frames were left out.`] : []),
      ...(pictures > 0 ? [`${pictures} pictures before the first key frame of a later capture were left out.`] : []),
      ...(soundS > 0 ? [`${soundS.toFixed(2)} s of sound where two captures overlap were left out.`] : []),
      ...(this.#untimed > 0 ? [`${this.#untimed} frames without a time were left out.`] : []),
      ...(hiddenS >= LEAST_HIDDEN_S
        ? [`${hiddenS.toFixed(1)} s that the edit list of the file hides are shown in its own quality.`]
        : []),
    ];
  }

  get losses(): readonly ImportLoss[] {
    const { pictures, soundS } = this.#cut;
    return [
      ...this.#losses,
      ...(this.#damaged + this.#untimed + pictures > 0 ? (['frames'] as const) : []),
      ...(soundS > LEAST_SOUND_S ? (['sound'] as const) : []),
    ];
  }

  /**
   * Pieces of frames wait in here until every track has a configuration; those that show none are left out.
   */
  async #lookAhead(): Promise<void> {
    if (this.#open.length === 0) return;
    let bytes = 0;
    const probes = new Map(this.#open.map((track) => [track.stream.index, probeOf(track)]));
    while (bytes < LOOK_AHEAD_BYTES && [...probes.values()].some((probe) => !probe.track)) {
      const { value, done } = await this.#packets.next();
      if (done) {
        this.#noteEnd(value);
        break;
      }
      this.#ahead.push(value);
      for (const packet of value) {
        bytes += packet.data.length;
        const probe = probes.get(packet.index);
        // A copy: conversions work in place.
        if (probe && !probe.track) attempt(() => probe.take({ ...packet, data: new Uint8Array(packet.data) }));
      }
    }
    const silent = this.#open.filter(({ stream }) => !probes.get(stream.index)!.track);
    for (const { stream } of silent) this.#warnings.push(`Stream ${stream.index} has no usable ${stream.codec}.`);
    if (silent.length > 0) this.#losses.push('tracks');
    const isLost = silent.some(({ stream }) => stream === this.#reference);
    this.#open = isLost
      ? []
      : this.#open.filter((track) => !silent.includes(track)).map(({ stream }) => probes.get(stream.index)!.again());
  }

  async *pieces(): AsyncGenerator<MediaPiece, void> {
    for (const packets of this.#ahead.splice(0)) yield this.#pieceOf(packets);
    for (;;) {
      const { value, done } = await this.#packets.next();
      if (done) {
        this.#noteEnd(value);
        break;
      }
      yield this.#pieceOf(value);
    }
    const frames = this.#open.flatMap((track) => track.end());
    yield { frames, times: [], atBytes: this.#position() };
  }

  #noteEnd(why: string): void {
    if (!why) return;
    this.#warnings.push(`The file ends early: ${why}.`);
    this.#losses.push('end');
  }

  #pieceOf(packets: readonly DemuxPacket[]): MediaPiece {
    const frames: Frame[] = [];
    const times: number[] = [];
    for (const rawPacket of packets) {
      if (++this.#frames > this.#limits.maxFrames * 4) throw refused('The file has too many frames.');
      const open = this.#open.find(({ stream }) => stream.index === rawPacket.index);
      const stream = open?.stream ?? this.#streamOf(rawPacket.index);
      if (stream) this.jumps.take(rawPacket, stream);
      if (stream === this.#reference && rawPacket.key) this.#lookAtSets(rawPacket.data, stream.codec);
      const packet = this.#placed(rawPacket);
      if (!packet || this.#texts.push(packet)) continue;
      try {
        if (open) {
          if (packet.hidden && open.stream === this.#reference)
            this.#hiddenUs += secondsOf(packet.duration, open.stream) * 1_000_000;
          frames.push(...open.take(packet));
        } else this.#takeTime(packet, times);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.#damaged++;
      }
    }
    return { frames, times, atBytes: this.#position() };
  }

  /** Notes the first parameter set of a key frame with start codes. */
  #lookAtSets(data: Uint8Array, codec: string): void {
    if ((codec !== 'h264' && codec !== 'hevc') || data[0] !== 0) return;
    const nals = this.#sets;
    findNals(data, 0, data.length, nals);
    for (let i = 0; i < nals.count; i++) {
      const first = data[nals.starts[i]!]!;
      const isSps = codec === 'h264' ? (first & 0x1f) === H264_SPS : hevcNalType(first) === HEVC_NAL.sps;
      if (!isSps) continue;
      const sps = Buffer.from(data.subarray(nals.starts[i]!, nals.ends[i]!)).toString('latin1');
      this.#firstSps ??= sps;
      this.#hasOtherSets ||= sps !== this.#firstSps;
      return;
    }
  }

  /** A packet with its time in the joined file; undefined where it is left out. */
  #placed(packet: DemuxPacket): DemuxPacket | undefined {
    const stream = this.#byIndex.get(packet.index);
    if (!this.#parts || !stream) return packet;
    const kind = stream === this.#reference ? 'video' : stream.kind === 'audio' ? 'audio' : 'text';
    const joined = this.#joined.get(packet.index) ?? new JoinedStream(this.#parts, kind);
    this.#joined.set(packet.index, joined);
    const { dts, pts, duration, key } = packet;
    const us = (ticks: number) => Math.round(secondsOf(ticks, stream) * 1_000_000);
    const time = dts ?? (kind === 'video' ? undefined : pts);
    const shiftUs = joined.take(time === undefined ? undefined : us(time), us(duration), key);
    if (shiftUs === undefined) return undefined;
    const shift = Math.round((shiftUs * stream.timeScale) / (stream.timeStep * 1_000_000));
    return {
      ...packet,
      pts: pts === undefined ? undefined : pts + shift,
      dts: dts === undefined ? undefined : dts + shift,
    };
  }

  /** What joining has left out. */
  get #cut(): { readonly pictures: number; readonly soundS: number } {
    const cut = [...this.#joined.values()].map(({ leftOut }) => leftOut);
    return {
      pictures: cut.reduce((sum, piece) => sum + piece.pictures, 0),
      soundS: Math.max(0, ...cut.map(({ soundUs }) => soundUs)) / 1_000_000,
    };
  }

  /** A stream of which only times are read. */
  #streamOf(index: number): DemuxStream | undefined {
    return index === this.#reference.index ? this.#reference : this.#sounds.get(index);
  }

  /** A packet that is not stored; one that an edit list hides does not exist. */
  #takeTime({ index, hidden, pts, dts, duration }: DemuxPacket, times: number[]): void {
    if (hidden) return;
    const time = pts ?? dts;
    const stream = this.#streamOf(index);
    if (!stream) return;
    const us = (ticks: number) => Math.round(secondsOf(ticks, stream) * 1_000_000);
    if (time === undefined) this.#untimed++;
    else if (stream === this.#reference) times.push(us(time));
    else this.sound.add(us(time), us(duration));
  }
}

/** A conversion of the first packets, which does not touch the conversion of the file. */
function probeOf({ stream, id }: PacketTrack): {
  readonly track: Track | undefined;
  take(packet: DemuxPacket): unknown;
  again(): PacketTrack;
} {
  const make = () => (stream.kind === 'video' ? new VideoPackets(stream, id) : new AudioPackets(stream, id));
  const probe = make();
  return {
    get track() {
      return probe.track;
    },
    take: (packet) => probe.take(packet),
    // Its configuration is known, its times begin again.
    again: () => {
      const fresh = make();
      fresh.adopt(probe);
      return fresh;
    },
  };
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
}
