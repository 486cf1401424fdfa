import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { waitFor } from '../../lib/abort.ts';
import { FPS, listOf, makeMedia, pull, removeMedia, requested, ts } from './pull.fixture.ts';
import { RecordingInput } from './run/recording-input.fixture.ts';

suite('a source whose media is in the past', { skip: need('ffmpeg') }, () => {
  before(() => makeMedia({ ts: { seconds: 12 } }));
  after(removeMedia);

  /** An input that is not ready before `open` is called. */
  function gated(): { input: RecordingInput; open: () => void } {
    const gate = Promise.withResolvers<void>();
    const input = Object.assign(new RecordingInput(), {
      ready: (options: { signal: AbortSignal }) => waitFor(gate.promise, options),
    });
    return { input, open: gate.resolve };
  }

  test('an ended playlist is fetched completely, no faster than it can be recorded', async () => {
    const { input, open } = gated();
    await using p = await pull('/ts/index.m3u8', { input });
    await p.time.runFor(60_000);
    assert.equal(input.videoFrames, 0);
    assert.deepEqual(requested(p.origin), ['seg0.ts', 'seg1.ts', 'seg2.ts', 'seg3.ts']);
    open();
    await p.end();
    assert.equal(input.videoFrames, 12 * FPS);
    assert.deepEqual(input.absences, []);
  });

  test('so is the past of a live playlist; its edge does not wait', async () => {
    const { input, open } = gated();
    await using p = await pull('/live.m3u8', { input, fromMs: 60_000 }, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2, 3, 4, 5, 6, 7, 8, 9) }));
    });
    await p.time.runFor(1000);
    assert.equal(input.videoFrames, 0);
    open();
    await p.until(() => input.videoFrames === 10 * FPS);

    const live = gated();
    await using q = await pull('/live.m3u8', { input: live.input }, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2, 3, 4, 5, 6, 7, 8, 9) }));
    });
    await q.until(() => live.input.videoFrames === 3 * FPS);
    assert.deepEqual(requested(q.origin), ['seg7.ts', 'seg8.ts', 'seg9.ts']);
  });

  test('a segment that becomes past before its turn waits as well', async () => {
    const gate = Promise.withResolvers<void>();
    let waits = 0;
    const ready = (options: { signal: AbortSignal }) => {
      waits += 1;
      return waitFor(gate.promise, options);
    };
    const input = Object.assign(new RecordingInput(), { ready });
    await using p = await pull('/live.m3u8', { input, fromMs: 60_000 }, (origin) => {
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2, 3, 4, 5, 6, 7, 8, 9) }));
    });
    // By then the segments near the edge are past.
    await p.time.runFor(4000);
    gate.resolve();
    await p.until(() => input.videoFrames === 10 * FPS);
    assert.equal(waits, 10);
  });

  test('an EVENT playlist is pulled from near its edge or from the requested position, and ends with ENDLIST', async () => {
    const event = (ended: boolean) => (ended ? ts(0, 1, 2, 3, 4, 5, 6, 7) : ts(0, 1, 2, 3, 4, 5));
    for (const [fromMs, seconds] of [
      [0, 5],
      [3_600_000, 8],
    ] as const) {
      await using p = await pull('/live.m3u8', { fromMs }, (origin) => {
        let loads = 0;
        const head = '#EXT-X-PLAYLIST-TYPE:EVENT\n';
        origin.put('/live.m3u8', () => {
          const end = loads++ > 0;
          return listOf({ segments: event(end), end, head });
        });
      });
      await p.end();
      assert.equal(p.input.videoFrames, seconds * FPS);
      assert.deepEqual(p.input.absences, []);
    }
  });
});
