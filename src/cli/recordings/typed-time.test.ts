import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typedEnd, typedTime } from './typed-time.ts';

const NOW_MS = new Date(2026, 10, 28, 14, 30, 20).getTime();
const local = (...parts: [number, number, number, number, number, number?]) => new Date(...parts).toISOString();

test('a time in the terminal is read as on the page of a stream', () => {
  for (const [text, at] of [
    ['-10m', new Date(NOW_MS - 600_000).toISOString()],
    ['-1h 30m', new Date(NOW_MS - 5_400_000).toISOString()],
    ['now', new Date(NOW_MS).toISOString()],
    ['14:05', local(2026, 10, 28, 14, 5)],
    ['15:00', local(2026, 10, 27, 15, 0)],
    ['yesterday 14:00', local(2026, 10, 27, 14, 0)],
    ['2026-11-22 14:03:20', local(2026, 10, 22, 14, 3, 20)],
    ['2026-11-22 14:03 UTC', '2026-11-22T14:03:00.000Z'],
  ] as const) {
    assert.equal(typedTime(text, NOW_MS), at, text);
    assert.equal(typedEnd(text, NOW_MS), at, text);
  }
});

test('the forms of the API stay as they are; only an end may be a duration', () => {
  for (const text of ['1795000000', '1795000000123', '2026-11-19T08:00:00+01:00', '20261119080000']) {
    assert.equal(typedTime(text, NOW_MS), text);
    assert.equal(typedEnd(text, NOW_MS), text);
  }
  for (const text of ['90s', '1h30m', '20', '1.5h']) {
    assert.equal(typedEnd(text, NOW_MS), text);
    assert.throws(() => typedTime(text, NOW_MS), { code: 'bad-time' });
  }
});

test('what is no time is refused once, with the forms that are', () => {
  for (const text of ['', 'soon', '25:00', '10m ago', '-10x', 'tomorrow 14:00']) {
    for (const read of [typedTime, typedEnd]) {
      assert.throws(
        () => read(text, NOW_MS),
        (error: Error & { extra: { hint: string } }) => {
          assert.equal(error.message, `"${text}" is not a time.`);
          assert.match(error.extra.hint, /-10m, 14:05, "yesterday 14:00"/);
          return true;
        },
      );
    }
  }
  assert.throws(() => typedTime('2026-02-30T00:00:00Z', NOW_MS), { message: /names a time that does not exist/ });
});
