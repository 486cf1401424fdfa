import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { applyChange } from './live-window-change.ts';
import { LiveWindowWriter } from './live-window-writer.ts';
import { continuous, createPackagerRig, RIG_START_US } from './packager.fixture.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];

/** Two runs, the second with another generation, then the end of the window. */
function* twoRuns(rig: ReturnType<typeof createPackagerRig>): Generator<void> {
  const publish = function* (frames: readonly Frame[]) {
    for (const [i, frame] of frames.entries()) {
      rig.stream.publish(frame);
      if (i % 40 === 0) yield;
    }
  };
  const frames = (rate: number, seconds: number) =>
    interleave(both, [
      videoFrames({ track: video, seconds, rate, gopS: 1 }),
      audioFrames({ track: audio, seconds, startS: 10 }),
    ]);
  rig.stream.startRun(continuous(both));
  yield* publish(frames(25, 12));
  rig.stream.absent('source-down', 'over');
  yield;
  rig.packager.endList();
  rig.stream.startRun(continuous(both, { utcOffsetUs: RIG_START_US + 5_000_000 }));
  yield* publish(frames(50, 30));
  rig.listWriter.addDateRanges([{ id: 'one', startDateMs: RIG_START_US / 1000 + 6000, attributes: {} }]);
  yield;
  rig.listWriter.lost(rig.groups.at(-1)!.msn);
  rig.listWriter.recorded(rig.groups.at(-2)!.msn);
  yield;
  rig.packager.endList();
  yield;
}

suite('replicas of a live window', () => {
  test('equal the original at any time if every change is applied', () => {
    const rig = createPackagerRig({ recorded: true });
    const replicas: LiveWindowWriter[] = [];
    // As messages: what crosses threads is cloned.
    rig.list.copied.subscribe((change) => {
      for (const replica of replicas) applyChange(replica, structuredClone(change));
    });
    for (const _ of twoRuns(rig)) {
      for (const { list: replica } of replicas) {
        assert.equal(replica.memoryBytes, rig.list.memoryBytes);
        assert.equal(replica.ready, rig.list.ready);
        assert.deepEqual(replica.state, rig.list.state);
      }
      replicas.push(LiveWindowWriter.from(structuredClone(rig.list.state)));
    }
    assert.ok(replicas.length > 20 && rig.generations.length > 1);
    assert.ok(rig.list.ended);
  });

  test('share the bytes of media', () => {
    const rig = createPackagerRig({ shared: true });
    const replica = LiveWindowWriter.from(structuredClone(rig.list.state));
    rig.list.copied.subscribe((change) => applyChange(replica, structuredClone(change)));
    const steps = twoRuns(rig);
    for (let i = 0; i < 8; i++) steps.next();
    const [own, other] = [rig.list, replica.list].map((list) => list.segments[0]!.bytes!.get(video.id)!);
    own![0]! ^= 1;
    assert.equal(other![0], own![0]);
  });

  test('that are discarded are empty, and notify their waiting requests', () => {
    const rig = createPackagerRig();
    const steps = twoRuns(rig);
    for (let i = 0; i < 8; i++) steps.next();
    const replica = LiveWindowWriter.from(structuredClone(rig.list.state));
    let woken = 0;
    replica.list.changes.subscribe(() => woken++);
    const { number } = replica.list.generation!;
    const { msn } = replica.list.segments[0]!;
    replica.clear();
    assert.equal(woken, 1);
    assert.equal(replica.list.view(number), undefined);
    assert.equal(replica.list.find(msn), undefined);
    assert.equal(replica.list.ready, false);
  });
});
