import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type SegmentPrefix, segmentLocation } from '../../archive/segment-store.ts';
import { Emitter } from '../../lib/events.ts';
import { openServingThreads, type ServingOptions } from './serving-threads.ts';

/** Threads that fail on command. */
async function openFaulty(count: number, checkEveryMs?: number) {
  const forgotten = new Emitter<SegmentPrefix>();
  const failed: string[] = [];
  const ended: number[] = [];
  const { promise: both, resolve } = Promise.withResolvers<void>();
  const options: ServingOptions = {
    ...{
      count,
      listen: { address: '127.0.0.1', port: 0 },
      certificate: undefined,
      trustedProxies: [],
      ownHosts: undefined,
      head: {},
    },
    mediaFolder: '',
    ...{
      watchSecret: new Uint8Array(16),
      cachedSegments: new Emitter<never>(),
      changed: new Emitter<never>(),
      forgotten,
      holderChanged: new Emitter<never>(),
    },
    lasts: () => false,
    find: () => undefined,
    accessOf: () => ({ isPrivate: false, isAsked: false, epoch: 0, targetDurationMs: undefined, horizonUs: 0 }),
    open: (socket) => socket.destroy(),
    onReport: () => undefined,
    failed(error, where) {
      failed.push(`${where}: ${(error as Error).message}`);
      if (failed.length === count) resolve();
    },
    ended: (thread) => ended.push(thread),
    program: new URL('./faulty-thread.fixture.ts', import.meta.url),
    ...(checkEveryMs !== undefined && { checkEveryMs }),
  };
  return { threads: await openServingThreads(options), forgotten, failed, ended, both };
}

suite('serving threads that fail', () => {
  test('by a crash: it is reported, and another thread replaces them', async () => {
    const { threads, forgotten, failed, ended, both } = await openFaulty(2);
    assert.equal(threads.port, 7);
    forgotten.emit(segmentLocation('throw'));
    await both;
    assert.deepEqual(
      failed.toSorted(),
      [1, 2].map((number) => `serving thread ${number}: requested by the test`),
    );
    assert.deepEqual(ended.toSorted(), [1, 2]);
    await threads.requestReports(); // no thread can report: the request times out
    while (ended.length < 4) {
      forgotten.emit(segmentLocation('throw')); // the replacements fail too
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await threads.close();
  });

  test('by blocking: they are terminated before their messages accumulate', async () => {
    const { threads, forgotten, failed, both } = await openFaulty(1, 200); // blocked after 6 s, which a slow start does not take
    forgotten.emit(segmentLocation('block'));
    await both;
    assert.deepEqual(failed, ['serving thread 1: the thread is blocked']);
    await threads.close();
  });

  test('by a port that another program has taken meanwhile: they are terminated, and try again', async () => {
    const { threads, forgotten, failed, ended, both } = await openFaulty(1);
    forgotten.emit(segmentLocation('refuse'));
    await both;
    assert.deepEqual([failed, ended], [['serving thread 1: taken'], [1]]);
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
