import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import type { Frame } from '../media/frame.ts';
import { continuous, createHouse, HOUSE_START_US } from './house.fixture.ts';
import { LiveWindow } from './live-window.ts';

const video = videoTrack();
const audio = audioTrack();
const both = [video, audio];

/** Two runs, the second with other promises, then the end of the list. */
function* story(house: ReturnType<typeof createHouse>): Generator<void> {
  const publish = function* (frames: readonly Frame[]) {
    for (const [i, frame] of frames.entries()) {
      house.stream.publish(frame);
      if (i % 40 === 0) yield;
    }
  };
  const frames = (rate: number, seconds: number) =>
    interleave(both, [
      videoFrames({ track: video, seconds, rate, gopS: 1 }),
      audioFrames({ track: audio, seconds, startS: 10 }),
    ]);
  house.stream.startRun(continuous(both));
  yield* publish(frames(25, 12));
  house.stream.absent('source-down', 'over');
  yield;
  house.packager.endList();
  house.stream.startRun(continuous(both, { utcOffsetUs: HOUSE_START_US + 5_000_000 }));
  yield* publish(frames(50, 30));
  house.list.addDateRanges([{ id: 'one', startDateMs: HOUSE_START_US / 1000 + 6000, attributes: {} }]);
  yield;
  house.list.lost(house.groups.at(-1)!.msn);
  house.list.recorded(house.groups.at(-2)!.msn);
  yield;
  house.packager.endList();
  yield;
}

suite('copies of a live list', () => {
  test('equal the original at any time if every change is applied', () => {
    const house = createHouse({ recorded: true });
    const copies: LiveWindow[] = [];
    // As messages: what crosses threads is cloned.
    house.list.copied.subscribe((change) => {
      for (const copy of copies) copy.apply(structuredClone(change));
    });
    for (const _ of story(house)) {
      for (const copy of copies) {
        assert.equal(copy.memoryBytes, house.list.memoryBytes);
        assert.equal(copy.ready, house.list.ready);
        assert.deepEqual(copy.state, house.list.state);
      }
      copies.push(LiveWindow.from(structuredClone(house.list.state)));
    }
    assert.ok(copies.length > 20 && house.generations.length > 1);
    assert.ok(house.list.ended);
  });

  test('share the bytes of media', () => {
    const house = createHouse({ shared: true });
    const copy = LiveWindow.from(structuredClone(house.list.state));
    house.list.copied.subscribe((change) => copy.apply(structuredClone(change)));
    const steps = story(house);
    for (let i = 0; i < 8; i++) steps.next();
    const [own, other] = [house.list, copy].map((list) => list.segments[0]!.bytes!.get(video.id)!);
    own![0]! ^= 1;
    assert.equal(other![0], own![0]);
  });

  test('that are let go know nothing, and wake who waits for them', () => {
    const house = createHouse();
    const steps = story(house);
    for (let i = 0; i < 8; i++) steps.next();
    const copy = LiveWindow.from(structuredClone(house.list.state));
    let woken = 0;
    copy.changes.subscribe(() => woken++);
    const { number } = copy.generation!;
    const { msn } = copy.segments[0]!;
    copy.clear();
    assert.equal(woken, 1);
    assert.equal(copy.view(number), undefined);
    assert.equal(copy.find(msn), undefined);
    assert.equal(copy.ready, false);
  });
});
