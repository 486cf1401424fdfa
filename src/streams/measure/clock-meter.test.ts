import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { ClockMeter } from './clock-meter.ts';

/** Seconds of a publisher. Delay in µs; `behind`: how far audio is behind the picture, ms. */
function run(meter: ClockMeter, fromS: number, toS: number, at: (s: number) => { delayUs?: number; behind?: number }) {
  for (let s = fromS; s < toS; s++) {
    const { delayUs, behind } = at(s);
    meter.add({ nowMs: s * 1000, delayUs, audioBehindMs: behind });
  }
}

test('the drift of a clock that is 100 ppm slow is found within a few ppm, whatever the network does', () => {
  const random = seeded(7);
  const meter = new ClockMeter();
  const at = (s: number) => ({ delayUs: 1_795_000_000_000_000 + s * 100 + random(3000) });
  run(meter, 0, 60, at);
  assert.equal(meter.drift, undefined, 'not in the first minute');
  run(meter, 60, 600, at);
  assert.ok(Math.abs(meter.drift!.ppm - 100) < 5, String(meter.drift!.ppm));
  assert.equal(meter.drift!.seconds, 590);
  run(meter, 600, 1300, (s) => ({ delayUs: 1_795_000_000_060_000 - (s - 600) * 30 }));
  assert.ok(Math.abs(meter.drift!.ppm + 30) < 1, 'only the last ten minutes count');
});

test('a step of the timestamps begins the measurement again', () => {
  const meter = new ClockMeter();
  run(meter, 0, 100, (s) => ({ delayUs: s * 50, behind: 20 }));
  assert.equal(Math.round(meter.drift!.ppm), 50);
  assert.equal(meter.avOffsetMs, 0);
  meter.add({ nowMs: 100_000, delayUs: 9_000_000, audioBehindMs: 300 });
  assert.equal(meter.drift, undefined);
  assert.equal(meter.avOffsetMs, undefined);
});

test('audio that always arrives after its picture has no offset; audio that loses time does', () => {
  const meter = new ClockMeter();
  run(meter, 0, 14, () => ({ behind: 400 }));
  assert.equal(meter.avOffsetMs, undefined, 'until a median is known');
  run(meter, 14, 60, (s) => ({ behind: 400 + (s % 2) * 20 }));
  assert.ok(Math.abs(meter.avOffsetMs!) <= 10, String(meter.avOffsetMs));
  // The clock of the audio is slow: sound is presented before its picture.
  run(meter, 60, 160, (s) => ({ behind: 400 + (s - 60) * 2 }));
  assert.ok(meter.avOffsetMs! < -170 && meter.avOffsetMs! > -200, String(meter.avOffsetMs));
});

test('one late second does not count', () => {
  const meter = new ClockMeter();
  run(meter, 0, 60, (s) => ({ behind: s === 50 ? 2000 : 0 }));
  assert.equal(meter.avOffsetMs, 0);
});
