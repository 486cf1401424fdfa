import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createManualClock } from '../../../lib/clock.ts';
import { type RemoteEdge, RemoteTimelines } from './remote-timelines.ts';

test('the edge of a stream of another node grows with time, is requested once a second, and ends when its node does not answer', async () => {
  const clock = createManualClock();
  const failures: unknown[] = [];
  let asked = 0;
  let answer: RemoteEdge | undefined = { edgeMs: 50_000, distanceMs: 1500 };
  const timelines = new RemoteTimelines({
    monotonicMs: () => clock.monotonicMs(),
    async edge() {
      asked++;
      if (!answer) throw new RangeError('gone');
      return answer;
    },
    async span(_, fromMs) {
      if (!answer) throw new RangeError('gone');
      return { fromMs, toMs: 60_000 };
    },
    failed: (error) => void failures.push(error),
  });
  const timeline = timelines.of('cam');
  await timelines.refresh('cam');
  assert.deepEqual([timeline.edgeMs(), timeline.distanceMs()], [50_000, 1500]);
  clock.advance(400);
  assert.equal(timeline.edgeMs(), 50_400);
  assert.equal(asked, 1);
  answer = { edgeMs: 51_100, distanceMs: 1500 };
  clock.advance(600);
  for (let n = 0; n < 20; n++) timeline.edgeMs();
  assert.equal(asked, 2);
  await turn();
  assert.equal(timeline.edgeMs(), 51_100);
  answer = undefined;
  for (let n = 0; n < 5; n++) {
    clock.advance(1000);
    timeline.edgeMs();
    await turn();
  }
  assert.equal(timeline.edgeMs(), undefined);
  assert.ok(failures.length > 0);
  assert.equal(await timeline.span(7), undefined, 'none for now');
  answer = { edgeMs: null, distanceMs: 1500 };
  await timelines.refresh('cam');
  assert.equal(timeline.edgeMs(), undefined, 'it is offline');
  assert.deepEqual(await timeline.span(7), { fromMs: 7, toMs: 60_000 });
});
