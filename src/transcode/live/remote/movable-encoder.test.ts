import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { parseLadder } from '../../../lib/live-ladder.ts';
import { videoFrames, videoTrack } from '../../../live/frames.fixture.ts';
import { type FakeLiveEncoder, FakeLiveEncoders } from '../live-encoder.fixture.ts';
import { planLive } from '../live-plan.ts';
import { openMovableEncoder } from './movable-encoder.ts';
import type { RemoteEncoders } from './remote-encoders.ts';

const track = videoTrack() as VideoTrack;
const RATE = 25;
const frames = videoFrames({ track, seconds: 60, rate: RATE, gopS: 2 });

/** A movable encoder with made-up workers; segments of 2 s. */
async function openRig(t: TestContext, { free = 1, isReady = true } = {}) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const clock = { ms: 0 };
  const [workers, locals] = [new FakeLiveEncoders(), new FakeLiveEncoders()];
  const rig = { free, isReady };
  const moves: string[] = [];
  const failed: string[] = [];
  const out: Frame[] = [];
  const tracks: VideoTrack[] = [];
  const marks: number[] = [];
  const remote: RemoteEncoders = {
    get free() {
      return rig.free;
    },
    take(output) {
      if (rig.free === 0) return undefined;
      rig.free--;
      void workers.open(output);
      const worker = `w${workers.opened.length}`;
      return {
        encoder: workers.last,
        worker,
        nameOf: () => 'h264_fake fake0',
        ready: rig.isReady ? Promise.resolve() : new Promise(() => {}),
        fail: () => failed.push(worker),
      };
    },
  };
  const encoder = await openMovableEncoder(
    {
      track: (made) => void tracks.push(made),
      frame: (frame) => void out.push(frame),
      mark: ({ id }) => void marks.push(id),
    },
    {
      clock: { monotonicMs: () => clock.ms },
      remote,
      openLocal: locals.open,
      stream: 'cam',
      count: 1,
      burstMs: () => 0,
      moved: ({ worker }, why) => moves.push(`${worker ?? 'here'}: ${why}`),
    },
  );
  const plan = planLive(track, parseLadder('144p'));
  const [rung] = plan.rungs;
  let at = 0;
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  encoder.begin(track, {
    picture: plan.picture,
    renditions: [rung!.rendition],
    origin: -track.timescale,
    threads: 1,
  });
  encoder.enable([rung!.rendition.trackId]);
  await settle();
  return {
    rig,
    encoder,
    workers,
    locals,
    moves,
    failed,
    out,
    tracks,
    marks,
    settle,
    /** Sends this many seconds of media in their time. */
    async play(seconds: number) {
      for (const end = at + seconds * RATE; at < end; at++) {
        const frame = frames[at]!;
        if (frame.key) encoder.cut(frame.pts);
        encoder.send(frame);
        clock.ms += 1000 / RATE;
        t.mock.timers.tick(1000 / RATE);
        await settle();
      }
    },
    /** That each picture came out once and in order, up to this many seconds. */
    hasAll(seconds: number) {
      assert.deepEqual(
        out.map(({ pts }) => pts),
        frames.slice(0, seconds * RATE).map(({ pts }) => pts),
      );
    },
  };
}

const stall = (encoder: FakeLiveEncoder) => {
  encoder.isStalled = true;
};

test('delivers whole segments, and makes the one again in which a worker ended', async (t) => {
  const { workers, play, hasAll, out, moves, locals, settle, encoder } = await openRig(t);
  await play(5);
  hasAll(4);
  workers.last.end('killed');
  await settle();
  await play(2);
  hasAll(6);
  assert.deepEqual(moves, ['w1: ', 'here: killed']);
  assert.equal(locals.opened.length, 1);
  assert.equal(out.filter(({ key }) => key).length, 3, 'a key frame at each cut');
  await encoder[Symbol.asyncDispose]();
});

test('another worker continues where one ended', async (t) => {
  const { workers, play, hasAll, moves, locals, tracks, settle, encoder } = await openRig(t, { free: 2 });
  await play(3);
  workers.last.end('it leaves');
  await settle();
  await play(2);
  hasAll(4);
  assert.deepEqual(moves, ['w1: ', 'w2: it leaves']);
  assert.equal(locals.opened.length, 0);
  assert.equal(tracks.length, 2, 'the second one has its own track');
  await encoder[Symbol.asyncDispose]();
});

test('a worker that returns nothing is left within 5 s', async (t) => {
  const { workers, play, hasAll, moves, failed, encoder } = await openRig(t);
  await play(3);
  stall(workers.last);
  await play(4);
  assert.equal(moves.length, 2);
  assert.match(moves[1]!, /^here: nothing came back for 2\.[0-4] s/);
  assert.deepEqual(failed, ['w1']);
  await play(1);
  hasAll(8 - 2);
  await encoder[Symbol.asyncDispose]();
});

test('software of this machine encodes where a worker does not become ready, and until one is', async (t) => {
  const { rig, workers, play, hasAll, moves, failed, encoder } = await openRig(t, { isReady: false });
  await play(4);
  assert.deepEqual([moves, failed], [['here: '], ['w1']]);
  Object.assign(rig, { free: 1, isReady: true });
  await play(8);
  assert.deepEqual(moves, ['here: ', 'w2: a worker is free']);
  assert.ok(workers.last.taken > 0);
  await play(1);
  hasAll(12);
  await encoder[Symbol.asyncDispose]();
});

test('an encoder of a worker that fails on its device is left, and nothing of it is delivered', async (t) => {
  const { workers, play, hasAll, moves, encoder } = await openRig(t);
  await play(3);
  const [{ trackId }] = [planLive(track, parseLadder('144p')).rungs[0]!.rendition];
  workers.last.encoderFailed({ trackId, why: 'the device is gone', isLossy: true });
  await play(2);
  hasAll(4);
  assert.deepEqual(moves, ['w1: ', 'here: the device is gone']);
  await encoder[Symbol.asyncDispose]();
});

test('the end of a run delivers its last segment before its mark, also where the worker ends then', async (t) => {
  const { workers, play, hasAll, marks, settle, encoder } = await openRig(t);
  await play(3);
  stall(workers.last);
  encoder.mark({ id: 7, ends: true });
  assert.deepEqual(marks, []);
  workers.last.end('killed');
  await settle();
  hasAll(3);
  assert.deepEqual(marks, [7]);
  await encoder[Symbol.asyncDispose]();
});

test('it ends where encoders of this machine fail again and again', async (t) => {
  const { locals, play, settle, encoder } = await openRig(t, { free: 0 });
  await play(1);
  for (let i = 0; i < 3; i++) {
    locals.last.end('crashed');
    await settle();
  }
  assert.equal(await encoder.ended, 'crashed');
});
