import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { WebhookSettings } from '../api/webhook-shapes.ts';
import { createLocalEventBus } from '../cluster/bus/local-event-bus.ts';
import { createManualClock } from '../lib/clock.ts';
import { toNetFailure } from '../net/failure.ts';
import type { Net, NetRequest, NetResponse } from '../net/net.ts';
import { createLog } from '../observe/log.ts';
import type { Ended } from '../observe/traces/telemetry.ts';
import { openStore } from '../store/db.ts';
import { openEventLog } from '../store/event-log/event-log.ts';
import { type TextSeal, useSeal } from '../store/sealed/text-seal.ts';
import { serveHere } from '../store/store.fixture.ts';
import type { WebhooksOptions } from './delivery-worker.ts';
import { ReplayTable } from './replay-table.ts';
import { checkSecret } from './signature.ts';
import { WebhookTable } from './webhook-table.ts';
import { Webhooks } from './webhooks.ts';

const START_MS = Date.UTC(2026, 10, 20, 8, 0, 0);
const url = 'https://hooks.example/in';
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

interface Got {
  readonly url: string;
  readonly atMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly id: string; readonly type: string; readonly data: { number: number } };
  readonly trusted: string | undefined;
  readonly traceparent: string | undefined;
}

/** A seal that opens only its own texts. */
const sealOfKey = (key: string): TextSeal => ({
  seal: (text) => `${key} ${Buffer.from(text).toString('hex')}`,
  open: (sealed) => (sealed.startsWith(`${key} `) ? Buffer.from(sealed.split(' ')[1]!, 'hex').toString() : undefined),
  mark: (text) => text,
});

/** The receiver's answer to an attempt: a status, with headers, or none. */
type Reply = number | { readonly status: number; readonly headers: Record<string, string> } | Error;

/**
 * Webhooks with their own store, a clock that advances with each sleep, and a receiver that answers as the
 * test says.
 */
async function openHooks(
  answer: (got: Got, count: number) => Reply | Promise<Reply> = () => 204,
  more: Pick<WebhooksOptions, 'maxWaiting' | 'telemetry'> = {},
) {
  const folder = await mkdtemp(path.join(tmpdir(), 'oxbow-hooks-'));
  const clock = createManualClock(START_MS);
  const failures: unknown[] = [];
  const bus = createLocalEventBus({ clock, failed: (error) => void failures.push(error) });
  const store = await openStore({
    file: path.join(folder, 'a.db'),
    log: createLog({ level: 'fatal', write: () => {} }),
    start: serveHere,
  });
  const log = await openEventLog({
    db: store.db,
    bus,
    node: '',
    clock,
    hasOneOrder: true,
    storesForeign: false,
    limits: { maxAgeMs: 86_400_000, maxEvents: 10_000, maxBytes: 10_000_000 },
    failed: (error) => void failures.push(error),
    lost: () => assert.fail('an event was lost'),
  });
  const got: Got[] = [];
  const ended: string[] = [];
  const net: Pick<Net, 'fetch'> = {
    async fetch(asked: string | URL, { headers = {}, post, trusted, traceparent }: NetRequest): Promise<NetResponse> {
      const body = JSON.parse(Buffer.from(post!).toString()) as Got['body'];
      got.push({ url: String(asked), atMs: clock.nowMs(), headers, body, trusted: trusted?.href, traceparent });
      const reply = await answer(got.at(-1)!, got.length);
      if (reply instanceof Error) throw reply;
      const { status, headers: fields } = typeof reply === 'number' ? { status: reply, headers: {} } : reply;
      return { status, headers: fields, [Symbol.dispose]() {} } as unknown as NetResponse;
    },
  };
  const open = () =>
    Webhooks.open({
      table: new WebhookTable(store.db),
      bus,
      past: { log, replays: new ReplayTable(store.db) },
      net,
      clock,
      ...more,
      async sleep(ms, { signal }) {
        signal.throwIfAborted();
        clock.advance(ms);
        await new Promise(setImmediate);
      },
      ended: (state) => void ended.push(state),
      failed: (error) => void failures.push(error),
    });
  const hooks = await open();
  return {
    hooks,
    open,
    db: store.db,
    bus,
    log,
    clock,
    got,
    ended,
    failures,
    tell: (number: number, stream = 'door') =>
      bus.publish('stream.generation', { number }, { name: stream, visibility: 'private' }),
    /** Resolves when `count` deliveries have ended. */
    async until(count: number) {
      while (ended.length < count) await new Promise(setImmediate);
    },
    async [Symbol.asyncDispose]() {
      await hooks[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
      assert.deepEqual(failures, []);
    },
  };
}

suite('webhooks', () => {
  test('events are sent unchanged, in order, with a signature that a Standard Webhooks library accepts', async () => {
    await using opened = await openHooks();
    const { hooks, got, tell, until, clock } = opened;
    await hooks.create({ url, secret, types: ['stream.generation'], stream: 'door' });
    tell(1);
    tell(2, 'other');
    opened.bus.publish('server.starting', { version: '1' });
    tell(3);
    await until(2);
    assert.deepEqual(
      got.map(({ body }) => [body.type, body.data]),
      [
        ['stream.generation', { number: 1 }],
        ['stream.generation', { number: 3 }],
      ],
    );
    const { headers, body, trusted } = got[0]!;
    assert.equal(trusted, url);
    assert.equal(headers['webhook-id'], body.id);
    assert.equal(headers['webhook-timestamp'], String(Math.floor(clock.nowMs() / 1000)));
    const signed = `${body.id}.${headers['webhook-timestamp']}.${JSON.stringify(body)}`;
    const digest = createHmac('sha256', Buffer.alloc(24, 7)).update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${digest}`);
  });

  test('without types every event is sent except job.progress and upload.progress', async () => {
    await using opened = await openHooks();
    await opened.hooks.create({ url });
    opened.bus.publish('job.progress', {
      id: '1',
      kind: 'export',
      state: 'running',
      progress: 0.5,
      parts: {},
      subject: null,
    });
    const bytes = { received: 1, length: 2, bytesPerSecond: null };
    opened.bus.publish('upload.progress', { id: '1', asset: '2', owner: 'admin', ...bytes });
    opened.bus.publish('disk.ok', { free: 1, total: 2 });
    await opened.until(1);
    assert.deepEqual(
      opened.got.map(({ body }) => body.type),
      ['disk.ok'],
    );
  });

  test('a failing delivery is attempted five times within an hour with the same id, then fails; the next one follows', async () => {
    await using opened = await openHooks(({ body }) => (body.data.number === 1 ? 500 : 200));
    const { hooks, got, tell, until, clock } = opened;
    const { id } = await hooks.create({ url });
    tell(1);
    tell(2);
    await until(2);
    assert.deepEqual(
      got.map(({ body, atMs }) => [body.data.number, Math.round((atMs - START_MS) / 1000)]),
      [
        [1, 0],
        [1, 10],
        [1, 130],
        [1, 850],
        [1, 3550],
        [2, 3550],
      ],
    );
    assert.equal(new Set(got.slice(0, 5).map(({ headers }) => headers['webhook-id'])).size, 1);
    const deliveries = await hooks.deliveries(id);
    assert.deepEqual(
      deliveries.map(({ state, tries, status, error }) => [state, tries, status, error]),
      [
        ['done', 1, 200, ''],
        ['failed', 5, 500, 'HTTP 500'],
      ],
    );
    assert.equal(hooks.get(id).failingSince, null);
    assert.equal(deliveries[0]!.endedAt, new Date(clock.nowMs()).toISOString());
  });

  test('Retry-After is respected if it is longer, and no answer is a failure too', async () => {
    await using opened = await openHooks((_, count) =>
      count === 1 ? { status: 429, headers: { 'retry-after': '60' } } : count === 2 ? new Error('refused') : 200,
    );
    const { hooks, got, tell, until } = opened;
    await hooks.create({ url });
    tell(1);
    await until(1);
    assert.deepEqual(
      got.map(({ atMs }) => (atMs - START_MS) / 1000),
      [0, 60, 180],
    );
  });

  test('a webhook that fails for a day is disabled with an event, and continues after PUT', async () => {
    let broken = true;
    await using opened = await openHooks(() => (broken ? 503 : 200));
    const { hooks, bus, tell, got } = opened;
    const heard: string[] = [];
    const { id } = await hooks.create({ url, types: ['stream.generation'] });
    const disabled = new Promise<void>((resolve) => {
      void bus.subscribe({
        event({ event }) {
          if (event.type !== 'webhook.disabled') return;
          heard.push(event.data.id);
          resolve();
        },
      });
    });
    for (let number = 0; number < 40; number++) tell(number);
    await disabled;
    assert.deepEqual(heard, [id]);
    const { disabledAt, disabledReason, waiting } = hooks.get(id);
    assert.ok(Date.parse(disabledAt!) - START_MS >= 24 * 3_600_000);
    assert.deepEqual([disabledReason, waiting], ['HTTP 503', 0]);
    const tries = got.length;
    tell(98);
    await bus.flush();
    broken = false;
    const settings: WebhookSettings = { url, types: ['stream.generation'] };
    assert.equal((await hooks.replace(id, settings)).disabledAt, null);
    tell(99);
    while (got.length === tries) await new Promise(setImmediate);
    assert.equal(got.at(-1)!.body.data.number, 99);
  });

  test('without its key nothing is sent to a webhook until address and secret are set again', async () => {
    await using opened = await openHooks();
    const { db, got, hooks } = opened;
    useSeal(db, sealOfKey('before'));
    const { id } = await hooks.create({ url: `${url}/k3y`, secret });
    useSeal(db, sealOfKey('now'));
    await using restarted = await opened.open();
    const { signal } = new AbortController();
    await assert.rejects(restarted.test(id, { signal }), { code: 'sealed-elsewhere' });
    await assert.rejects(restarted.replay(id, '0'), { code: 'webhook-disabled' });
    await assert.rejects(restarted.replace(id, { url }), { code: 'bad-request' });
    // The address as it is shown has no key.
    await assert.rejects(restarted.replace(id, { url: restarted.get(id).url, secret }), { code: 'bad-request' });
    assert.deepEqual(got, []);
    assert.equal((await restarted.replace(id, { url, secret })).disabledAt, null);
    assert.equal((await restarted.test(id, { signal })).ok, true);
  });

  test('what failed and spans do not have the keys in the path of an address', async () => {
    const keyed = 'https://user:k3y@hooks.example/services/k3y/k3y?k3y';
    const spans: Ended[] = [];
    const begin = () => undefined;
    const telemetry = { begin, ended: (span: Ended) => void spans.push(span) };
    await using opened = await openHooks(() => toNetFailure(new Error('no answer'), new URL(keyed)), { telemetry });
    const { id } = await opened.hooks.create({ url: keyed, types: ['stream.generation'] });
    const { signal } = new AbortController();
    const { error } = await opened.hooks.test(id, { signal });
    assert.equal(error, 'https://hooks.example/services/…?…: No answer.');
    opened.tell(1);
    await opened.until(1);
    const seen = JSON.stringify([await opened.hooks.deliveries(id), opened.hooks.get(id), spans]);
    assert.match(seen, /No answer/);
    assert.doesNotMatch(seen, /k3y/);
  });

  test('a URL that answers 410 is disabled at once', async () => {
    await using opened = await openHooks(() => 410);
    const { id } = await opened.hooks.create({ url });
    opened.tell(1);
    while (opened.hooks.get(id).disabledAt === null) await new Promise(setImmediate);
    assert.equal(opened.got.length, 1);
  });

  test('a restart continues with waiting deliveries and the one in progress', async () => {
    const { promise: never } = Promise.withResolvers<number>();
    const stuck = Promise.withResolvers<void>();
    let isFirst = true;
    await using opened = await openHooks(async () => {
      if (!isFirst) return 200;
      stuck.resolve();
      await Promise.race([never, ending]);
      return new Error('the process ends');
    });
    const { promise: ending, reject: end } = Promise.withResolvers<number>();
    ending.catch(() => {});
    const { hooks, open, tell, got, ended } = opened;
    const { id } = await hooks.create({ url, secret });
    tell(1);
    tell(2);
    await stuck.promise;
    const closing = hooks[Symbol.asyncDispose]();
    await new Promise(setImmediate);
    end(new DOMException('aborted', 'AbortError'));
    await closing;
    assert.deepEqual(ended, []);
    isFirst = false;
    const again = await open();
    await opened.until(2);
    assert.deepEqual(
      got.map(({ body }) => body.data.number),
      [1, 1, 2],
    );
    assert.equal(again.get(id).waiting, 0);
    await again[Symbol.asyncDispose]();
  });

  test('beyond the limit events are dropped and stored as such; fifty ended deliveries are kept', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<number>();
    await using opened = await openHooks(() => gate, { maxWaiting: 60 });
    const { hooks, tell, until } = opened;
    const { id } = await hooks.create({ url });
    for (let number = 0; number < 63; number++) tell(number);
    await until(3);
    assert.equal(hooks.get(id).waiting, 60);
    assert.deepEqual(
      (await hooks.deliveries(id)).slice(0, 4).map(({ state }) => state),
      ['dropped', 'dropped', 'dropped', 'waiting'],
    );
    open(200);
    await until(63);
    assert.equal((await hooks.deliveries(id)).length, 50);
  });

  test('the secret is shown once, user names and passwords never, and a removed webhook gets nothing', async () => {
    await using opened = await openHooks();
    const { hooks, tell, got } = opened;
    const made = await hooks.create({ url: 'https://me:word@hooks.example/in' });
    checkSecret(made.secret);
    assert.equal(made.url, 'https://hooks.example/in');
    const shown = JSON.stringify([hooks.list(), hooks.get(made.id)]);
    assert.ok(!shown.includes(made.secret) && !shown.includes('word'));
    await hooks.remove(made.id);
    assert.throws(() => hooks.get(made.id), { code: 'webhook-unknown' });
    tell(1);
    await new Promise(setImmediate);
    assert.deepEqual([hooks.list(), got], [[], []]);
  });

  test('an invalid URL and an invalid secret are refused', async () => {
    await using opened = await openHooks();
    for (const settings of [
      { url: 'ftp://x/' },
      { url: 'nonsense' },
      { url, secret: 'whsec_short' },
      { url, secret: 'x' },
    ]) {
      await assert.rejects(opened.hooks.create(settings), { code: 'bad-request' });
    }
    assert.deepEqual(opened.hooks.list(), []);
  });

  test('a test is sent at once and returns the outcome', async () => {
    await using opened = await openHooks((_, count) => (count === 1 ? 200 : 404));
    const { id } = await opened.hooks.create({ url });
    const { signal } = new AbortController();
    const { ok, status, error } = await opened.hooks.test(id, { signal });
    assert.deepEqual([ok, status, error], [true, 200, '']);
    assert.deepEqual((await opened.hooks.test(id, { signal })).error, 'HTTP 404');
    assert.equal(opened.got[0]!.body.type, 'webhook.test');
  });

  test('all attempts of an event, to every webhook, are one trace, which the receiver gets if tracing is on', async () => {
    const spans: Ended[] = [];
    const begin = ({ traceId = '', traceparent }: { traceId?: string; traceparent?: string | undefined }) => ({
      traceId,
      spanId: '',
      traceparent: traceparent === undefined ? `of ${traceId}` : `below ${traceparent}`,
    });
    const telemetry = { begin, ended: (span: Ended) => void spans.push(span) };
    await using opened = await openHooks((_, count) => (count === 1 ? 500 : 204), { telemetry });
    await opened.hooks.create({ url });
    const { id } = await opened.hooks.create({ url });
    opened.tell(1);
    await opened.until(2);
    opened.tell(2);
    await opened.until(4);
    const traces = opened.got.map(({ body, traceparent }) => `${body.data.number} ${traceparent}`);
    assert.equal(traces.length, 5);
    assert.equal(new Set(traces).size, 2);
    assert.match(traces[0]!, /^1 of [0-9a-f]{32}$/);
    assert.deepEqual([spans[0]!.kind, spans[0]!.error], ['webhook', 'HTTP 500']);
    assert.deepEqual(
      ['server.address', 'http.response.status_code', 'error.type'].map((name) => spans[0]!.attributes?.[name]),
      ['hooks.example', 500, '500'],
    );
    await opened.hooks.test(id, { signal: AbortSignal.timeout(60_000), traceparent: 'the request' });
    assert.equal(opened.got.at(-1)!.traceparent, 'below the request');
    await using silent = await openHooks();
    await silent.hooks.create({ url });
    silent.tell(1);
    await silent.until(1);
    assert.equal(silent.got[0]!.traceparent, undefined);
  });

  test('what a webhook has missed while its receiver was away is sent again from the log, in order, with the same ids', async () => {
    let isAway = true;
    await using opened = await openHooks(() => (isAway ? 503 : 204), { maxWaiting: 2 });
    const { hooks, got, tell, until, clock, bus, log } = opened;
    const { id } = await hooks.create({ url, secret, types: ['stream.generation'], stream: 'door' });
    clock.advance(1000);
    for (let number = 1; number <= 250; number++) tell(number);
    tell(999, 'other');
    bus.publish('server.ending', {});
    await until(250); // two have failed for good, the others were dropped
    isAway = false;
    const attempts = got.length;
    const { events } = await hooks.replay(id, String(START_MS + 1000));
    assert.equal(events, 252);
    assert.equal(hooks.get(id).replaying, true);
    await until(500);
    const again = got.slice(attempts);
    assert.deepEqual(
      again.map(({ body }) => body.data.number),
      Array.from({ length: 250 }, (_, index) => index + 1),
    );
    assert.equal(again[0]?.headers['webhook-id'], again[0]?.body.id);
    const past = await log.read({ after: 0, limit: 1 });
    assert.equal(again[0]?.body.id, past.events[0]?.event.id, 'a receiver recognizes what it has already');
    tell(251);
    await until(501);
    assert.equal(hooks.get(id).replaying, false);
  });

  test('a replay continues after a restart where it was, and events that happen meanwhile are sent too', async () => {
    let release = () => {};
    let answered = 0;
    const held = new Promise<void>((resolve) => (release = resolve));
    await using opened = await openHooks(async () => {
      if (++answered === 3) await held;
      return 204;
    });
    const { hooks, got, tell, log, bus } = opened;
    for (let number = 1; number <= 150; number++) tell(number);
    await bus.flush();
    const { id } = await hooks.create({ url, secret });
    await hooks.replay(id, await log.print(0));
    while (answered < 3) await new Promise(setImmediate);
    const closing = hooks[Symbol.asyncDispose]();
    release();
    await closing;
    await using again = await opened.open();
    tell(151);
    const isDone = () => got.some(({ body }) => body.data.number === 151) && !again.get(id).replaying;
    while (!isDone()) await new Promise(setImmediate);
    const numbers = [...new Set(got.map(({ body }) => body.data.number))];
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      Array.from({ length: 151 }, (_, index) => index + 1),
    );
  });

  test('a replay is refused for a disabled webhook, an unknown one, and a time that is none; of nothing it ends at once', async () => {
    await using opened = await openHooks((_, count) => (count === 1 ? 410 : 204));
    const { hooks, tell, log, bus } = opened;
    const { id } = await hooks.create({ url, secret });
    await assert.rejects(hooks.replay('no', '0'), { code: 'webhook-unknown' });
    await assert.rejects(hooks.replay(id, 'yesterday'), { code: 'bad-request' });
    tell(1);
    while (hooks.get(id).disabledAt === null) await new Promise(setImmediate);
    await assert.rejects(hooks.replay(id, await log.print(0)), { code: 'webhook-disabled' });
    await hooks.replace(id, { url });
    await bus.flush();
    await log.flush();
    const { events } = await hooks.replay(id, await log.print(await log.newest()));
    assert.deepEqual([events, hooks.get(id).replaying], [0, false]);
  });
});
