/**
 * Converts the packets of an audio stream into frames whose times follow from their samples.
 * In: packets of FFmpeg's demuxers. Out: a track, and frames in ticks of its sample rate.
 *
 * Containers round times to a millisecond or more: frames that nearly join by their times join exactly here.
 */

import { adtsConfig, parseAdtsHeader } from '@oxbow/media/aac/adts';
import { aacConfigFromRecord } from '@oxbow/media/aac/config';
import { ac3Config, eac3Config } from '@oxbow/media/ac3/config';
import { type Eac3Header, parseSyncframe } from '@oxbow/media/ac3/syncframe';
import { FormatError } from '@oxbow/media/errors';
import { parseFlacFrameHeader } from '@oxbow/media/flac/frame-header';
import { flacConfigFromHeader } from '@oxbow/media/flac/stream-info';
import type { AudioConfig, AudioTrack, Frame } from '@oxbow/media/frame';
import { mp3Config, parseMp3Header } from '@oxbow/media/mp3/header';
import { opusConfigFromHead } from '@oxbow/media/opus/head';
import { opusSamples } from '@oxbow/media/opus/packet';
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { audioFrameS } from '../../packager/audio-frame.ts';
import { bytesOfBase64, type PacketTrack, secondsOf, trackBase } from './packet-base.ts';

/** Smaller differences between the times of a container and the samples so far are rounding, s. */
const JITTER_S = 0.004;
/** Codecs by their names in FFmpeg. */
const READERS: Readonly<Record<string, UnitReader>> = {
  aac: readAac,
  mp3: readMp3,
  ac3: readAc3,
  eac3: readAc3,
  opus: readOpus,
  flac: readFlac,
};

/** An access unit without headers of its container. */
interface Unit {
  readonly config: AudioConfig;
  readonly data: Uint8Array;
  /** At the rate of the configuration. */
  readonly samples: number;
}

/** @param current configuration of the packets before */
type UnitReader = (data: Uint8Array, extradata: Uint8Array, current: AudioConfig | undefined) => Unit;

function readAac(data: Uint8Array, extradata: Uint8Array, current: AudioConfig | undefined): Unit {
  const header = extradata.length === 0 ? parseAdtsHeader(data, 0, data.length) : undefined;
  if (extradata.length === 0 && !header) throw new FormatError('AAC without a configuration', 0);
  const config = current ?? (header ? adtsConfig(header) : aacConfigFromRecord(extradata));
  if (!config || (header && header.blocks > 1)) throw new FormatError('AAC in a form that MP4 cannot have', 0);
  const samples = Math.round(audioFrameS(config) * config.sampleRate);
  return { config, data: header ? data.subarray(header.headerBytes) : data, samples };
}

function readMp3(data: Uint8Array, _: Uint8Array, config: AudioConfig | undefined): Unit {
  const header = parseMp3Header(data, 0, data.length);
  if (!header) throw new FormatError('a frame of MP3 without its header', 0);
  if (header.layer !== 3) throw new FormatError('MPEG audio of another layer than III', 0);
  return { config: config ?? mp3Config(header), data, samples: header.samples };
}

function readAc3(data: Uint8Array, _: Uint8Array, config: AudioConfig | undefined): Unit {
  const first = parseSyncframe(data, 0, data.length);
  if (!first) throw new FormatError('a frame of AC-3 without its header', 0);
  if (first.codec === 'ac3') return { config: config ?? ac3Config(first), data, samples: first.samples };
  const headers: Eac3Header[] = [];
  for (let at = 0; at < data.length; ) {
    const header = parseSyncframe(data, at, data.length);
    if (header?.codec !== 'eac3') break;
    headers.push(header);
    at += header.frameBytes;
  }
  const samples = headers.reduce(
    (sum, frameHeader) => sum + (frameHeader.dependent || frameHeader.substream !== 0 ? 0 : frameHeader.samples),
    0,
  );
  return { config: config ?? eac3Config(headers), data, samples };
}

function readOpus(data: Uint8Array, extradata: Uint8Array, config: AudioConfig | undefined): Unit {
  const samples = opusSamples(data);
  if (!samples) throw new FormatError('a malformed packet of Opus', 0);
  return { config: config ?? opusConfigFromHead(extradata), data, samples };
}

function readFlac(data: Uint8Array, extradata: Uint8Array, config: AudioConfig | undefined): Unit {
  const header = parseFlacFrameHeader(data);
  if (!header) throw new FormatError('a frame of FLAC without its header', 0);
  return { config: config ?? flacConfigFromHeader(extradata), data, samples: header.samples };
}

/** Whether audio of this stream can be stored without encoding. */
export function isAudioPassable({ codec }: DemuxStream): boolean {
  return codec in READERS;
}

/** One audio stream. */
export class AudioPackets implements PacketTrack {
  readonly stream: DemuxStream;
  readonly id: number;
  readonly #read: UnitReader;
  readonly #extradata: Uint8Array;
  #track: AudioTrack | undefined;
  /** End of the last frame, samples. */
  #expected: number | undefined;

  /** @param id of the track */
  constructor(stream: DemuxStream, id: number) {
    this.stream = stream;
    this.id = id;
    this.#read = READERS[stream.codec]!;
    this.#extradata = bytesOfBase64(stream.extradata);
  }

  get track(): AudioTrack | undefined {
    return this.#track;
  }

  take({ pts, dts, data }: DemuxPacket): readonly Frame[] {
    if (data.length === 0) return [];
    const unit = this.#read(data, this.#extradata, this.#track?.config);
    const { sampleRate } = unit.config;
    const time = pts ?? dts;
    if (time === undefined && this.#expected === undefined) throw new FormatError('sound without a time', 0);
    this.#track ??= {
      kind: 'audio',
      id: this.id,
      timescale: sampleRate,
      ...trackBase(this.stream),
      config: unit.config,
    };
    const stated = time === undefined ? undefined : Math.round(secondsOf(time, this.stream) * sampleRate);
    const at = this.#place(stated, Math.max(JITTER_S, (2 * this.stream.timeStep) / this.stream.timeScale) * sampleRate);
    this.#expected = at + unit.samples;
    return [{ trackId: this.id, dts: at, pts: at, duration: unit.samples, key: true, data: unit.data }];
  }

  adopt({ track }: PacketTrack): void {
    if (track?.kind === 'audio') this.#track = track;
  }

  end(): readonly Frame[] {
    return [];
  }

  /** Where a frame begins: where the one before it ends, unless there is a hole. Time never goes back. */
  #place(stated: number | undefined, jitter: number): number {
    const expected = this.#expected;
    if (expected === undefined) return stated ?? 0;
    return stated !== undefined && stated - expected > jitter ? stated : expected;
  }
}
