/**
 * A channel on virtual time: every change within one frame of its time, sound with its picture, and playlists
 * without a finding. The second tier plays a day with 300 items.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { openTimeZone } from '../../src/api/local-time.ts';
import { Plan } from '../../src/features/channel/plan/plan.ts';
import { type ChannelItem, Schedule } from '../../src/features/channel/plan/schedule.ts';
import type { Media as Playable } from '../../src/features/channel/playable.ts';
import { Playout } from '../../src/features/channel/playout/playout.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { StreamInput } from '../../src/live/input.ts';
import { need } from '../fixtures/need.ts';
import { VirtualTime } from '../fixtures/virtual-time.ts';
import { fullTest } from '../full.ts';
import type { Follower } from './checker.ts';
import { assertLive } from './harness/assertions.ts';
import { encode, type Media } from './harness/encoded-media.ts';
import { STREAM, StreamHarness } from './harness/stream-harness.ts';

/** Bytes of a frame with where they are from. */
type Marked = Uint8Array & { item?: string; sourceUs?: number };

/** Playlists are read this often around a change, ms. */
const STEP_MS = 1000;
/** And this often between changes, ms: no segment leaves the window of five minutes before it was read. */
const BETWEEN_MS = 120_000;
/** How far sound may be from its picture, µs. */
const APART_US = 40_000;

const trackOf = ({ tracks }: Media, { trackId }: Frame): Track => tracks.find(({ id }) => id === trackId)!;

/** Media that repeats itself for ever; a piece is one repetition. Positions count from its first picture. */
function endless(media: Media, item: string, seconds: number): Playable {
  const reference = media.tracks.find(({ kind }) => kind === 'video')!;
  const originUs = ticksToUs(media.frames.find(({ trackId }) => trackId === reference.id)!.pts, reference.timescale);
  return {
    async *pieces(fromUs, { signal }) {
      for (let round = Math.floor(fromUs / (seconds * 1e6)); !signal.aborted; round++) {
        const offsetUs = round * seconds * 1e6 - originUs;
        const frames = media.frames.map((frame): Frame => {
          const data: Marked = frame.data.subarray();
          data.item = item;
          data.sourceUs = ticksToUs(frame.pts, trackOf(media, frame).timescale) + offsetUs;
          return { ...frame, data };
        });
        yield { tracks: media.tracks, frames, offsetUs, jumps: false };
      }
    },
  };
}

/**
 * Media of whole frames of sound only, so that its repetitions follow each other: 8 s of 48 kHz, 32 s of
 * 16 kHz.
 */
function whole(media: Media, seconds: number): Media {
  const sound = media.tracks.find(({ kind }) => kind === 'audio')!;
  let left = sound.kind === 'audio' ? (seconds * sound.config.sampleRate) / 1024 : 0;
  assert.ok(Number.isInteger(left));
  const frames = media.frames.filter(({ trackId }) => trackId !== sound.id || left-- > 0);
  return { ...media, frames };
}

/** What was sent of an item. */
interface Sent {
  firstUs: number;
  /** When its first frame was sent, ms. */
  sentMs: number;
  videoUs?: number;
  apartUs: number;
}

/** An input that notes what is sent of each item. */
function noted(
  input: StreamInput,
  clock: Clock,
): { readonly input: StreamInput; readonly sent: Map<string, Sent>; holesUs: number } {
  let tracks: readonly Track[] = [];
  let endUs = 0;
  const noting = {
    sent: new Map<string, Sent>(),
    holesUs: 0,
    input: {
      startRun(start) {
        ({ tracks } = start);
        input.startRun(start);
      },
      publish(frame) {
        const { kind, timescale } = tracks.find(({ id }) => id === frame.trackId)!;
        const { item = '', sourceUs = 0 } = frame.data as Marked;
        const us = ticksToUs(frame.pts, timescale);
        const sent = noting.sent.get(item) ?? { firstUs: us, sentMs: clock.nowMs(), apartUs: 0 };
        noting.sent.set(item, sent);
        if (kind === 'video') {
          sent.videoUs ??= us - sourceUs;
          if (endUs > 0) noting.holesUs = Math.max(noting.holesUs, us - endUs);
          endUs = Math.max(endUs, us + ticksToUs(frame.duration, timescale));
        } else if (sent.videoUs !== undefined) {
          sent.apartUs = Math.max(sent.apartUs, Math.abs(us - sourceUs - sent.videoUs));
        }
        input.publish(frame);
      },
      flush: () => input.flush(),
      absent: (cause, detail) => input.absent(cause, detail),
      damage: (reason) => input.damage(reason),
    } satisfies StreamInput,
  };
  return noting;
}

/** Asserts that every segment was listed whole when it was read. @param readTo the next MSN of each list */
function assertAllRead(checker: Follower, readTo: Map<string, number>): void {
  for (const url of checker.lists) {
    const { mediaSequence, segments } = checker.listOf(url)!;
    const next = readTo.get(url) ?? mediaSequence;
    assert.ok(mediaSequence <= next, `${url} begins with ${mediaSequence}, and ${next} was never read`);
    readTo.set(url, mediaSequence + segments.length);
  }
}

/** Plays items of the given lengths one after the other, and checks what the channel sends. */
async function playDay(media: readonly { media: Media; seconds: number; rate: number }[], lengthsS: readonly number[]) {
  let harness: StreamHarness | undefined;
  using time = new VirtualTime(
    (ms) => harness?.rig.clock.advance(ms),
    () => 0.5,
  );
  harness = await StreamHarness.open({ players: false });
  await using _ = harness;
  const { clock } = harness.rig;
  const startMs = Math.ceil(clock.nowMs() / 1000) * 1000 + 2000;
  let atMs = startMs;
  const items = lengthsS.map((seconds, i): ChannelItem => {
    const item = { id: `${i}`, kind: 'asset', ref: `${i % media.length}`, title: `${i}`, weekly: false } as const;
    const begin = atMs;
    atMs += seconds * 1000;
    return { ...item, startMs: begin, durationMs: seconds * 1000, mediaMs: 0 };
  });
  const byId = new Map(items.map((item) => [item.startMs, item]));
  const plan = new Plan(new Schedule(openTimeZone('UTC'), items), {
    clock,
    media: {
      open: async (item) => {
        const { media: film, seconds } = media[Number(item.ref)]!;
        return endless(film, (item as ChannelItem).id, seconds);
      },
      isLive: () => false,
      titleOf: () => '',
      fill: async () => [],
    },
  });
  const noting = noted(harness.rig.source(STREAM).input, clock);
  const playout = new Playout({ plan, input: noting.input, clock });
  const ends = new AbortController();
  const run = playout.run({ signal: ends.signal });
  const readTo = new Map<string, number>();
  while (clock.nowMs() < atMs - 500) {
    await time.runFor(STEP_MS);
    // Playlists are followed around the changes: what is between them is that of any stream.
    const nowMs = clock.nowMs();
    const isNear = items.some(({ startMs: at }) => nowMs > at - 2000 && nowMs < at + 4000);
    const isRead = isNear || Math.round(nowMs / STEP_MS) % (BETWEEN_MS / STEP_MS) === 0;
    if (isRead || Math.round(nowMs / STEP_MS) % 20 === 0) await harness.rig.settle();
    if (!isRead || !harness.stream.served.list.ready) continue;
    await harness.checker.look();
    assertAllRead(harness.checker, readTo);
  }
  ends.abort();
  await time.runFor(1000);
  await run;
  assert.equal(byId.size, lengthsS.length);
  for (const { id, ref, startMs: at } of items) {
    const sent = noting.sent.get(id);
    assert.ok(sent, `item ${id} was sent`);
    const { rate } = media[Number(ref)]!;
    const lateUs = Math.abs(sent.firstUs - at * 1000);
    assert.ok(lateUs <= 1e6 / rate, `item ${id} begins ${lateUs} µs from its time`);
    assert.ok(sent.sentMs - at <= 1000 / rate, `item ${id} was sent ${sent.sentMs - at} ms after its time`);
    assert.ok(sent.apartUs <= APART_US, `the sound of item ${id} is ${sent.apartUs} µs from its picture`);
  }
  assert.deepEqual(plan.skips, []);
  await harness.end();
  // A Multivariant Playlist is of the newest item; its lists have older ones too, as after any change.
  await assertLive(harness, ['codecs-true', 'resolution-true']);
  return noting;
}

suite('a day of a channel', { skip: need('ffmpeg') }, () => {
  test('items of several codecs, sizes and rates change within a frame, without a finding', async () => {
    const media = [
      { media: whole(await encode({ seconds: 8, rate: '25', gopS: 2, bFrames: 2 }), 8), seconds: 8, rate: 25 },
      { media: whole(await encode({ seconds: 8, rate: '10', gopS: 2, size: '192x108' }), 8), seconds: 8, rate: 10 },
    ];
    await playDay(media, [5, 6, 4.44, 7]);
  });

  // Five minutes of processor time on a slow machine, which other tests use too.
  fullTest('24 hours with 300 items do', { timeout: 1_100_000 }, async () => {
    const audio = [{ sampleRate: 16_000 }];
    const media = [
      { media: whole(await encode({ seconds: 32, rate: '5', gopS: 2, audio }), 32), seconds: 32, rate: 5 },
      {
        media: whole(await encode({ seconds: 32, rate: '10', gopS: 2, bFrames: 2, audio }), 32),
        seconds: 32,
        rate: 10,
      },
      {
        media: whole(await encode({ seconds: 32, rate: '5', gopS: 2, codec: 'hevc', audio }), 32),
        seconds: 32,
        rate: 5,
      },
      {
        media: whole(await encode({ seconds: 32, rate: '5', gopS: 4, size: '192x108', audio }), 32),
        seconds: 32,
        rate: 5,
      },
    ];
    const lengths = Array.from({ length: 300 }, (_, i) => 288 + ((i * 37) % 61) - 30);
    await playDay(media, lengths);
  });
});
