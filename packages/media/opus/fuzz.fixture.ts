/**
 * Random packets and control headers for the parsers of Opus.
 * In: a seed. Out: how many were control headers, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { opusCode } from './config.ts';
import { opusSamples, parseOpusControl } from './packet.ts';

/** Reads `count` random packets, headers and records: numbers in their ranges, or none. */
export function fuzzOpus(seed: number, count: number): number {
  const random = seeded(seed);
  const byte = () => random(256);
  let headers = 0;
  for (let round = 0; round < count; round++) {
    const bytes = Uint8Array.from({ length: byte() % 40 }, () => (byte() < 80 ? 0xff : byte()));
    const samples = opusSamples(bytes);
    assert.ok(samples === undefined || (samples >= 120 && samples <= 5760), `round ${round}: ${samples} samples`);
    bytes.set([0x7f, 0xe0 | byte()].slice(0, bytes.length));
    const control = parseOpusControl(bytes, 0, bytes.length);
    if (control && control !== 'short') {
      headers++;
      assert.ok(control.headerBytes >= 3 && control.packetBytes >= 1 && control.packetBytes <= 16_384);
    }
    try {
      const code = opusCode(bytes);
      assert.ok(code === undefined || (code >= 0 && code <= 8));
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
    }
  }
  return headers;
}
