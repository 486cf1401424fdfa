/**
 * Random captions for the parsers of closed captions.
 * In: a seed. Out: how many cues were decoded, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { seeded } from '../random.fixture.ts';
import { isCaptionService } from './caption-channel.ts';
import { captionNal, tripletsOf } from './captions.fixture.ts';
import { CaptionReader } from './cc-data.ts';
import { CaptionDecoder } from './decoder.ts';
import { ServiceDetector } from './services.ts';

/**
 * Reads `count` random pictures: captions come back as they were written, damaged ones never throw, cues are
 * in order.
 */
export function fuzzCaptions(seed: number, count: number): number {
  const random = seeded(seed);
  const reader = new CaptionReader('h264');
  const hevc = new CaptionReader('hevc');
  const detector = new ServiceDetector();
  const ends = new Map<string, number>();
  let cues = 0;
  let atMs = 0;
  const decoder = new CaptionDecoder(({ service, startMs, endMs, text }) => {
    cues++;
    assert.ok(text.trim() !== '' && endMs > startMs && startMs >= (ends.get(service) ?? 0));
    ends.set(service, endMs);
  });
  for (let round = 0; round < count; round++) {
    atMs += random(2000);
    const codes = random(31);
    const triplets = Uint8Array.from({ length: 3 * codes }, (_, i) => byteOf(i % 3));
    const nal = captionNal(triplets);
    const sample = Uint8Array.from([0, 0, nal.length >> 8, nal.length & 0xff, ...nal, 0, 0, 0, 2, 0x65, 0x88]);
    const read = reader.read(sample);
    assert.deepEqual(read?.slice() ?? new Uint8Array(), triplets);
    decoder.add(triplets, atMs);
    detector.add(triplets);
    for (let i = random(4); i >= 0; i--) sample[random(sample.length)] = random(256);
    const damaged = reader.read(sample.subarray(0, random(sample.length + 1)));
    if (damaged) decoder.add(damaged, atMs);
    hevc.read(sample);
  }
  decoder.flush(atMs + 1);
  assert.ok(detector.services.every(isCaptionService));
  return cues;

  /** Mostly commands and letters of both fields. */
  function byteOf(place: number): number {
    if (place === 0) return [0xfc, 0xfd, 0xff, 0xfe, random(256)][random(5)]!;
    const code = place === 1 ? [0x14, 0x1c, 0x11, 0x41, random(128)][random(5)]! : 0x20 + random(0x60);
    return random(20) === 0 ? random(256) : tripletsOf([[code, code]])[1]! | (hasParity(code) ? 0 : 0x80);
  }
}

function hasParity(code: number): boolean {
  return code.toString(2).replaceAll('0', '').length % 2 === 1;
}
