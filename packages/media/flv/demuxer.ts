/**
 * Parses the messages of an RTMP publisher into tracks and frames.
 * In: bodies of audio, video and script messages with their timestamps, from ingest/rtmp. Out: a
 * DemuxerOutput. Pure. Adobe Flash Video File Format 10.1, annex E; Enhanced RTMP v2. docs/media.md 12
 * and 13.
 */
import { FormatError } from '../errors.ts';
import type { DemuxerOutput } from '../frame.ts';
import { FlvAudioTrack } from './audio-track.ts';
import { FlvClock } from './clock.ts';
import { type FlvPacket, PACKET } from './message.ts';
import { type FlvRates, parseMetadata } from './metadata.ts';
import { parseAudioMessage, parseVideoMessage } from './packets.ts';
import type { FlvTrack, TrackOutput } from './track-output.ts';
import { type FlvKind, FlvTrackSet, isTrackTaken, type Slot } from './track-set.ts';
import { FlvVideoTrack } from './video-track.ts';

/** This many malformed messages in a row end the connection. */
const MAX_DAMAGED = 500;

/** Parses the messages of one connection. */
export interface FlvDemuxer {
  /**
   * @param body of the message; views of it become frames, so it must not be changed afterwards
   * @param timestampMs 0 to 2^32 - 1
   * @throws FormatError after 500 malformed messages in a row; the demuxer cannot be used again
   */
  audio(body: Uint8Array, timestampMs: number): void;
  /** As `audio`. */
  video(body: Uint8Array, timestampMs: number): void;
  /** A script message, AMF0: only onMetaData is used. @throws FormatError as `audio` */
  data(body: Uint8Array, timestampMs: number): void;
  /** The connection pauses or ends: delivers the frames that wait. */
  flush(): void;
  /** Name of the encoder from onMetaData, at most 120 characters; undefined if it gave none. */
  readonly encoder: string | undefined;
  /** Rates from the last onMetaData; undefined before it. */
  readonly rates: FlvRates | undefined;
}

/**
 * Creates a demuxer. Tracks are announced when audio and video have their configurations, when those that
 * onMetaData lists have them, or after a second of media, two where one that it lists has none.
 */
export function createFlvDemuxer(output: DemuxerOutput): FlvDemuxer {
  return new Demuxer(output);
}

interface Track {
  readonly slot: Slot;
  readonly parser: FlvTrack;
}

class Demuxer implements FlvDemuxer {
  readonly #out: DemuxerOutput;
  readonly #set: FlvTrackSet;
  readonly #clock = new FlvClock();
  readonly #tracks: Readonly<Record<FlvKind, (Track | undefined)[]>> = { video: [], audio: [] };
  #damaged = 0;
  #encoder: string | undefined;
  #rates: FlvRates | undefined;

  constructor(out: DemuxerOutput) {
    this.#out = out;
    this.#set = new FlvTrackSet(out);
  }

  get rates(): FlvRates | undefined {
    return this.#rates;
  }

  get encoder(): string | undefined {
    return this.#encoder;
  }

  audio(body: Uint8Array, timestampMs: number): void {
    this.#message('audio', body, timestampMs);
  }

  video(body: Uint8Array, timestampMs: number): void {
    this.#message('video', body, timestampMs);
  }

  data(body: Uint8Array, _timestampMs: number): void {
    try {
      const metadata = parseMetadata(body);
      if (!metadata) return;
      this.#encoder = metadata.encoder ?? this.#encoder;
      this.#rates = metadata.rates;
      this.#set.announced(metadata);
    } catch (error) {
      this.#damage(error);
    }
  }

  flush(): void {
    for (const tracks of [this.#tracks.video, this.#tracks.audio]) for (const track of tracks) track?.parser.flush();
    this.#set.announce();
  }

  #message(kind: FlvKind, body: Uint8Array, timestampMs: number): void {
    try {
      const packets = kind === 'video' ? parseVideoMessage(body) : parseAudioMessage(body);
      // Encoders send configurations with the time 0, which says nothing of their clock.
      const hasFrames = packets.some(({ type }) => type === PACKET.codedFrames);
      const timeMs = hasFrames ? this.#clock.unwrap(timestampMs) : 0;
      if (hasFrames) this.#set.at(timeMs);
      for (const packet of packets) this.#packet(kind, packet, body, timeMs);
      if (packets.length > 0) this.#damaged = 0;
    } catch (error) {
      this.#damage(error);
    }
  }

  #packet(kind: FlvKind, packet: FlvPacket, body: Uint8Array, timeMs: number): void {
    const { trackId } = packet;
    if (!isTrackTaken(trackId)) throw new FormatError(`a ${kind} track with number ${trackId}`, packet.from);
    const track = this.#tracks[kind][trackId] ?? this.#add(kind, trackId);
    track.parser.packet(packet, body, timeMs);
  }

  #add(kind: FlvKind, trackId: number): Track {
    const set = this.#set;
    const slot = set.add(kind, trackId);
    const output: TrackOutput = {
      configured: (setup) => set.configured(slot, setup),
      frame: (frame) => set.frame(frame),
      damage: (reason) => this.#out.damage(reason),
      refused: (track) => set.refused(slot, track),
    };
    const parser = kind === 'video' ? new FlvVideoTrack(slot.id, output) : new FlvAudioTrack(slot.id, output);
    const track = { slot, parser };
    this.#tracks[kind][trackId] = track;
    return track;
  }

  /** Counts a malformed message. */
  #damage(error: unknown): void {
    if (!(error instanceof FormatError)) throw error;
    this.#damaged++;
    if (this.#damaged >= MAX_DAMAGED) {
      throw new FormatError(`${this.#damaged} malformed messages in a row, the last: ${error.message}`, error.offset);
    }
    this.#out.damage(error.message);
  }
}
