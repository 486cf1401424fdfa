/**
 * Random headers, records and frames for the parsers of FLAC.
 * In: a seed. Out: how many were read, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { flacCrc8, parseFlacFrameHeader } from './frame-header.ts';
import { silentFlacFrame } from './silence.ts';
import { flacConfigFromHeader, parseDfLa, printFlacHeader } from './stream-info.ts';

/**
 * Reads `count` random sequence headers: a record that says the same and a silent frame of it, or a
 * FormatError.
 */
export function fuzzFlacHeader(seed: number, count: number): number {
  const random = seeded(seed);
  let read = 0;
  for (let round = 0; round < count; round++) {
    const header = Uint8Array.from({ length: round % 3 === 0 ? random(50) : 34 + 8 * (round & 1) }, () => random(256));
    if (header.length === 42) header.set([0x66, 0x4c, 0x61, 0x43, random(2) * 0x80, 0, 0, random(8) === 0 ? 33 : 34]);
    try {
      const config = flacConfigFromHeader(header);
      const info = parseDfLa(config.record);
      assert.deepEqual([info.sampleRate, info.channels], [config.sampleRate, config.channels]);
      assert.deepEqual(flacConfigFromHeader(printFlacHeader(config.record)), config);
      const silence = parseFlacFrameHeader(silentFlacFrame(config));
      assert.equal(silence?.samples, info.mostBlock);
      assert.equal(silence.channels, info.channels);
      assert.equal(silence.sampleRate ?? info.sampleRate, info.sampleRate);
      assert.equal(silence.bitDepth ?? info.bitDepth, info.bitDepth);
      read++;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return read;
}

/** Reads `count` random frames, most with a checksum that fits: fields in their ranges, or none. */
export function fuzzFlacFrame(seed: number, count: number): number {
  const random = seeded(seed);
  let headers = 0;
  for (let round = 0; round < count; round++) {
    const bytes = Uint8Array.from({ length: 20 }, () => random(256));
    bytes.set([0xff, 0xf8 | random(2), random(256), random(256) & 0xfe, random(128)]);
    const sumAt = 5 + random(5);
    bytes[sumAt] = flacCrc8(bytes, 0, sumAt);
    const end = round % 5 === 0 ? random(21) : 20;
    const header = parseFlacFrameHeader(bytes, 0, end);
    if (!header) continue;
    headers++;
    assert.ok(header.headerBytes >= 6 && header.headerBytes <= end, `round ${round}`);
    assert.ok(header.samples >= 1 && header.samples <= 65_535 && header.channels >= 1 && header.channels <= 8);
    assert.ok(header.bitDepth === undefined || (header.bitDepth >= 8 && header.bitDepth <= 32));
  }
  return headers;
}
