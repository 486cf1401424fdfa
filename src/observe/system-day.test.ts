import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { SystemDay } from './system-day.ts';

const MINUTE = 60_000;

test('CPU time and disk of the last 24 hours, one value for ten minutes, null where nothing was measured', async () => {
  using time = openVirtualTime();
  let cpuSeconds = 100;
  let used = 1000;
  using day = new SystemDay(time.clock, { cpuSeconds: () => cpuSeconds, diskUsed: () => used });
  const last = (series: readonly (number | null)[], count: number) => series.slice(-count);
  assert.ok(day.history().cpu.every((value) => value === null));
  assert.deepEqual([day.history().cpu.length, day.history().disk.length, day.history().res], [145, 145, 600]);

  // To the start of a step.
  await time.runFor(600_000 - (time.clock.nowMs() % 600_000));
  const before = day.history().cpu.filter((value) => value !== null).length;
  for (let minute = 1; minute < 10; minute++) {
    cpuSeconds += minute < 5 ? 30 : 6;
    used += 10;
    await time.runFor(MINUTE);
  }
  const { cpu, disk } = day.history();
  assert.equal(cpu.filter((value) => value !== null).length - before, 1);
  assert.deepEqual([last(disk, 1), cpu.at(-1)! > 20 && cpu.at(-1)! < 35], [[1090], true]);

  await time.runFor(25 * 60 * MINUTE);
  assert.equal(day.history().cpu.length, 145);
  assert.ok(day.history().disk.every((value) => value === 1090));
  const { from, res } = day.history();
  assert.equal(Date.parse(from) % (res * 1000), 0);
});
