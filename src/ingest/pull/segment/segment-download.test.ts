import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { test } from 'node:test';
import { openOrigin } from '../../../../test/fixtures/origin.ts';
import { openVirtualTime } from '../../../../test/fixtures/virtual-time.ts';
import { type Clock, createManualClock } from '../../../lib/clock.ts';
import { slabPool } from '../../../lib/memory/slab-pool.ts';
import { createNet } from '../../../net/net.ts';
import { listenInMemory } from '../../memory-listener.fixture.ts';
import { mainLimits, type PullContext } from '../context.ts';
import { LowLatency } from '../playlist/low-latency.ts';
import { SourceReturn } from '../playlist/source-return.ts';
import { noCounters } from '../pull-log.ts';
import { SourceAccess } from '../source-access.ts';
import { KeyStore } from './key-store.ts';
import type { QueuedSegment } from './queued-segment.ts';
import type { CheckSegment } from './segment-check.ts';
import { SegmentDownload } from './segment-download.ts';

const { signal } = new AbortController();
const log = { info() {}, warn() {} };

const returns = { awaitReturn: false, wasLive: false, fromPage: false, sourceReturn: new SourceReturn() };

function contextOf(access: SourceAccess, clock: Clock, more: Partial<PullContext> = {}): PullContext {
  const keys = new KeyStore(access, { signal });
  const shared = { access, keys, clock, log, counters: noCounters, lowLatency: new LowLatency(log) };
  return { ...shared, hadUntilMs: undefined, fromMs: 0, limits: mainLimits, ...returns, ...more };
}

const segmentAt = (url: URL): QueuedSegment => ({
  msn: 1,
  url,
  durationS: 1,
  targetDurationS: 1,
  discontinuity: false,
  discontinuitySequence: 0,
  dated: false,
  toEdgeS: 1,
  arrivedMs: 0,
  ended: false,
  epoch: 0,
});

/** Virtual time, and an origin that answers at once. */
async function openSource() {
  const opened = new AsyncDisposableStack();
  const time = opened.use(openVirtualTime());
  let connections = 0;
  const listen = (server: Server) => listenInMemory(server.on('connection', () => connections++));
  const origin = opened.use(await openOrigin({ listen }));
  const net = opened.use(createNet({ allow: [] }));
  const urlOf = (path: string) => new URL(`${origin.url}${path}`);
  const access = new SourceAccess({ net, sourceUrl: urlOf('/'), trusted: true });
  const openDownload = (more?: Partial<PullContext>, check?: CheckSegment) => {
    const download = new SegmentDownload(contextOf(access, time.clock, more), check);
    return (segment: QueuedSegment) =>
      time.settled(
        'the download',
        download.fetch(segment, () => true, { signal }),
      );
  };
  const countConnections = () => connections;
  return { time, origin, urlOf, openDownload, countConnections, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

test('a segment of an alternative rendition has a smaller maximum size', async () => {
  await using source = await openSource();
  const segment = segmentAt(source.urlOf('/long.aac'));
  source.origin.put('/long.aac', new Uint8Array(3_000_000));
  const whole = await source.openDownload({}, () => undefined)(segment);
  assert.equal(whole.kind === 'fetched' && whole.pieces.reduce((sum, { length }) => sum + length, 0), 3_000_000);
  const refused = await source.openDownload({ maxSegmentBytes: 1_000_000 }, () => undefined)(segment);
  assert.match(refused.kind === 'given-up' ? refused.detail : '', /larger than 1000000 bytes/);
});

test('memory of attempts that failed does not count as used', async () => {
  await using source = await openSource();
  const fetch = source.openDownload({}, () => undefined);
  source.origin.put('/a.ts', new Uint8Array(500_000).fill(0x47));
  source.origin.put('/b.ts', new Uint8Array(500_000).fill(0x47));
  assert.equal((await fetch(segmentAt(source.urlOf('/a.ts')))).kind, 'fetched');
  const before = slabPool.bytes;
  source.origin.fault('b.ts', { kind: 'cut', bytes: 200_000 }, 2);
  assert.equal((await fetch(segmentAt(source.urlOf('/b.ts')))).kind, 'fetched');
  assert.equal(slabPool.bytes - before, 500_000);
});

test('a bug does not count as a failure of the source', async () => {
  const mistake = new TypeError('a mistake');
  const access = { fetch: () => Promise.reject(mistake) } as unknown as SourceAccess;
  const download = new SegmentDownload(contextOf(access, createManualClock()));
  await assert.rejects(
    download.fetch(segmentAt(new URL('http://127.0.0.1/a.ts')), () => true, { signal }),
    mistake,
  );
});

test('a source whose segments always seem truncated is accepted after three, then with one request each', async () => {
  await using source = await openSource();
  const download = source.openDownload();
  const truncated = Buffer.from('000000ff6d64617400000000', 'hex');
  for (const [i, tries] of [3, 3, 3, 1, 1].entries()) {
    source.origin.put(`/${i}.m4s`, truncated);
    const fetched = await download(segmentAt(source.urlOf(`/${i}.m4s`)));
    assert.equal(fetched.kind, 'fetched');
    assert.equal(source.origin.requests.filter((path) => path === `/${i}.m4s`).length, tries);
  }
  assert.equal(source.time.nowMs, 3 * (187.5 + 375));
});

test('pauses between attempts grow, each attempt has a new connection, and the detail has their number', async () => {
  await using source = await openSource();
  const atMs: number[] = [];
  source.origin.put('/a.ts', () => {
    atMs.push(source.time.nowMs);
    return { status: 500 };
  });
  const download = source.openDownload({ limits: { minWaitMs: 0, endedWaitMs: 0 } });
  const fetched = await download({ ...segmentAt(source.urlOf('/a.ts')), targetDurationS: 2 });
  assert.deepEqual(fetched, {
    kind: 'given-up',
    cause: 'source-skipped',
    detail: 'a.ts answered with HTTP 500 (9 tries)',
  });
  // Three quarters of 250 ms, 500 ms, and half a target duration.
  assert.deepEqual(atMs, [0, 187.5, 562.5, 1312.5, 2062.5, 2812.5, 3562.5, 4312.5, 5062.5]);
  assert.equal(source.countConnections(), 9);
});

test('an attempt that the end of the time cuts short does not hide why those before it failed', async () => {
  await using source = await openSource();
  source.origin.fault('/a.ts', { kind: 'hang' });
  source.origin.fault('/a.ts', { kind: 'status', status: 404 }, 1);
  const download = source.openDownload({ limits: { minWaitMs: 1000, endedWaitMs: 1000 } });
  const fetched = await download({ ...segmentAt(source.urlOf('/a.ts')), targetDurationS: 0.3 });
  assert.deepEqual(fetched, {
    kind: 'given-up',
    cause: 'source-skipped',
    detail: 'a.ts answered with HTTP 404 (2 tries)',
  });
  assert.equal(source.time.nowMs, 1000);
});
