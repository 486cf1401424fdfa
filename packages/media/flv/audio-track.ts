/**
 * One audio track of FLV: packets to frames.
 * In: packets of AAC, MP3, Opus, FLAC, AC-3 or E-AC-3. Out: configurations, access units timed in ticks of
 * the sample rate. Enhanced RTMP v2, "ExAudioTagBody"; Adobe Flash Video File Format 10.1, E.4.2.
 */

import { parseAdtsHeader } from '../aac/adts.ts';
import { aacConfigFromRecord, parseAacConfig } from '../aac/config.ts';
import { ac3Config, eac3Config } from '../ac3/config.ts';
import { type Eac3Header, parseSyncframe } from '../ac3/syncframe.ts';
import { sameBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { parseFlacFrameHeader } from '../flac/frame-header.ts';
import { flacConfigFromHeader } from '../flac/stream-info.ts';
import { foreignTrack } from '../foreign-codecs.ts';
import type { AudioConfig } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { mp3Config, parseMp3Header } from '../mp3/header.ts';
import { opusConfigFromHead } from '../opus/head.ts';
import { OPUS_RATE, opusSamples } from '../opus/packet.ts';
import { AudioTimes } from './audio-times.ts';
import { type FlvPacket, FOUR_CC, fourCcText, PACKET } from './message.ts';
import type { FlvTrack, TrackOutput } from './track-output.ts';

/** Most syncframes of one access unit, and most frames of one message. */
const MAX_PIECES = 64;

/** The current configuration of a track. */
interface Current {
  readonly codec: number;
  readonly config: AudioConfig;
  /** Ticks per second of its frames. */
  readonly rate: number;
  /** Of an AAC frame; the others say it themselves. */
  readonly samples: number;
  readonly times: AudioTimes;
}

/** Parses the packets of one audio track. */
export class FlvAudioTrack implements FlvTrack {
  readonly #id: number;
  readonly #out: TrackOutput;
  #current: Current | undefined;

  /** @param id of the stream's track */
  constructor(id: number, out: TrackOutput) {
    this.#id = id;
    this.#out = out;
  }

  packet(packet: FlvPacket, body: Uint8Array, timeMs: number): void {
    const { codec, type, from, to, unsupported } = packet;
    if (unsupported !== undefined) {
      this.#refuse({ kind: 'audio', name: unsupported });
      return;
    }
    if (type === PACKET.sequenceStart) this.#configure(codec, Uint8Array.from(body.subarray(from, to)));
    if (type !== PACKET.codedFrames || from === to) return;
    switch (codec) {
      case FOUR_CC.mp4a:
        this.#aac(body, packet, timeMs);
        break;
      case FOUR_CC.opus:
        this.#opus(body, packet, timeMs);
        break;
      case FOUR_CC.flac:
        this.#flac(body, packet, timeMs);
        break;
      case FOUR_CC.mp3:
        this.#mp3(body, packet, timeMs);
        break;
      case FOUR_CC.ac3:
      case FOUR_CC.eac3:
        this.#ac3(body, packet, timeMs);
        break;
      default:
        this.#refuse(foreignTrack(fourCcText(codec), 'audio'));
    }
  }

  flush(): void {}

  #refuse(track: LeftOutTrack): void {
    this.#current = undefined;
    this.#out.refused(track);
  }

  #configure(codec: number, record: Uint8Array): void {
    if (codec === FOUR_CC.mp4a) {
      if (record.length === 0) return;
      const { sampleRate, samplesPerFrame } = parseAacConfig(record);
      this.#use(codec, aacConfigFromRecord(record), sampleRate, samplesPerFrame);
    } else if (codec === FOUR_CC.opus) {
      this.#use(codec, opusConfigFromHead(record), OPUS_RATE);
    } else if (codec === FOUR_CC.flac) {
      const config = flacConfigFromHeader(record);
      this.#use(codec, config, config.sampleRate);
    } else if (codec !== FOUR_CC.mp3 && codec !== FOUR_CC.ac3 && codec !== FOUR_CC.eac3) {
      this.#refuse(foreignTrack(fourCcText(codec), 'audio'));
    }
  }

  /** Takes a configuration, and reports it if it changed. */
  #use(codec: number, config: AudioConfig, rate: number, samples = 0): Current {
    const before = this.#current;
    const isSame =
      before?.codec === codec &&
      before.rate === rate &&
      before.config.codecs === config.codecs &&
      before.config.channels === config.channels &&
      sameBytes(before.config.record, config.record);
    if (isSame) return before;
    const times = before?.rate === rate ? before.times : new AudioTimes(rate);
    const current = { codec, config, rate, samples, times };
    this.#current = current;
    this.#out.configured({ kind: 'audio', config, timescale: rate });
    return current;
  }

  #aac(body: Uint8Array, packet: FlvPacket, timeMs: number): void {
    const current = this.#current;
    if (current?.codec !== FOUR_CC.mp4a) throw new FormatError('an AAC frame before its configuration', packet.from);
    // Some encoders leave the ADTS header before the frame.
    const adts = parseAdtsHeader(body, packet.from, packet.to);
    const isAdts = adts !== undefined && adts.frameBytes === packet.to - packet.from;
    const from = isAdts ? packet.from + adts.headerBytes : packet.from;
    this.#emit(current, packet, timeMs, current.samples, body.subarray(from, packet.to));
  }

  #opus(body: Uint8Array, packet: FlvPacket, timeMs: number): void {
    const current = this.#current;
    if (current?.codec !== FOUR_CC.opus) throw new FormatError('an Opus packet before its header', packet.from);
    const samples = opusSamples(body, packet.from, packet.to);
    if (samples === undefined) throw new FormatError('a malformed Opus packet', packet.from);
    this.#emit(current, packet, timeMs, samples, body.subarray(packet.from, packet.to));
  }

  /** One frame; its header says how many samples it has, so the last one may be shorter. */
  #flac(body: Uint8Array, packet: FlvPacket, timeMs: number): void {
    const current = this.#current;
    if (current?.codec !== FOUR_CC.flac) throw new FormatError('a FLAC frame before its header', packet.from);
    const header = parseFlacFrameHeader(body, packet.from, packet.to);
    if (header === undefined) throw new FormatError('a malformed FLAC frame', packet.from);
    const { sampleRate = current.rate, channels, samples } = header;
    if (sampleRate !== current.rate || channels !== current.config.channels) {
      throw new FormatError('a FLAC frame of another rate or with other channels than its configuration', packet.from);
    }
    this.#emit(current, packet, timeMs, samples, body.subarray(packet.from, packet.to));
  }

  #mp3(body: Uint8Array, packet: FlvPacket, timeMs: number): void {
    let at = packet.from;
    let laterMs = 0;
    for (let pieces = 0; at < packet.to; pieces++) {
      const header = parseMp3Header(body, at, packet.to);
      if (!header || at + header.frameBytes > packet.to || pieces === MAX_PIECES) {
        throw new FormatError('a malformed MP3 frame', at);
      }
      if (header.layer !== 3) {
        this.#refuse({ kind: 'audio', name: `MPEG audio layer ${header.layer}` });
        return;
      }
      const current = this.#use(packet.codec, mp3Config(header), header.sampleRate);
      const data = body.subarray(at, at + header.frameBytes);
      this.#emit(current, packet, timeMs + laterMs, header.samples, data);
      laterMs += (header.samples * 1000) / header.sampleRate;
      at += header.frameBytes;
    }
  }

  /** One access unit: a syncframe of AC-3, or those of E-AC-3 that belong together. */
  #ac3(body: Uint8Array, packet: FlvPacket, timeMs: number): void {
    const headers: Eac3Header[] = [];
    let samples = 0;
    for (let at = packet.from; at < packet.to; ) {
      const header = parseSyncframe(body, at, packet.to);
      if (!header || at + header.frameBytes > packet.to || headers.length === MAX_PIECES) {
        throw new FormatError('a malformed AC-3 frame', at);
      }
      if (header.codec === 'ac3') {
        const current = this.#use(packet.codec, ac3Config(header), header.sampleRate);
        this.#emit(current, packet, timeMs, header.samples, body.subarray(packet.from, packet.to));
        return;
      }
      if (!header.dependent && header.substream === 0) samples += header.samples;
      headers.push(header);
      at += header.frameBytes;
    }
    if (samples === 0) throw new FormatError('an E-AC-3 frame without an independent substream', packet.from);
    const rate = headers[0]!.sampleRate;
    const current = this.#current;
    // The record states the data rate, which varies: only the shape of the first syncframes counts.
    const isSame = current?.codec === packet.codec && current.rate === rate && current.config.codec === 'eac3';
    const config = eac3Config(headers);
    const used =
      isSame && sameBytes(current.config.record.subarray(2), config.record.subarray(2))
        ? current
        : this.#use(packet.codec, config, rate);
    this.#emit(used, packet, timeMs, samples, body.subarray(packet.from, packet.to));
  }

  #emit({ times }: Current, packet: FlvPacket, timeMs: number, samples: number, data: Uint8Array): void {
    const time = times.place(timeMs, packet.nanoseconds, samples);
    if (time === undefined || time < 0) {
      const where = time === undefined ? 'after its time' : 'before the start of the timeline';
      this.#out.damage(`an audio frame came ${where}`);
      return;
    }
    this.#out.frame({ trackId: this.#id, dts: time, pts: time, duration: samples, key: true, data });
  }
}
