/**
 * Scrambled splice sections.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { crc32Mpeg } from '../crc32-mpeg.ts';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { spliceInsert, timeSignal } from './section.fixture.ts';
import { parseSpliceSection, restampSection } from './section.ts';

/** Every section is read, or is a FormatError; half of them have a CRC that is right. */
export function fuzzSplice(seed: number, count: number): void {
  const random = seeded(seed);
  const seeds = [
    spliceInsert({ eventId: 7, out: true, pts: 2 ** 33 - 5, duration: 90_000 }),
    spliceInsert({ eventId: 7, out: false }),
    timeSignal(12, [
      { eventId: 1, type: 0x30, duration: 2 ** 34 },
      { eventId: 2, type: 0x31 },
    ]),
  ];
  for (let i = 0; i < count; i++) {
    const section = new Uint8Array(seeds[random(seeds.length)]!);
    for (let k = random(6); k > 0; k--) section[random(section.length)] = random(256);
    const cut = section.subarray(0, random(4) === 0 ? random(section.length) : section.length);
    if (cut.length > 4 && random(2) === 0) {
      new DataView(cut.buffer).setUint32(cut.length - 4, crc32Mpeg(cut, 0, cut.length - 4));
    }
    try {
      parseSpliceSection(cut);
    } catch (error) {
      assert.ok(error instanceof FormatError, `${Buffer.from(cut).toString('hex')}\n${(error as Error).stack}`);
    }
    restampSection(cut, random(2 ** 31) - 2 ** 30);
  }
}
