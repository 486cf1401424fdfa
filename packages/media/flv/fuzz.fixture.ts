/**
 * Harmed messages for the demuxer of FLV.
 * In: a seed. Out: how many frames came out, or what failed: no error but FormatError, times rise within 0.5
 * s, no bytes from nowhere. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import type { Frame, Track } from '../frame.ts';
import { seeded } from '../random.fixture.ts';
import { createFlvDemuxer } from './demuxer.ts';
import { messagesOfEachKind } from './forms.fixture.ts';
import { feed } from './media.fixture.ts';
import type { FlvMessage } from './message.ts';

/**
 * Feeds `count` messages, some of them harmed, to demuxers of 100 messages each; returns the number of
 * frames.
 */
export function fuzzFlvDemuxer(seed: number, count: number): number {
  const random = seeded(seed);
  const good = messagesOfEachKind();
  let frames = 0;
  for (let done = 0; done < count; done += 100) {
    let tracks = new Map<number, Track>();
    const last = new Map<number, Frame>();
    const demuxer = createFlvDemuxer({
      tracks: (all) => {
        tracks = new Map(all.map((track) => [track.id, track]));
        last.clear();
      },
      frame: (frame) => {
        frames++;
        const track = tracks.get(frame.trackId);
        assert.ok(track, 'a frame of an announced track');
        assert.ok(frame.dts >= 0 && frame.dts <= frame.pts && frame.duration > 0 && Number.isInteger(frame.dts));
        assert.ok(Number.isInteger(frame.pts) && Number.isInteger(frame.duration) && frame.data.length > 0);
        const before = last.get(frame.trackId);
        const isBack = before !== undefined && frame.dts <= before.dts;
        const beginsRun = track.kind === 'video' && frame.key;
        const isJump = beginsRun || (before !== undefined && before.dts - frame.dts > track.timescale * 0.4);
        assert.ok(!isBack || isJump, 'decode times rise, or jump');
        last.set(frame.trackId, frame);
      },
      damage: (reason) => assert.ok(reason.length < 400),
    });
    try {
      // A few neighbours over and over: a configuration and its frames.
      const from = random(good.length);
      const span = 2 + random(8);
      for (let i = 0; i < 100; i++) feed(demuxer, harmed(good[(from + random(span)) % good.length]!, i, random));
      demuxer.flush();
    } catch (error) {
      assert.ok(error instanceof FormatError, (error as Error).stack);
    }
  }
  return frames;
}

function harmed(message: FlvMessage, i: number, random: (below: number) => number): FlvMessage {
  let body = message.body.slice();
  const kind = random(6);
  if (kind === 0) body = body.subarray(0, random(body.length + 1));
  if (kind === 1) for (let n = random(4); n >= 0 && body.length > 0; n--) body[random(body.length)] = random(256);
  if (kind === 2 && body.length > 0) body[random(Math.min(12, body.length))] = random(256);
  const jump = random(40) === 0 ? random(2 ** 32) : 0;
  return { ...message, body, timestampMs: (i * 20 + random(25) + jump) >>> 0 };
}
