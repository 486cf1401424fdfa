import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { VirtualTime } from '../../../../test/fixtures/virtual-time.ts';
import { openTimeZone } from '../../../api/local-time.ts';
import { createManualClock } from '../../../lib/clock.ts';
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

/** Plays an item of a recording from a minute on, while `act` runs. */
async function play(
  seconds: number,
  open: (item: Pick<ChannelItem, 'mediaMs' | 'durationMs'>) => Media,
  act: (parts: {
    plan: Plan;
    playout: Playout;
    item: ChannelItem;
    time: VirtualTime;
    shown: number[];
  }) => Promise<void>,
): Promise<void> {
  const clock = createManualClock(START_MS);
  using time = new VirtualTime(
    (ms) => clock.advance(ms),
    () => 0.5,
  );
  const begins = { startMs: START_MS + 1000, durationMs: seconds * 1000, weekly: false, mediaMs: 60_000 };
  const item: ChannelItem = { id: 'a', kind: 'recording', ref: 'cam', title: 'a', ...begins };
  const plan = new Plan(new Schedule(openTimeZone('UTC'), [item]), {
    clock,
    media: { open: async (of) => open(of), isLive: () => false, titleOf: () => '', fill: async () => [] },
  });
  const shown: number[] = [];
  const input = {
    startRun() {},
    publish: ({ data, key }: Frame) => key && shown.push(Number(Buffer.from(data).toString())),
    flush() {},
    absent() {},
    damage() {},
  } as StreamInput;
  const playout = new Playout({ plan, input, clock });
  const ends = new AbortController();
  const run = playout.run({ signal: ends.signal });
  await act({ plan, playout, item, time, shown });
  ends.abort();
  await time.runFor(1000);
  await run;
}

suite('the playout of a channel', () => {
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
});
