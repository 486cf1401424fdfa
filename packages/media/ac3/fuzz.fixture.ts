/**
 * Random syncframes for the parser of AC-3 and E-AC-3.
 * In: a seed. Out: how many were headers, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { seeded } from '../random.fixture.ts';
import { ac3Config, eac3Config } from './config.ts';
import { type Eac3Header, parseSyncframe } from './syncframe.ts';

/** Reads `count` random headers: fields in their ranges and a record of them, or none. */
export function fuzzSyncframe(seed: number, count: number): number {
  const random = seeded(seed);
  const byte = () => random(256);
  let headers = 0;
  let group: Eac3Header[] = [];
  for (let round = 0; round < count; round++) {
    const bytes = Uint8Array.from({ length: 16 }, byte).fill(0x0b, 0, 1).fill(0x77, 1, 2);
    if (round % 2 === 0) bytes[5]! = (bytes[5]! & 7) | (round % 4 === 0 ? 0x40 : 0x80);
    const header = parseSyncframe(bytes, 0, round % 7 === 0 ? byte() % 17 : 16);
    if (!header) continue;
    headers++;
    assert.ok(header.frameBytes >= 8 && header.frameBytes <= 4096, `round ${round}: ${header.frameBytes} bytes`);
    assert.ok(header.samples % 256 === 0 && header.channels >= 1 && header.channels <= 6);
    if (header.codec === 'ac3') assert.equal(ac3Config(header).record.length, 3);
    else group.push(header);
    if (group.length < 5 || !group[0]) continue;
    const { record, channels } = eac3Config([{ ...group[0], dependent: false }, ...group.slice(1)]);
    assert.ok(record.length >= 5 && record.length <= 24 && channels >= 1 && channels <= 24, `round ${round}`);
    group = [];
  }
  return headers;
}
