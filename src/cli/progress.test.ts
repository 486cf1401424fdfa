import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bar, openProgressLine, sayBytes, sayClock, sayLength } from './progress.ts';

test('hours do not restart after a day', () => {
  assert.equal(sayClock(14.9), '00:00:14');
  assert.equal(sayClock(31 * 3600 + 5 * 60), '31:05:00');
});

test('short durations have tenths of a second', () => {
  assert.equal(sayLength(14.72), '14.7 s');
  assert.equal(sayLength(90), '00:01:30');
});

test('bytes have the largest unit that fits', () => {
  assert.deepEqual([999, 252_379, 3_000_000_000].map(sayBytes), ['999 B', '252.4 kB', '3.0 GB']);
});

test('a bar has a percentage and, once it can be estimated, the remaining time', () => {
  assert.match(bar(0.5, 10_000), /={12}.* 50 % {2}10s left$/);
  assert.match(bar(0, 10_000), / 0 %$/);
});

test('lines of progress overwrite all lines before them, fit the terminal, and are cleared at the end', () => {
  const written: string[] = [];
  const stream = { isTTY: true, columns: 10, rows: 24, write: (text: string) => written.push(text) > 0 };
  {
    using lines = openProgressLine(stream as unknown as NodeJS.WriteStream);
    lines.show(() => 'first line is long\nsecond');
    lines.show(() => 'too early');
  }
  assert.deepEqual(written, ['\r\x1b[Jfirst lin\nsecond', '\r\x1b[1A\x1b[J']);
});

test('there is no progress where stderr is not a terminal', () => {
  const stream = { isTTY: false, write: () => assert.fail('nothing is written') };
  using lines = openProgressLine(stream as unknown as NodeJS.WriteStream);
  lines.show(() => 'text');
});
