/**
 * Reads an original through FFmpeg's demuxers.
 * In: an open demuxer. Out: frames of the tracks that can be stored without encoding, or only the times of the reference.
 */
import type { Demuxer, DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { FormatError } from '../../lib/errors.ts';
import type { Frame, Track } from '../../media/frame.ts';
import { AudioPackets, isAudioPassable } from './audio-packets.ts';
import { type ImportLimits, refused } from './limits.ts';
import type { MediaPiece, MediaReader } from './media-reader.ts';
import { type PacketTrack, secondsOf } from './packet-base.ts';
import type { TextPackets } from './text-packets.ts';
import { isVideoPassable, VideoPackets } from './video-packets.ts';

/** Packets that are read before all tracks have shown their configuration. */
const LOOK_AHEAD_BYTES = 32 * 1024 * 1024;
const MAX_WARNINGS = 5;

/** The stream whose frames are the places to cut: the first with pictures that is not a cover, otherwise the first with sound. */
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

/** A file that FFmpeg reads. */
export class PacketReader implements MediaReader {
  readonly #packets: AsyncGenerator<readonly DemuxPacket[], string>;
  readonly #reference: DemuxStream;
  readonly #limits: ImportLimits;
  readonly #position: () => number;
  readonly #warnings: string[];
  readonly #texts: TextPackets;
  #open: readonly PacketTrack[];
  #ahead: (readonly DemuxPacket[])[] = [];
  #damaged = 0;
  #frames = 0;

  constructor(
    demuxer: Demuxer,
    reference: DemuxStream,
    limits: ImportLimits,
    position: () => number,
    texts: TextPackets,
  ) {
    this.#reference = reference;
    this.#limits = limits;
    this.#position = position;
    this.#warnings = [];
    this.#texts = texts;
    this.#open = passable(demuxer.info.streams, reference, this.#warnings);
    const indexes = this.#open.length > 0 ? this.#open.map(({ stream }) => stream.index) : [reference.index];
    this.#packets = demuxer.packets([...indexes, ...texts.indexes]);
  }

  /**
   * Opens a reader; reads until the configurations are known.
   *
   * @param position bytes of the file that were read
   * @param texts gets the packets of subtitles
   */
  static async open(
    demuxer: Demuxer,
    reference: DemuxStream,
    limits: ImportLimits,
    position: () => number,
    texts: TextPackets,
  ): Promise<PacketReader> {
    const reader = new PacketReader(demuxer, reference, limits, position, texts);
    await reader.#lookAhead();
    return reader;
  }

  get tracks(): readonly Track[] {
    return this.#open.map(({ track }) => track!);
  }

  get streams(): readonly number[] {
    return this.#open.map(({ stream }) => stream.index);
  }

  get warnings(): readonly string[] {
    const damaged = this.#damaged > 0 ? [`${this.#damaged} damaged frames were left out.`] : [];
    return [...this.#warnings.slice(0, MAX_WARNINGS), ...damaged];
  }

  /** Pieces of frames wait in here until every track has a configuration; those that show none are left out. */
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
    if (why) this.#warnings.push(`The file ends early: ${why}.`);
  }

  #pieceOf(packets: readonly DemuxPacket[]): MediaPiece {
    const frames: Frame[] = [];
    const times: number[] = [];
    for (const packet of packets) {
      if (++this.#frames > this.#limits.maxFrames * 4) throw refused('The file has too many frames.');
      if (this.#texts.push(packet)) continue;
      const open = this.#open.find(({ stream }) => stream.index === packet.index);
      try {
        if (open) frames.push(...open.take(packet));
        else if (packet.index === this.#reference.index) {
          const time = packet.pts ?? packet.dts;
          if (time !== undefined) times.push(Math.round(secondsOf(time, this.#reference) * 1_000_000));
        }
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.#damaged++;
      }
    }
    return { frames, times, atBytes: this.#position() };
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
