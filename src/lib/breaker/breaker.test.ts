import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { OxbowError, refusalRow } from '../errors.ts';
import { Breaker, type BreakerOptions } from './breaker.ts';
import type { BreakerState } from './circuit-breaker.ts';

const forever = new AbortController().signal;
const UNAVAILABLE = { name: 'OxbowError', code: 'service-unavailable' };

/**
 * The pause before the first trial: on virtual time a random pause is in the middle of its bounds, 500 and
 * 1000 ms.
 */
const FIRST_PAUSE_MS = 750;

/** A breaker that opens after two failures, with its changes. */
function create(options: Partial<BreakerOptions> = {}) {
  const changes: [BreakerState, string][] = [];
  const breaker = new Breaker({
    service: 'shop',
    timeoutMs: 60_000,
    failures: 2,
    ...options,
    onChange: (state, reason) => void changes.push([state, reason]),
  });
  return { breaker, changes, states: () => changes.map(([state]) => state) };
}

const fail = async () => {
  throw new Error('refused');
};

async function open(breaker: Breaker): Promise<void> {
  for (let i = 0; i < 2; i++) await assert.rejects(breaker.call(fail, { signal: forever }), /refused/);
}

test('failures in a row open it, and then calls fail at once, without a call of the service', async () => {
  using opened = create({ minPauseMs: 60_000, maxPauseMs: 60_000 }).breaker;
  await assert.rejects(opened.call(fail, { signal: forever }), /refused/);
  assert.equal(await opened.call(async () => 7, { signal: forever }), 7, 'a success begins the count again');
  await open(opened);
  assert.equal(opened.state, 'open');
  const refused = opened.call(() => assert.fail('it is called'), { signal: forever });
  await assert.rejects(refused, (error: OxbowError) => {
    assert.ok(error instanceof OxbowError && error.code === 'service-unavailable' && refusalRow(error).status === 503);
    const seconds = error.extra.retryAfterSeconds as number;
    return seconds >= 1 && seconds <= 60;
  });
});

test('it recovers by itself: a probe after the pause closes it', async () => {
  using time = openVirtualTime();
  const probedAtMs: number[] = [];
  const { breaker, changes } = create({
    probe: async () => {
      probedAtMs.push(time.nowMs);
      if (probedAtMs.length < 8) throw new Error('not yet');
    },
  });
  using _ = breaker;
  await open(breaker);
  await time.until('it closes', () => breaker.state === 'closed');
  const pausesMs = probedAtMs.map((atMs, i) => atMs - (probedAtMs[i - 1] ?? 0));
  assert.deepEqual(pausesMs, [750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500], 'up to 30 s at the most');
  assert.deepEqual(changes[0], ['open', 'refused']);
  assert.deepEqual(changes.at(-1), ['closed', '']);
  assert.equal(breaker.waitMs, 0);
  assert.equal(await breaker.call(async () => 'well', { signal: forever }), 'well');
});

test('without a probe the next call after the pause is the trial, and others fail at once meanwhile', async () => {
  using time = openVirtualTime();
  const { breaker, states } = create();
  using _ = breaker;
  await open(breaker);
  await time.runFor(FIRST_PAUSE_MS - 1);
  await assert.rejects(breaker.call(fail, { signal: forever }), UNAVAILABLE);
  await time.runFor(1);
  const { promise, resolve } = Promise.withResolvers<string>();
  const trial = breaker.call(() => promise, { signal: forever });
  assert.equal(breaker.state, 'half-open');
  await assert.rejects(breaker.call(fail, { signal: forever }), UNAVAILABLE);
  resolve('well');
  assert.equal(await trial, 'well');
  assert.deepEqual(states(), ['open', 'half-open', 'closed']);
});

test('an abort by the caller is not a failure; in a trial it is no success either', async () => {
  using time = openVirtualTime();
  const { breaker } = create();
  using _ = breaker;
  const aborted = async () => {
    const controller = new AbortController();
    const call = breaker.call(() => new Promise(() => {}), { signal: controller.signal });
    controller.abort(new DOMException('enough', 'AbortError'));
    await assert.rejects(call, { name: 'AbortError', message: 'enough' });
  };
  for (let i = 0; i < 5; i++) await aborted();
  assert.equal(breaker.state, 'closed');
  await open(breaker);
  await time.runFor(FIRST_PAUSE_MS);
  await aborted();
  assert.equal(breaker.state, 'open');
});

test('a call that takes too long has failed, and its signal fires', async () => {
  using time = openVirtualTime();
  const { breaker } = create({ timeoutMs: 5000 });
  using _ = breaker;
  let fired = 0;
  const hang = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<never>(() => signal.addEventListener('abort', () => fired++));
  for (let i = 0; i < 2; i++) {
    const call = time.settled('the call', breaker.call(hang, { signal: forever }));
    await assert.rejects(call, { name: 'TimeoutError' });
  }
  assert.deepEqual([fired, breaker.state, time.nowMs], [2, 'open', 10_000]);
});

test('an error that is an answer of the service reaches the caller and counts as a success', async () => {
  const { breaker } = create({ isFailure: (error) => !(error instanceof RangeError) });
  using _ = breaker;
  const answer = async () => {
    throw new RangeError('no such thing');
  };
  for (let i = 0; i < 3; i++) {
    await assert.rejects(breaker.call(fail, { signal: forever }), /refused/);
    await assert.rejects(breaker.call(answer, { signal: forever }), RangeError);
  }
  assert.equal(breaker.state, 'closed');
});
