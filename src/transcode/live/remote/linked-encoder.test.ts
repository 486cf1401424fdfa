import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { EncoderOrder } from '../../../ffmpeg/ladder-options.ts';
import { parseLadder } from '../../../lib/live-ladder.ts';
import { videoFrames, videoTrack } from '../../../live/frames.fixture.ts';
import { FakeLiveEncoders } from '../live-encoder.fixture.ts';
import { planLive } from '../live-plan.ts';
import { openLinkedEncoder } from './linked-encoder.ts';
import type { EncoderLink } from './remote-encoders.ts';
import { serveEncoder } from './serve-encoder.ts';

const track = videoTrack() as VideoTrack;

/** Two links that are each other's other side. */
function openPair(): [EncoderLink, EncoderLink] {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  let isOver = false;
  const close = (why: string) => {
    isOver = true;
    resolve(why);
  };
  const links: EncoderLink[] = [0, 1].map((side) => ({
    ended,
    close,
    onMessage: () => {},
    send: (message) => void (isOver || links[1 - side]!.onMessage(message)),
  }));
  return links as [EncoderLink, EncoderLink];
}

/** A worker with this many places, and the server's side of its link. */
function openRig(places: number) {
  const [near, far] = openPair();
  const fakes = new FakeLiveEncoders();
  const leaving = new AbortController();
  const failed: string[] = [];
  const rig = { left: places };
  const encoders = {
    async acquire() {
      if (rig.left === 0) return undefined;
      rig.left--;
      return {
        name: 'h264_fake',
        device: `fake${rig.left}`,
        fail: (why: string) => failed.push(why),
        [Symbol.dispose]: () => void rig.left++,
      };
    },
  };
  const serving = serveEncoder(far, { encoders, open: fakes.open, signal: leaving.signal });
  const out = {
    frames: [] as Frame[],
    tracks: [] as VideoTrack[],
    marks: [] as number[],
    orders: [] as EncoderOrder[],
  };
  const encoder = openLinkedEncoder(
    near,
    {
      track: (made) => out.tracks.push(made),
      frame: (frame) => out.frames.push(frame),
      mark: ({ id }) => out.marks.push(id),
    },
    (orders) => out.orders.push(...orders),
  );
  const plan = planLive(track, parseLadder('144p, 160p'));
  const renditions = plan.rungs.map(({ rendition }) => rendition);
  encoder.begin(track, { picture: plan.picture, renditions, origin: 0, threads: 1 });
  encoder.enable(renditions.map(({ trackId }) => trackId));
  return { rig, encoder, serving, out, failed, fakes, leaving, renditions };
}

const settle = async () => {
  for (let i = 0; i < 1000; i++) await Promise.resolve();
};

test('each rung has a place on a device while the link lasts, and pictures come back with their times', async () => {
  const { rig, encoder, serving, out, renditions } = openRig(2);
  const frames = videoFrames({ track, seconds: 1, rate: 25, gopS: 1 });
  encoder.cut(frames[0]!.pts);
  for (const [id, frame] of frames.entries()) {
    encoder.send(frame);
    encoder.mark({ id, ends: false });
  }
  await settle();
  assert.deepEqual(
    out.orders.map(({ hardware, device }) => `${hardware} ${device}`),
    ['h264_fake fake1', 'h264_fake fake0'],
  );
  assert.equal(rig.left, 0);
  for (const { trackId } of renditions) {
    assert.deepEqual(
      out.frames.filter((frame) => frame.trackId === trackId).map(({ pts }) => pts),
      frames.map(({ pts }) => pts),
    );
  }
  assert.equal(out.marks.at(-1), frames.length - 1);
  await encoder[Symbol.asyncDispose]();
  await serving;
  assert.equal(rig.left, 2);
});

test('a worker without a place for each rung ends the link, and keeps none', async () => {
  const { rig, encoder, serving } = openRig(1);
  await serving;
  assert.equal(await encoder.ended, 'no video device is free');
  assert.equal(rig.left, 1);
});

test('a worker that leaves ends the link, and its process', async () => {
  const { rig, encoder, serving, leaving, fakes } = openRig(2);
  await settle();
  leaving.abort();
  await serving;
  assert.equal(await encoder.ended, 'the worker leaves');
  assert.equal(await fakes.last.ended, 'closed');
  assert.equal(rig.left, 2);
});

test('a process that ends ends the link, and its devices are left alone', async () => {
  const { encoder, serving, fakes, failed } = openRig(2);
  await settle();
  fakes.last.end('the driver crashed');
  await serving;
  assert.equal(await encoder.ended, 'the driver crashed');
  assert.deepEqual(failed, ['the driver crashed', 'the driver crashed']);
});
