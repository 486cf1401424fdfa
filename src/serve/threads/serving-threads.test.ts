// Threads are real, so a test waits for what they do; the checks, pauses and time limits of their supervisor
// pass on virtual time.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { type SegmentPrefix, segmentLocation } from '../../archive/segment-store.ts';
import { Emitter } from '../../lib/events.ts';
import { openServingThreads, type ServingOptions } from './serving-threads.ts';

/** Threads that fail on command. */
async function openFaulty(count: number) {
  const forgotten = new Emitter<SegmentPrefix>();
  const failed: string[] = [];
  const ended: number[] = [];
  let changed = Promise.withResolvers<void>();
  const options: ServingOptions = {
    count,
    listen: { address: '127.0.0.1', port: 0 },
    certificate: undefined,
    trustedProxies: [],
    ownHosts: undefined,
    head: {},
    mediaFolder: '',
    watchSecret: new Uint8Array(16),
    cachedSegments: new Emitter<never>(),
    changed: new Emitter<never>(),
    forgotten,
    holderChanged: new Emitter<never>(),
    lasts: () => false,
    find: () => undefined,
    accessOf: () => ({ sharing: 'all', isAsked: false, epoch: 0, targetDurationMs: undefined, horizonUs: 0 }),
    open: (socket) => socket.destroy(),
    onReport: () => undefined,
    failed(error, where) {
      failed.push(`${where}: ${(error as Error).message}`);
      changed.resolve();
      changed = Promise.withResolvers();
    },
    ended: (thread) => ended.push(thread),
    program: new URL('./faulty-thread.fixture.ts', import.meta.url),
  };
  /** Resolves when this many failures were reported. */
  const failures = async (total: number) => {
    while (failed.length < total) await changed.promise;
  };
  return { threads: await openServingThreads(options), forgotten, failed, ended, failures };
}

suite('serving threads that fail', () => {
  test('by a crash: it is reported, and another thread replaces them', async () => {
    using time = openVirtualTime();
    const { threads, forgotten, failed, ended, failures } = await openFaulty(2);
    assert.equal(threads.port, 7);
    await time.settled('the reports', threads.requestReports()); // these threads report nothing
    assert.equal(time.nowMs, 500);
    forgotten.emit(segmentLocation('throw'));
    await failures(2);
    assert.deepEqual(
      failed.toSorted(),
      [1, 2].map((number) => `serving thread ${number}: requested by the test`),
    );
    assert.deepEqual(ended.toSorted(), [1, 2]);
    await threads.requestReports(); // no thread is left that could report
    assert.equal(time.nowMs, 500);
    await time.runFor(1000);
    forgotten.emit(segmentLocation('throw')); // the replacements fail too
    await failures(4);
    assert.deepEqual(ended.toSorted(), [1, 1, 2, 2]);
    await threads.close();
  });

  test('by blocking: they are terminated before their messages accumulate', async (t) => {
    const terminate = t.mock.method(Worker.prototype, 'terminate');
    using time = openVirtualTime();
    const { threads, forgotten, failed, failures } = await openFaulty(1);
    forgotten.emit(segmentLocation('block'));
    await time.runFor(29_999);
    assert.equal(terminate.mock.callCount(), 0);
    await time.runFor(1);
    assert.equal(terminate.mock.callCount(), 1);
    await failures(1);
    assert.deepEqual(failed, ['serving thread 1: the thread is blocked']);
    await threads.close();
  });

  test('by a port that another program has taken meanwhile: they are terminated, and try again', async () => {
    using time = openVirtualTime();
    const { threads, forgotten, failed, ended, failures } = await openFaulty(1);
    forgotten.emit(segmentLocation('refuse'));
    await failures(1);
    assert.deepEqual([failed, ended], [['serving thread 1: taken'], [1]]);
    await time.runFor(1000);
    forgotten.emit(segmentLocation('refuse'));
    await failures(2);
    assert.deepEqual(ended, [1, 1]);
    await threads.close();
  });

  test('drain on request, and can be closed at once', async () => {
    const { threads, failed } = await openFaulty(2);
    await threads.leave();
    threads.destroy();
    await threads.close();
    assert.deepEqual(failed, []);
  });
});
