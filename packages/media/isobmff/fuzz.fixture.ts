/**
 * Damaged copies of good input for the parsers of this folder; what comes out other than FormatError is a
 * bug.
 * In: a seed and how many copies. Out: nothing, or what was thrown. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { concatBytes } from '../bytes.ts';
import { FormatError, OxbowError } from '../errors.ts';
import type { Track } from '../frame.ts';
import { seeded } from '../random.fixture.ts';
import { readBoxes } from './box.ts';
import { createFmp4Demuxer } from './demuxer.ts';
import { parseEmsg } from './emsg.ts';
import { parseInit, printInit } from './init.ts';
import {
  allTracks,
  audioTrack,
  av1Track,
  flacTrack,
  framesOf,
  fuzz,
  hevcTrack,
  opusTrack,
  videoTrack,
  vp9Track,
} from './media.fixture.ts';
import { parseMovie } from './movie/progressive.ts';
import { emsgBox, fragmentsOf, sealedFile } from './real-media.fixture.ts';
import { parseDac3, parseDec3, parseDOps } from './sample-entry/audio-records.ts';

/** Init segments with a sample entry of each codec. */
export function fuzzSampleEntries(seed: number, count: number): void {
  for (const [i, track] of allTracks.entries()) {
    fuzz(printInit([track]), Math.ceil(count / allTracks.length), (bytes) => parseInit(bytes), seed + i);
  }
}

/**
 * Random bodies of dac3, dec3 and dOps: rates and channels that there are, or a FormatError.
 *
 * @returns how many were read
 */
export function fuzzAudioRecords(seed: number, count: number): number {
  const random = seeded(seed);
  let read = 0;
  for (let round = 0; round < count; round++) {
    const record = Uint8Array.from({ length: random(16) }, () => random(256));
    if (random(2) === 0) record.fill(0, 0, 1);
    for (const parse of [parseDac3, parseDec3, parseDOps]) {
      try {
        const { sampleRate, channels } = parse(record);
        assert.ok([32_000, 44_100, 48_000].includes(sampleRate) && channels > 0 && channels < 256);
        read++;
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
  }
  return read;
}

const event = emsgBox({
  version: 1,
  scheme: 'https://aomedia.org/emsg/ID3',
  timescale: 1000,
  time: 40,
  duration: 1,
  id: 3,
  data: Uint8Array.of(0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 0),
});

/** Event messages of both versions. */
export function fuzzEmsg(seed: number, count: number): void {
  const old = emsgBox({
    version: 0,
    scheme: 'urn:scte:scte35:2013:bin',
    timescale: 90_000,
    time: 9,
    duration: 0,
    id: 1,
    data: Uint8Array.of(0xfc, 0x30),
  });
  const parse = (bytes: Uint8Array) => {
    for (const box of readBoxes(bytes)) parseEmsg(bytes, box);
  };
  fuzz(event, Math.ceil(count / 2), parse, seed);
  fuzz(old, Math.ceil(count / 2), parse, seed + 1);
}

/** Fragmented files of several codecs, with parameter sets in band and events. */
export function fuzzDemuxerForms(seed: number, count: number): void {
  const sets: readonly (readonly Track[])[] = [
    [av1Track, opusTrack],
    [vp9Track, audioTrack],
    [hevcTrack, audioTrack],
    [videoTrack, opusTrack],
    [av1Track, flacTrack],
  ];
  for (const [i, tracks] of sets.entries()) {
    const init = Buffer.from(printInit(tracks));
    for (const [plain, inBand] of [
      ['avc1', 'avc3'],
      ['hvc1', 'hev1'],
    ] as const) {
      if (init.includes(plain, 80)) init.write(inBand, init.indexOf(plain, 80));
    }
    const media = fragmentsOf(
      tracks,
      tracks.flatMap((track) => framesOf(track, 8)),
    );
    const good = concatBytes([init, event, media, event, media]);
    const parse = (bytes: Uint8Array) => {
      const demuxer = createFmp4Demuxer({ tracks() {}, frame() {}, damage() {} });
      try {
        demuxer.push(bytes);
        demuxer.flush();
      } catch (error) {
        if (!(error instanceof OxbowError)) throw error; // the damage made it look encrypted
      }
    };
    fuzz(good, Math.ceil(count / sets.length), parse, seed + i);
  }
}

/** Moovs with sample tables: every sample is walked to. */
export function fuzzSampleTables(seed: number, count: number): void {
  const tracks = [videoTrack, audioTrack];
  const file = sealedFile(
    tracks,
    tracks.flatMap((track) => framesOf(track, 40)),
  );
  const moov = readBoxes(file).at(-1)!;
  fuzz(
    file.slice(moov.start),
    count,
    (bytes) => {
      const [box] = readBoxes(bytes);
      if (box?.type !== 'moov') return;
      try {
        for (const { walk } of parseMovie(bytes, box).tracks) {
          for (let i = 0; i < 1000 && walk.next(); i++);
        }
      } catch (error) {
        if (!(error instanceof OxbowError)) throw error;
      }
    },
    seed,
  );
}
