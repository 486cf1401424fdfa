import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OxbowError } from '../errors.ts';
import { Breaker, type BreakerOptions, type BreakerState } from './breaker.ts';

const forever = new AbortController().signal;
const UNAVAILABLE = { name: 'OxbowError', code: 'service-unavailable' };

/** A breaker that opens after two failures, with its changes, and a way to wait for one. */
function create(options: Partial<BreakerOptions> = {}) {
  const changes: [BreakerState, string][] = [];
  const waiting: { state: BreakerState; resolve: () => void }[] = [];
  const breaker = new Breaker({
    ...{ service: 'shop', timeoutMs: 60_000, failures: 2, minPauseMs: 20, maxPauseMs: 20 },
    ...options,
    onChange(state, reason) {
      changes.push([state, reason]);
      for (const wait of waiting.splice(0)) wait.state === state ? wait.resolve() : waiting.push(wait);
    },
  });
  const until = (state: BreakerState) => new Promise<void>((resolve) => waiting.push({ state, resolve }));
  return { breaker, changes, until, states: () => changes.map(([state]) => state) };
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
    assert.ok(error instanceof OxbowError && error.code === 'service-unavailable' && error.refusal.status === 503);
    const seconds = error.extra.retryAfterSeconds as number;
    return seconds >= 1 && seconds <= 60;
  });
});

test('it recovers by itself: a probe after the pause closes it', async () => {
  let works = false;
  const { breaker, changes, until } = create({
    probe: async () => {
      if (!works) throw new Error('not yet');
    },
  });
  using _ = breaker;
  const trial = until('half-open');
  await open(breaker);
  await trial;
  const closed = until('closed');
  works = true;
  await closed;
  assert.deepEqual(changes[0], ['open', 'refused']);
  assert.deepEqual(changes.at(-1), ['closed', '']);
  assert.equal(breaker.waitMs, 0);
  assert.equal(await breaker.call(async () => 'well', { signal: forever }), 'well');
});

test('without a probe the next call after the pause is the trial, and others fail at once meanwhile', async () => {
  const { breaker, states } = create();
  using _ = breaker;
  await open(breaker);
  while (breaker.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, breaker.waitMs));
  const { promise, resolve } = Promise.withResolvers<string>();
  const trial = breaker.call(() => promise, { signal: forever });
  assert.equal(breaker.state, 'half-open');
  await assert.rejects(breaker.call(fail, { signal: forever }), UNAVAILABLE);
  resolve('well');
  assert.equal(await trial, 'well');
  assert.deepEqual(states(), ['open', 'half-open', 'closed']);
});

test('an abort by the caller is not a failure; in a trial it is no success either', async () => {
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
  while (breaker.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, breaker.waitMs));
  await aborted();
  assert.equal(breaker.state, 'open');
});

test('a call that takes too long has failed, and its signal fires', async () => {
  const { breaker } = create({ timeoutMs: 5 });
  using _ = breaker;
  let fired = 0;
  const hang = ({ signal }: { readonly signal: AbortSignal }) =>
    new Promise<never>(() => signal.addEventListener('abort', () => fired++));
  for (let i = 0; i < 2; i++) {
    await assert.rejects(breaker.call(hang, { signal: forever }), { name: 'TimeoutError' });
  }
  assert.deepEqual([fired, breaker.state], [2, 'open']);
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
