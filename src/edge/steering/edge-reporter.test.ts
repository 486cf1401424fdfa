import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Net, NetRequest } from '../../net/net.ts';
import { isSigned, type SignedReport } from './edge-report.ts';
import { EdgeReporter } from './edge-reporter.ts';

const TOKEN = 'token of edges and origin';

/** A reporter whose origin answers with `status`, and its reports as they come. */
function open(answer: () => number) {
  const reports: SignedReport[] = [];
  const refusals: (string | undefined)[] = [];
  let came = Promise.withResolvers<void>();
  const net = {
    async fetch(_: string | URL, { post }: NetRequest) {
      reports.push(JSON.parse(Buffer.from(post!).toString()));
      came.resolve();
      return { status: answer(), [Symbol.dispose]() {} };
    },
  } as unknown as Pick<Net, 'fetch'>;
  const reporter = new EdgeReporter({
    origin: new URL('https://tv.example/'),
    net,
    pathway: 'eu',
    token: TOKEN,
    nowMs: () => 1_700_000_000_000,
    connections: () => 12,
    onRefused: (reason) => refusals.push(reason),
  });
  const next = async () => {
    await came.promise;
    came = Promise.withResolvers();
    return reports.at(-1)!;
  };
  return { reporter, refusals, next };
}

test('an edge reports its load, signed, and at once when it drains', async () => {
  const { reporter, next } = open(() => 204);
  const ending = new AbortController();
  const running = reporter.run(ending);
  const first = await next();
  assert.ok(isSigned(first, TOKEN) && !isSigned(first, 'another token of edges'));
  assert.deepEqual([first.pathway, first.connections, first.draining], ['eu', 12, false]);
  assert.ok(first.load >= 0 && first.load <= 1);
  reporter.drain(true);
  const second = await next();
  assert.equal(second.draining, true);
  assert.ok(second.at > first.at, 'each report is later than the one before, also within a millisecond');
  ending.abort();
  await running;
});

test('a refusal is reported once, and its end', async () => {
  let status = 403;
  const { reporter, refusals, next } = open(() => status);
  const ending = new AbortController();
  const running = reporter.run(ending);
  await next();
  reporter.drain(true);
  await next();
  status = 204;
  reporter.drain(false);
  await next();
  reporter.drain(true);
  await next();
  ending.abort();
  await running;
  assert.deepEqual(refusals, ['it answers 403', undefined]);
});
