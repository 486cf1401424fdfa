/**
 * Tracks and frames of each codec for the tests of RTP output, and what a receiver reads of their payloads.
 * In: sizes, payloads. Out: tracks, frames, units. Used by tests only. Pure.
 */
import assert from 'node:assert/strict';
import { av1Config } from '../../av1/sequence-header.ts';
import { BitWriter } from '../../bits.ts';
import { concatBytes } from '../../bytes.ts';
import type { AudioConfig, Frame, Track, VideoConfig } from '../../frame.ts';
import { h264Config } from '../../h264/avcc.ts';
import { opusTrack, vp9Track } from '../../isobmff/media.fixture.ts';
import { PPS, printSps } from '../../mpegts/packets.fixture.ts';
import { createDepacketizer } from '../payload/depacketizer.ts';
import type { PayloadCodec, Unit } from '../payload/payload.ts';
import { createPacketizer, type Packetizer } from './packetizer.ts';

const base = { id: 1, timescale: 90_000, language: 'und', label: '' } as const;

/** VPS, SPS and PPS of HEVC; only their headers are valid. */
export const hevcSets = {
  vps: Uint8Array.of(0x40, 1, 0x0c, 1),
  sps: Uint8Array.of(0x42, 1, 2, 3, 4),
  pps: Uint8Array.of(0x44, 1, 0xc1),
};

function hevcRecord(): Uint8Array {
  const head = [1, 0x21, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 3];
  const arrays = Object.values(hevcSets).flatMap((nal) => [(nal[0]! >> 1) | 0x80, 0, 1, 0, nal.length, ...nal]);
  return Uint8Array.from([...head, ...arrays]);
}

/** A sequence header of AV1 with its size: level 2.1, 64×48. */
function av1Header(): Uint8Array {
  const bits = new BitWriter().u(0, 3).u(3, 2).u(1, 5); // profile, reduced header, level
  bits.u(5, 4).u(5, 4).u(63, 6).u(47, 6).u(0, 12).u(0x80, 8);
  const header = bits.finish();
  return concatBytes([Uint8Array.of(0x0a, header.length), header]);
}

/** A track of each codec that can be sent. */
export const tracks = {
  h264: { ...base, kind: 'video', config: h264Config([printSps()], [PPS]) },
  hevc: {
    ...base,
    kind: 'video',
    config: { codec: 'hevc', record: hevcRecord(), codecs: 'hvc1.1.6.H93.90', width: 64, height: 48 },
  },
  av1: { ...base, kind: 'video', config: av1Config(av1Header()) },
  vp9: vp9Track,
  opus: opusTrack,
} satisfies Record<string, Track>;

/** A track of another record. */
export function withRecord(track: Track & { config: VideoConfig | AudioConfig }, record: Uint8Array): Track {
  return { ...track, config: { ...track.config, record } } as Track;
}

/** The packetizer of a track that is not refused. */
export function packetizerOf(track: Track, maxBytes = 1100): Packetizer {
  const packetizer = createPacketizer(track, maxBytes);
  assert.ok('payloads' in packetizer);
  return packetizer;
}

/** A frame with these bytes. */
export function frameOf(data: Uint8Array, { key = true, pts = 0, duration = 3000 } = {}): Frame {
  return { trackId: 1, dts: pts, pts, duration, key, data };
}

/** NAL units as a sample. */
export function sampleOf(...nals: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    nals.flatMap((nal) => [Uint8Array.of(nal.length >> 24, nal.length >> 16, nal.length >> 8, nal.length), nal]),
  );
}

/** A NAL unit or OBU of `size` bytes that begins with `head`. */
export function filled(size: number, ...head: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => 1 + (i % 251));
  bytes.set(head);
  return bytes;
}

/** Bytes in hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What a receiver reads of the payloads of frames. */
export function readBack(codec: PayloadCodec, frames: readonly (readonly Uint8Array[])[]): Unit[] {
  const units: Unit[] = [];
  const depacketizer = createDepacketizer(
    { codec, clockRate: codec === 'opus' ? 48_000 : 90_000, parameters: new Map() },
    {
      config: () => {},
      unit: (unit) => units.push(unit),
      damage: (reason) => assert.fail(reason),
      refused: ({ name }) => assert.fail(name),
    },
  );
  let sequence = 0;
  for (const [timestamp, payloads] of frames.entries()) {
    for (const [i, payload] of payloads.entries()) {
      const marker = i === payloads.length - 1;
      depacketizer.push({ payloadType: 96, ssrc: 1, sequence: sequence++ & 0xffff, timestamp, marker, payload });
    }
  }
  return units;
}
