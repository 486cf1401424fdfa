import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openOrigin } from '../../../../test/fixtures/origin.ts';
import { createSystemClock } from '../../../lib/clock.ts';
import { createNet } from '../../../net/net.ts';
import { mainLimits, type PullContext } from '../context.ts';
import { LowLatency } from '../playlist/low-latency.ts';
import { SourceReturn } from '../playlist/source-return.ts';
import { noCounters } from '../pull-log.ts';
import { SourceAccess } from '../source-access.ts';
import { KeyStore } from './key-store.ts';
import type { QueuedSegment } from './queued-segment.ts';
import { SegmentDownload } from './segment-download.ts';

const { signal } = new AbortController();
const log = { info() {}, warn() {} };

const returns = { awaitReturn: false, wasLive: false, fromPage: false, sourceReturn: new SourceReturn() };

function contextOf(access: SourceAccess, more: Partial<PullContext> = {}): PullContext {
  const clock = createSystemClock();
  const keys = new KeyStore(access, { signal });
  const shared = { access, keys, clock, log, counters: noCounters, lowLatency: new LowLatency(log) };
  return { ...shared, hadUntilMs: undefined, fromMs: 0, limits: mainLimits, ...returns, ...more };
}

const segmentAt = (url: URL): QueuedSegment => ({
  ...{ msn: 1, url, durationS: 1, targetDurationS: 1, discontinuity: false, discontinuitySequence: 0 },
  ...{ dated: false, toEdgeS: 1, arrivedMs: 0, ended: false, epoch: 0 },
});

test('a segment of an alternative rendition has a smaller maximum size', async () => {
  await using origin = await openOrigin();
  await using net = createNet({ allow: [] });
  const sourceUrl = new URL(`${origin.url}/long.aac`);
  origin.put(sourceUrl.pathname, new Uint8Array(3_000_000));
  const access = new SourceAccess({ net, sourceUrl, trusted: true });
  const fetch = (more: Partial<PullContext>) =>
    new SegmentDownload(contextOf(access, more), () => undefined).fetch(segmentAt(sourceUrl), () => true, { signal });
  const whole = await fetch({});
  assert.equal(whole.kind === 'fetched' && whole.pieces.reduce((sum, { length }) => sum + length, 0), 3_000_000);
  const refused = await fetch({ maxSegmentBytes: 1_000_000 });
  assert.match(refused.kind === 'given-up' ? refused.detail : '', /larger than 1000000 bytes/);
});

test('a bug does not count as a failure of the source', async () => {
  const mistake = new TypeError('a mistake');
  const access = { fetch: () => Promise.reject(mistake) } as unknown as SourceAccess;
  const download = new SegmentDownload(contextOf(access));
  await assert.rejects(
    download.fetch(segmentAt(new URL('http://127.0.0.1/a.ts')), () => true, { signal }),
    mistake,
  );
});

test('a source whose segments always seem truncated is accepted after three, then with one request each', async () => {
  await using origin = await openOrigin();
  await using net = createNet({ allow: [] });
  const sourceUrl = new URL(`${origin.url}/0.m4s`);
  const access = new SourceAccess({ net, sourceUrl, trusted: true });
  const download = new SegmentDownload(contextOf(access));
  const truncated = Buffer.from('000000ff6d64617400000000', 'hex');
  for (const [i, tries] of [3, 3, 3, 1, 1].entries()) {
    origin.put(`/${i}.m4s`, truncated);
    const url = new URL(`${origin.url}/${i}.m4s`);
    const fetched = await download.fetch(segmentAt(url), () => true, { signal });
    assert.equal(fetched.kind, 'fetched');
    assert.equal(origin.requests.filter((path) => path === url.pathname).length, tries);
  }
});

test('pauses between attempts grow, each attempt has a new connection, and the detail has their number', async () => {
  await using origin = await openOrigin();
  await using net = createNet({ allow: [] });
  const sourceUrl = new URL(`${origin.url}/a.ts`);
  const at: number[] = [];
  origin.put('/a.ts', () => {
    at.push(performance.now());
    return { status: 500 };
  });
  const access = new SourceAccess({ net, sourceUrl, trusted: true });
  const limits = { minWaitMs: 0, endedWaitMs: 0 };
  const segment = { ...segmentAt(sourceUrl), targetDurationS: 2 };
  const fetched = await new SegmentDownload(contextOf(access, { limits })).fetch(segment, () => true, { signal });
  assert.deepEqual(fetched, {
    ...{ kind: 'given-up', cause: 'source-skipped' },
    detail: `HTTP 500 a.ts (${at.length} tries)`,
  });
  assert.ok(at.length >= 5 && at.length <= 16, `${at.length} tries in six seconds`);
  assert.ok(at[2]! - at[0]! < at.at(-1)! - at.at(-3)!);
});

test('an attempt that the end of the time cuts short does not hide why those before it failed', async () => {
  await using origin = await openOrigin();
  await using net = createNet({ allow: [] });
  const sourceUrl = new URL(`${origin.url}/a.ts`);
  origin.put('/a.ts', () => {
    origin.fault('/a.ts', { kind: 'hang' });
    return { status: 404 };
  });
  const access = new SourceAccess({ net, sourceUrl, trusted: true });
  const limits = { minWaitMs: 1000, endedWaitMs: 1000 };
  const segment = { ...segmentAt(sourceUrl), targetDurationS: 0.3 };
  const fetched = await new SegmentDownload(contextOf(access, { limits })).fetch(segment, () => true, { signal });
  const detail = `HTTP 404 a.ts (${origin.requests.length} tries)`; // as many as the machine had time for
  assert.deepEqual(fetched, { kind: 'given-up', cause: 'source-skipped', detail });
});
