import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { VirtualTime } from '../../../../test/fixtures/virtual-time.ts';
import { openTimeZone } from '../../../api/local-time.ts';
import { sleep } from '../../../lib/abort.ts';
import { type Clock, createManualClock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { videoTrack } from '../../../live/frames.fixture.ts';
import type { StreamInput } from '../../../live/input.ts';
import { Plan } from '../plan/plan.ts';
import { type ChannelItem, Schedule } from '../plan/schedule.ts';
import type { Media } from '../playable.ts';
import { Playout } from './playout.ts';

const START_MS = 1_795_000_200_000;
const PICTURES = 10;
const track = videoTrack();

/** Pictures of whole seconds, with their second as data, until `endS`. */
function film(endS: number, read: (second: number) => void = () => {}): Media {
  return {
    async *pieces(fromUs) {
      for (let second = Math.floor(fromUs / 1e6); second < endS; second++) {
        read(second);
        const frames = Array.from({ length: PICTURES }, (_, i): Frame => {
          const at = second * 90_000 + (i * 90_000) / PICTURES;
          const data = Buffer.from(String(second));
          return { trackId: 1, dts: at, pts: at, duration: 90_000 / PICTURES, key: i === 0, data };
        });
        yield { tracks: [track], frames, offsetUs: 0, jumps: false };
      }
    },
  };
}

/**
 * A live stream from its last key frame on, one picture in each piece, with its instant as data, ms.
 *
 * @param silentMs time after it was opened in which nothing comes
 */
function live(clock: Clock, silentMs = 0): Media {
  return {
    async *pieces(_fromUs, { signal }) {
      if (silentMs > 0) await sleep(silentMs, { signal });
      for (let ms = Math.floor(clock.nowMs() / 1000) * 1000; ; ms += 1000 / PICTURES) {
        const waitMs = ms - clock.nowMs();
        if (waitMs > 0) await sleep(waitMs, { signal });
        const at = ms * 90;
        const frame = { trackId: 1, dts: at, pts: at, duration: 90_000 / PICTURES, key: ms % 1000 === 0 };
        yield { tracks: [track], frames: [{ ...frame, data: Buffer.from(String(ms)) }], offsetUs: 0, jumps: false };
      }
    },
  };
}

/** Media whose key frames are lost. */
function withoutKeys(media: Media): Media {
  return {
    async *pieces(fromUs, options) {
      for await (const piece of media.pieces(fromUs, options))
        yield { ...piece, frames: piece.frames.map((frame) => ({ ...frame, key: false })) };
    },
  };
}

/** Plays items that follow each other, of a recording from a minute on, while `act` runs. */
async function play(
  seconds: number,
  open: (item: Pick<ChannelItem, 'mediaMs' | 'durationMs'>, clock: Clock) => Media,
  act: (parts: {
    plan: Plan;
    playout: Playout;
    item: ChannelItem;
    time: VirtualTime;
    /** Of key frames, their data. */
    shown: number[];
    /** How long after the instant in its data each frame was sent, ms. */
    latenciesMs: number[];
    /** How long after its decode time each frame was sent, ms. */
    lateMs: number[];
  }) => Promise<void>,
  { kind = 'recording', count = 1 }: { readonly kind?: 'recording' | 'live'; readonly count?: number } = {},
): Promise<void> {
  const clock = createManualClock(START_MS);
  using time = new VirtualTime(
    (ms) => clock.advance(ms),
    () => 0.5,
  );
  const begins = { startMs: START_MS + 1000, durationMs: seconds * 1000, weekly: false, mediaMs: 60_000 };
  const item: ChannelItem = { id: 'a0', kind, ref: 'cam', title: 'a', ...begins };
  const items = Array.from({ length: count }, (_, i): ChannelItem => {
    return { ...item, id: `a${i}`, startMs: item.startMs + i * item.durationMs };
  });
  const plan = new Plan(new Schedule(openTimeZone('UTC'), items), {
    clock,
    media: {
      open: async (of) => open(of, clock),
      isLive: () => kind === 'live',
      titleOf: () => '',
      fill: async () => [],
    },
  });
  const shown: number[] = [];
  const latenciesMs: number[] = [];
  const lateMs: number[] = [];
  const input = {
    startRun() {},
    publish({ dts, data, key }: Frame) {
      const value = Number(Buffer.from(data).toString());
      if (key) shown.push(value);
      latenciesMs.push(clock.nowMs() - value);
      lateMs.push(clock.nowMs() - dts / 90);
    },
    flush() {},
    absent() {},
    damage() {},
  } as StreamInput;
  const playout = new Playout({ plan, input, clock });
  const ends = new AbortController();
  const run = playout.run({ signal: ends.signal });
  await act({ plan, playout, item, time, shown, latenciesMs, lateMs });
  ends.abort();
  await time.runFor(1000);
  await run;
}

suite('the playout of a channel', () => {
  test('frames of a live stream are sent as they come, at most a group of pictures later', async () => {
    await play(
      20,
      (_, clock) => live(clock),
      async ({ time, latenciesMs }) => {
        await time.runFor(21_000);
        assert.ok(latenciesMs.length >= 19 * PICTURES, `${latenciesMs.length} frames were sent`);
        const mostMs = Math.max(...latenciesMs);
        assert.ok(mostMs <= 1000 + 1000 / PICTURES, `a frame was sent after ${mostMs} ms`);
      },
      { kind: 'live' },
    );
  });

  test('a live stream that comes later begins then, and is not behind', async () => {
    await play(
      10,
      (_, clock) => live(clock, 1500),
      async ({ time, lateMs }) => {
        await time.runFor(11_000);
        assert.ok(lateMs.length >= 7 * PICTURES, `${lateMs.length} frames were sent`);
        assert.ok(Math.max(...lateMs) <= 1, `a frame was sent ${Math.max(...lateMs)} ms late`);
      },
      { kind: 'live' },
    );
  });

  test('an item follows another one in time, and is opened once', async () => {
    let opened = 0;
    await play(
      6,
      () => {
        opened++;
        return film(1000);
      },
      async ({ time, lateMs }) => {
        await time.runFor(17_950);
        assert.deepEqual([lateMs.length, opened], [17 * PICTURES, 3]);
        assert.ok(Math.max(...lateMs) <= 1, `a frame was sent ${Math.max(...lateMs)} ms late`);
      },
      { count: 3 },
    );
  });

  test('an item with a part that is damaged continues behind that part', async () => {
    const damaged = (second: number) => {
      if (second === 70) throw new OxbowError('media-damaged', 'This part of the recording is damaged.');
    };
    await play(
      60,
      () => film(1000, damaged),
      async ({ plan, time, shown }) => {
        await time.runFor(40_000);
        assert.deepEqual(
          shown.filter((second) => second < 70),
          [60, 61, 62, 63, 64, 65, 66, 67, 68, 69],
        );
        assert.ok(shown.includes(80), shown.join());
        assert.deepEqual(
          plan.skips.map(({ reason }) => reason),
          ['This part of the recording is damaged'],
        );
      },
    );
  });

  test('an item that is made longer while it plays is played to its new end', async () => {
    await play(
      10,
      ({ mediaMs, durationMs }) => film((mediaMs + durationMs) / 1000),
      async ({ plan, playout, item, time, shown }) => {
        await time.runFor(5000);
        plan.replace(new Schedule(openTimeZone('UTC'), [{ ...item, durationMs: 20_000 }]), undefined);
        playout.wake();
        await time.runFor(25_000);
        assert.deepEqual(
          shown,
          Array.from({ length: 20 }, (_, i) => 60 + i),
        );
        assert.deepEqual(plan.skips, []);
      },
    );
  });

  test('a live stream that sends no key frame holds neither the next item nor the end', async () => {
    let isKeyless = true;
    await play(
      8,
      (_, clock) => (isKeyless ? withoutKeys(live(clock)) : live(clock)),
      async ({ plan, time, shown }) => {
        await time.runFor(8500);
        assert.deepEqual([shown, plan.skips.map(({ reason }) => reason)], [[], ['it has no key frame']]);
        isKeyless = false;
        await time.runFor(4000);
        assert.ok(shown.length > 0, 'the next item is shown');
      },
      { kind: 'live', count: 2 },
    );
    await play(
      60,
      (_, clock) => withoutKeys(live(clock)),
      ({ time }) => time.runFor(3000),
      { kind: 'live' },
    );
  });

  test('an interruption that ends early returns to the second of the schedule, not to what was prepared', async () => {
    await play(
      60,
      ({ mediaMs }, clock) => (mediaMs === 0 ? live(clock) : film(1000)),
      async ({ plan, playout, time, shown }) => {
        plan.replace(plan.schedule, { streamId: 'door', untilMs: START_MS + 11_000 });
        await time.runFor(9000);
        plan.replace(plan.schedule, undefined);
        playout.wake();
        await time.runFor(1500);
        const first = shown.find((value) => value < 1000);
        assert.ok(first !== undefined && first <= 68, `it returns to second ${first}`);
      },
    );
  });
});
