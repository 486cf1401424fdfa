/**
 * Random frames for the packetizers of RTP.
 * In: a seed. Out: how many frames gave packets, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../../errors.ts';
import { VP9_KEY } from '../../flv/forms.fixture.ts';
import { seeded } from '../../random.fixture.ts';
import { formatOf } from './format.ts';
import { createPacketizer } from './packetizer.ts';
import { filled, frameOf, packetizerOf, sampleOf, tracks, withRecord } from './send.fixture.ts';

/** Packetizes `count` random frames and records: payloads within the limit, or a FormatError. */
export function fuzzPacketizers(seed: number, count: number): number {
  const random = seeded(seed);
  const bytes = (length: number) => Uint8Array.from({ length }, () => (random(3) === 0 ? random(4) : random(256)));
  let sent = 0;
  for (let round = 0; round < count; round++) {
    const track = Object.values(tracks)[random(5)]!;
    const maxBytes = 64 + random(200);
    try {
      const packetizer = packetizerOf(track, maxBytes);
      for (let n = 0; n < 3; n++) {
        const payloads = packetizer.payloads(frameOf(randomData(random, bytes), { key: random(2) === 0 }));
        assert.ok(payloads.every(({ length }) => length > 0 && length <= maxBytes));
        sent += Math.min(1, payloads.length);
      }
      const { record } = track.config;
      const damaged = record.slice(0, random(4) === 0 ? random(record.length) : record.length);
      for (let n = random(4); n > 0; n--) damaged[random(damaged.length || 1)] = random(256);
      assert.match(JSON.stringify(formatOf(withRecord(track, damaged))), /parameters|refused/);
      createPacketizer(withRecord(track, damaged), maxBytes);
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
    }
  }
  return sent;
}

/** Random bytes, or frames that are nearly valid. */
function randomData(random: (below: number) => number, bytes: (length: number) => Uint8Array): Uint8Array {
  switch (random(4)) {
    case 0:
      return bytes(random(600));
    case 1:
      return sampleOf(...Array.from({ length: random(6) }, () => bytes(random(500))));
    case 2:
      return Uint8Array.from([...VP9_KEY, ...bytes(random(500))]);
    default: {
      const obus = Array.from({ length: random(6) }, () => [random(16) << 3, random(300)] as const);
      return Uint8Array.from(
        obus.flatMap(([head, size]) => [head | 2, (size & 0x7f) | 0x80, size >> 7, ...filled(size)]),
      );
    }
  }
}
