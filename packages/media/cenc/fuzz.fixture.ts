/**
 * Damaged fragments, init sections, slices, parameter sets and pssh boxes for the writers of this folder.
 * In: a seed and how many. Out: how many were encrypted or read. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { BitWriter } from '../bits.ts';
import { FormatError } from '../errors.ts';
import type { Track } from '../frame.ts';
import { h264Config } from '../h264/avcc.ts';
import { h264HeaderLength, parseH264HeaderPps } from '../h264/slice-header.ts';
import { parseH264Sps } from '../h264/sps.ts';
import { type HevcHeaderPps, type HevcHeaderSps, parseHevcHeaderPps, parseHevcHeaderSps } from '../hevc/header-sets.ts';
import { hevcHeaderLength } from '../hevc/slice-header.ts';
import { printInit } from '../isobmff/init.ts';
import { audioTrack, framesOf, videoTrack } from '../isobmff/media.fixture.ts';
import { fragmentsOf } from '../isobmff/real-media.fixture.ts';
import { seeded } from '../random.fixture.ts';
import { FragmentEncryption } from './encrypt-fragments.ts';
import { protectInit } from './protect-init.ts';
import type { ContentKey } from './protection.ts';
import { parsePssh, printPssh } from './pssh.ts';

const key: ContentKey = { kid: new Uint8Array(16), key: new Uint8Array(16), iv: new Uint8Array(16) };
/** Inverts bytes in place of AES: what is encrypted is visible. */
const invert = (_key: Uint8Array, _iv: Uint8Array, blocks: Uint8Array) => blocks.map((byte) => byte ^ 0xff);

/** An SPS of 160x96 and a PPS with CABAC and control of deblocking. */
const sps = new BitWriter().u(0x6742000b, 32).u(0b1_1_011_010_0_0001010_00110_1_1_0_0_1, 26).finish();
const pps = new BitWriter().u(0x68, 8).u(0b1_1_1_0_1_1_1_0_00_1_1_1_1_0_0_1, 17).finish();
const track: Track = { ...videoTrack, config: { ...h264Config([sps], [pps]), width: 160, height: 90 } } as Track;

function attempt(task: () => void): boolean {
  try {
    task();
    return true;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return false;
  }
}

function damaged(good: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = good.slice(0, random(4) === 0 ? random(good.length + 1) : good.length);
  for (let i = 1 + random(6); i > 0 && bytes.length > 0; i--) bytes[random(bytes.length)] = random(256);
  return bytes;
}

/** Fragments and init sections with changed bytes; boxes with changed bytes. Returns how many passed. */
export function fuzzEncryption(seed: number, count: number): number {
  const random = seeded(seed);
  const tracks = [track, audioTrack];
  // An unknown NAL unit type is clear; the others are slices of random bytes.
  const frames = tracks.flatMap((each) => framesOf(each, 6));
  for (const frame of frames) if (frame.trackId === track.id) frame.data[4] = random(2) === 0 ? 0x41 : 0x06;
  const fragments = fragmentsOf(tracks, frames);
  const init = printInit(tracks);
  const pssh = printPssh({ system: 'edef8ba9-79d6-4ace-a3c8-27dcd51d21ed', kids: [key.kid], data: key.key });
  let passed = 0;
  for (let round = 0; round < count; round++) {
    const encryption = new FragmentEncryption({ tracks, keyOf: () => key, encrypt: invert });
    if (attempt(() => encryption.encrypt(damaged(fragments, random)))) passed++;
    if (attempt(() => protectInit(damaged(init, random), { keyOf: () => key, pssh: [pssh] }))) passed++;
    if (attempt(() => assert.equal(parsePssh(damaged(pssh, random)).system.length, 36))) passed++;
  }
  return passed;
}

/** Random slices and parameter sets: a header within the NAL unit, or a FormatError. Returns the headers. */
export function fuzzSliceHeaders(seed: number, count: number): number {
  const random = seeded(seed);
  let headers = 0;
  for (let round = 0; round < count; round++) {
    const bits = new BitWriter();
    for (let i = 8 + random(120); i > 0; i--) bits.u(random(4) === 0 ? random(256) : 255 - random(40), 8);
    const bytes = bits.finish();
    const within = (length: number) => {
      assert.ok(length > 0 && length <= bytes.length);
      headers++;
    };
    attempt(() => {
      const sets = { sps: parseH264Sps(sps), pps: parseH264HeaderPps(pps) };
      bytes[0] = random(2) === 0 ? 0x65 : 0x41;
      within(h264HeaderLength(bytes, 0, bytes.length, (id) => (id < 3 ? sets : undefined)));
    });
    attempt(() => assert.ok(parseH264HeaderPps(bytes).id <= 255));
    attempt(() => {
      const sets = { sps: randomSps(random), pps: randomPps(random) };
      bytes[0] = random(32) << 1;
      within(hevcHeaderLength(bytes, 0, bytes.length, (id) => (id < 30 ? sets : undefined)));
    });
    attempt(() => assert.ok(parseHevcHeaderPps(bytes).id <= 63));
    attempt(() => assert.ok(parseHevcHeaderSps(bytes).sets.length <= 64));
  }
  return headers;
}

type Random = (below: number) => number;

function randomSps(random: Random): HevcHeaderSps {
  const set = [
    { delta: -1, isUsed: true },
    { delta: 2, isUsed: random(2) === 0 },
  ];
  return {
    id: 0,
    separatePlanes: random(8) === 0,
    hasChroma: random(2) === 0,
    addressBits: random(10),
    orderBits: 4 + random(13),
    adaptiveOffset: random(2) === 0,
    sets: Array.from({ length: random(5) }, () => set),
    longTerm: random(2) === 0 ? undefined : [true, false, true],
    temporalMotion: random(2) === 0,
  };
}

function randomPps(random: Random): HevcHeaderPps {
  const flag = () => random(2) === 0;
  return {
    id: 0,
    spsId: 0,
    dependentSegments: flag(),
    outputFlagPresent: flag(),
    extraBits: random(3),
    cabacInit: flag(),
    references: [1 + random(4), 1 + random(4)],
    chromaOffsets: flag(),
    weightedPrediction: flag(),
    weightedBiprediction: flag(),
    entryPoints: flag(),
    filterAcrossSlices: flag(),
    deblockingOverride: flag(),
    deblockingDisabled: flag(),
    listsModification: flag(),
    headerExtension: flag(),
    chromaOffsetLists: flag(),
  };
}
