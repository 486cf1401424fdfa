import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findComparedTimes, findWaits } from '../../scripts/check-waits.ts';

const waits = (text: string) =>
  findWaits('src/a.test.ts', text).map((problem) => problem.split(':').slice(0, 3).join(':'));
const compared = (text: string) => findComparedTimes('test/a.test.ts', text);

test('a wait for wall time is found in every form', () => {
  for (const line of [
    'setTimeout(done, 50);',
    'globalThis.setInterval(look, EVERY_MS);',
    `import { setTimeout as pause } from 'node:timers/promises';await pause(20);`,
    `import { setTimeout } from 'node:timers/promises';await setTimeout(1_000);`,
    `import timers from 'node:timers/promises';await timers.setTimeout(20);`,
    `import { scheduler } from 'node:timers/promises';await scheduler.wait(20);`,
    `import { sleep } from '../lib/abort.ts';await sleep(20, { signal });`,
    `import { until } from '../../test/fixtures/wait.ts';await until('it is there', look);`,
  ]) {
    const called = line
      .split(';')
      .at(-2)!
      .replace(/^await /, '')
      .split('(')[0];
    assert.deepEqual(waits(`\n${line}\n`), [`src/a.test.ts:2: ${called} waits for wall time`], line);
  }
});

test('a turn of the event loop, a function of that name and a comment are no waits', () => {
  for (const line of [
    `import { setImmediate as turn } from 'node:timers/promises';await turn();`,
    'setTimeout(done);',
    'setTimeout(done, 0);',
    `import { until } from './rig.fixture.ts';await until('it is there', look);`,
    'await time.until("it is there", look);',
    '// await sleep(20)',
    `const text = 'setTimeout(f, 20)';`,
  ]) {
    assert.deepEqual(waits(line), [], line);
  }
});

test('virtual time and a reason in the first comment allow waits; a reason elsewhere, without words or without a wait is a problem', () => {
  const wait = 'setTimeout(done, 50);\n';
  assert.deepEqual(waits(`using time = openVirtualTime();\n${wait}`), []);
  assert.deepEqual(waits(`context.mock.timers.enable({ apis: ['setTimeout'] });\n${wait}`), []);
  const reason = '// Waits for wall time: a real process has to start.\n';
  assert.deepEqual(waits(reason + wait), []);
  assert.deepEqual(waits(`/**\n * A server.\n * Waits for wall time: it is a real process.\n */\n${wait}`), []);
  assert.equal(waits(`const a = 1;\n${reason}${wait}`).length, 1);
  assert.equal(waits(`// Waits for wall time:\n${wait}`).length, 1);
  assert.deepEqual(findWaits('src/a.test.ts', `${reason}const a = 1;\n`), [
    'src/a.test.ts says «Waits for wall time», but does not wait',
  ]);
});

test('an assertion that compares wall time with less than a second is found, however the time is computed', () => {
  for (const text of [
    'assert.ok(performance.now() - since < 200);',
    'const tookMs = Date.now() - since; assert.ok(tookMs >= 900, "late");',
    'const s = (performance.now() - since) / 1000; assert.ok(s < 0.5);',
    'const LIMIT_MS = 2 * 40; const tookMs = Math.round(Date.now() - since); assert(tookMs < LIMIT_MS);',
    'const time = async (work) => { const since = Date.now(); await work(); return Date.now() - since; }; assert.ok((await time(f)) < 50);',
    'const times = []; times.push(performance.now() - since); assert.ok(Math.max(...times) < 50);',
    'const began = process.hrtime.bigint(); assert.ok(process.hrtime.bigint() - began < 1_000_000n);',
    'assert.ok(Math.abs(room.positionMs(Date.now()) - shown) <= 60);',
    'const stoppedMs = Date.now(); assert.ok(shownMs < stoppedMs + 100);',
    'assert.ok(Number(a) > 0 && performance.now() - since < 200);',
  ]) {
    assert.equal(compared(text).length, 1, text);
  }
  assert.deepEqual(compared('\nassert.ok(Date.now() - since < 50);'), [
    'test/a.test.ts:2: «Date.now() - since < 50» compares wall time with less than a second',
  ]);
});

test('longer times, order, media time, virtual time and what is no assertion may be compared', () => {
  for (const text of [
    'assert.ok(performance.now() - since < 2_000);',
    'assert.ok(Date.now() - since > 0);',
    'const s = (performance.now() - since) / 1000; assert.ok(s < 30);',
    'assert.ok(near.toMs < Date.now());',
    'const startMs = Date.now(); const segment = cut(startMs); assert.ok(segment.durationMs < 200);',
    'using time = openVirtualTime(); assert.ok(performance.now() - since < 200);',
    'while (Date.now() - since < 500) turn();',
  ]) {
    assert.deepEqual(compared(text), [], text);
  }
});
