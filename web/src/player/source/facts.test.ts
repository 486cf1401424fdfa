import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../api/client.ts';
import { Facts } from './facts.ts';

const nothing = { runs: [], windows: [] };
const runs = [
  { run: 1, firstMsn: 100, utcOffset: 1_000 },
  { run: 2, firstMsn: 5_000, utcOffset: 2_000.021 },
];
const never = new AbortController().signal;

test('a segment belongs to the last run that began before it', () => {
  const facts = new Facts(
    async () => nothing as never,
    () => 0,
    never,
  );
  facts.learn({ runs, windows: [{ from: 600, to: 1200, rev: 4, closed: true }] });
  assert.equal(facts.utcOffsetOf(99), null);
  assert.equal(facts.utcOffsetOf(100), 1_000_000);
  assert.equal(facts.utcOffsetOf(4_999), 1_000_000);
  assert.equal(facts.utcOffsetOf(5_000), 2_000_021);
  assert.deepEqual(facts.window(600), { rev: 4, closed: true });
});

test('a response about a later range does not shorten a known run', () => {
  const facts = new Facts(
    async () => nothing as never,
    () => 0,
    never,
  );
  facts.learn({ runs, windows: [] });
  facts.learn({ runs: [{ run: 1, firstMsn: 400, utcOffset: 1_000 }], windows: [] });
  assert.equal(facts.utcOffsetOf(150), 1_000_000);
});

test('an unknown run is requested less and less often, and only a few times, until one is found', async () => {
  let now = 0;
  let requested = 0;
  const facts = new Facts(
    async () => {
      requested += 1;
      throw new ApiError({ code: 'unreachable', status: 0, title: '', hint: '' });
    },
    () => now,
    never,
  );
  for (; now < 600_000; now += 40) {
    facts.missed(1);
    if (now % 1_000 === 0) await new Promise(setImmediate);
  }
  assert.equal(requested, 6);
  facts.found();
  facts.missed(1);
  assert.equal(requested, 7);
});
