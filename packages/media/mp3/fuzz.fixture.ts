/**
 * Random headers for the parser of MPEG audio.
 * In: a seed. Out: how many were headers, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { seeded } from '../random.fixture.ts';
import { mp3Config, parseMp3Header } from './header.ts';

/** Reads `count` random headers: fields in their ranges, a length that is longer than the header, or none. */
export function fuzzMp3Header(seed: number, count: number): number {
  const random = seeded(seed);
  let headers = 0;
  for (let round = 0; round < count; round++) {
    const bytes = Uint8Array.of(0xff, 0xe0 | random(32), random(256), random(256));
    const header = parseMp3Header(bytes, 0, round % 9 === 0 ? 3 : 4);
    if (!header) continue;
    headers++;
    assert.ok(header.frameBytes > 4 && header.frameBytes < 6000, `round ${round}: ${header.frameBytes} bytes`);
    assert.ok([384, 576, 1152].includes(header.samples) && header.sampleRate >= 8000 && header.sampleRate <= 48_000);
    assert.equal(mp3Config(header).codecs, header.version === 1 ? 'mp4a.6B' : 'mp4a.69');
  }
  return headers;
}
