import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openOrigin } from '../../../test/fixtures/origin.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { noCounters, type PullContext } from './context.ts';
import { KeyStore } from './key-store.ts';
import { LowLatency } from './low-latency.ts';
import { SegmentDownload } from './segment-download.ts';
import type { QueuedSegment } from './segment-queue.ts';
import { SourceAccess } from './source-access.ts';

const { signal } = new AbortController();
const log = { info() {}, warn() {} };

function contextOf(access: SourceAccess, more: Partial<PullContext> = {}): PullContext {
  const clock = createSystemClock();
  const keys = new KeyStore(access, { signal });
  const shared = { access, keys, clock, log, counters: noCounters, lowLatency: new LowLatency(log) };
  return { ...shared, hadUntilMs: undefined, fromMs: 0, ...more };
}

const segmentAt = (url: URL): QueuedSegment => ({
  ...{ msn: 1, url, durationS: 1, targetDurationS: 1, discontinuity: false, discontinuitySequence: 0 },
  ...{ dated: false, toEdgeS: 1, arrivedMs: 0, ended: false, epoch: 0 },
});

test('a segment beside the video may not be as long as one of the video', async () => {
  await using origin = await openOrigin();
  await using net = createNet({ allow: [] });
  const home = new URL(`${origin.url}/long.aac`);
  origin.put(home.pathname, new Uint8Array(3_000_000));
  const access = new SourceAccess({ net, home, trusted: true });
  const fetch = (more: Partial<PullContext>) =>
    new SegmentDownload(contextOf(access, more)).fetch(segmentAt(home), () => true, { signal });
  const whole = await fetch({});
  assert.equal(whole.kind === 'fetched' && whole.pieces.reduce((sum, { length }) => sum + length, 0), 3_000_000);
  const refused = await fetch({ maxSegmentBytes: 1_000_000 });
  assert.match(refused.kind === 'given-up' ? refused.detail : '', /larger than 1000000 bytes/);
});

test('our own mistake is not taken for a failure of the source', async () => {
  const mistake = new TypeError('a mistake');
  const access = { fetch: () => Promise.reject(mistake) } as unknown as SourceAccess;
  const download = new SegmentDownload(contextOf(access));
  await assert.rejects(
    download.fetch(segmentAt(new URL('http://127.0.0.1/a.ts')), () => true, { signal }),
    mistake,
  );
});
