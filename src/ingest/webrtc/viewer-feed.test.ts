import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AudioTrack, Frame, Track } from '@oxbow/media/frame';
import { opusConfig } from '@oxbow/media/opus/config';
import { filled, sampleOf, tracks } from '@oxbow/media/rtp/send/send.fixture';
import { audioTrack } from '../../live/frames.fixture.ts';
import type { RunContext, Sink } from '../../live/sink.ts';
import type { LiveSource } from '../publish-access.ts';
import { type FeedRun, ViewerFeed } from './viewer-feed.ts';

const video = tracks.h264;
const aac = audioTrack() as AudioTrack;
const second = audioTrack(48_000, { id: 3 });
const opus: AudioTrack = { ...aac, timescale: 48_000, config: opusConfig(2)! };
const surround: AudioTrack = { ...aac, config: opusConfig(6)! };

const picture = (n: number): Frame => ({
  trackId: 1,
  dts: n * 3000,
  pts: n * 3000,
  duration: 3000,
  key: n === 0,
  data: sampleOf(filled(100, n === 0 ? 0x65 : 0x41)),
});
const sound = (n: number, trackId = 2): Frame => {
  const pts = n * 1024;
  return { trackId, dts: pts, pts, duration: 1024, key: true, data: Uint8Array.of(0xaa, n) };
};

/** A feed of a made-up stream, with a converter whose answers a test gives. */
function open() {
  const conversions: { readonly name: string; readonly calls: string[]; deliver(frame: Frame): void }[] = [];
  let sink: Sink | undefined;
  let isAttached = true;
  const source = {
    attach(attached: Sink) {
      sink = attached;
      return {
        [Symbol.dispose]: () => {
          isAttached = false;
        },
      };
    },
    requestKeyFrame: () => true,
  } as unknown as LiveSource;
  const feed = new ViewerFeed(source, 'door', (name, deliver) => {
    const calls: string[] = [];
    conversions.push({ name, calls, deliver });
    return {
      startRun(track) {
        calls.push(`run ${track.config.codec}`);
        return opus;
      },
      write: ({ pts }) => void calls.push(`${pts}`),
      [Symbol.dispose]: () => void calls.push('end'),
    };
  });
  const got: string[] = [];
  const runs: FeedRun[] = [];
  feed.add({
    startRun: (run) => void runs.push(run),
    write: ({ trackId, pts }, payloads, isPast) => void got.push(`${trackId}:${pts} ${payloads.length} ${isPast}`),
    end: (reason) => void got.push(reason),
  });
  const start = (list: readonly Track[], soft?: true) =>
    sink!.startRun({ tracks: list, reference: list[0]!, ...(soft && { soft }) } as unknown as RunContext);
  return { feed, conversions, got, runs, start, sink: sink!, isAttached: () => isAttached };
}

test('sound that is not Opus is offered as Opus at once, and sent when it is converted', () => {
  const { conversions, got, runs, start, sink } = open();
  start([video, aac, second]);
  const [, first, other] = runs[0]!.tracks;
  assert.deepEqual([first?.packetizer?.format.encoding, first?.timescale], ['opus', 48_000]);
  assert.equal(other?.packetizer, undefined, 'viewers get one audio track');
  sink.write(picture(0));
  sink.write(sound(0));
  sink.write(sound(0, 3));
  sink.write(picture(1));
  assert.deepEqual(got, ['1:0 1 false', '1:3000 1 false']);
  assert.deepEqual([conversions[0]?.name, conversions[0]?.calls], ['door', ['run aac', '0']]);
  conversions[0]!.deliver({ ...sound(0), pts: -312, dts: -312 });
  assert.deepEqual(got.slice(2), ['2:-312 1 false']);
});

test('a viewer that joins later gets no sound of the past', () => {
  const { feed, conversions, start, sink } = open();
  start([video, aac]);
  sink.write(picture(0));
  sink.write(sound(0));
  conversions[0]!.deliver(sound(0));
  const late: string[] = [];
  feed.add({ startRun: () => {}, end: () => {}, write: ({ trackId }) => void late.push(`${trackId}`) });
  assert.deepEqual(late, ['1']);
  conversions[0]!.deliver(sound(1));
  assert.deepEqual(late, ['1', '2']);
});

test('Opus is sent as it is, without a conversion; with more than two channels it is converted', () => {
  const { conversions, got, start, sink } = open();
  start([video, opus]);
  sink.write(picture(0));
  sink.write(sound(0));
  assert.deepEqual([got, conversions.length], [['1:0 1 false', '2:0 1 false'], 0]);
  start([video, surround]);
  assert.deepEqual(conversions[0]?.calls, ['run opus']);
});

test('all runs use one conversion; one without sound ends it', () => {
  const { conversions, start } = open();
  start([video, aac]);
  start([video, aac]);
  start([video, aac], true);
  assert.deepEqual(conversions[0]?.calls, ['run aac', 'run aac'], 'a soft run continues');
  start([video]);
  assert.deepEqual(conversions[0]?.calls.at(-1), 'end');
  start([video, aac]);
  assert.equal(conversions.length, 2);
});

test('the conversion ends with the feed, and with the stream', () => {
  const { feed, conversions, got, start, isAttached } = open();
  start([video, aac]);
  feed[Symbol.dispose]();
  assert.deepEqual([conversions[0]?.calls, isAttached()], [['run aac', 'end'], false]);
  conversions[0]!.deliver(sound(0));
  assert.deepEqual(got, []);

  const other = open();
  other.start([video, aac]);
  other.sink.detached!();
  assert.equal(other.conversions[0]?.calls.at(-1), 'end');
});

test('a stream of sound alone is converted too', () => {
  const { conversions, got, start, sink } = open();
  start([aac]);
  sink.write(sound(0));
  conversions[0]!.deliver(sound(0));
  assert.deepEqual([conversions[0]?.calls, got], [['run aac', '0'], ['2:0 1 false']]);
});

test('a run with B-frames is refused once they are seen; one without is offered after its first pictures', async () => {
  const { signal } = new AbortController();
  const good = open();
  good.start([video]);
  const offered = good.feed.run({ signal });
  for (const n of [0, 1, 2, 3]) good.sink.write(picture(n));
  assert.equal((await offered).tracks.length, 1);

  const bad = open();
  bad.start([video]);
  const refused = assert.rejects(bad.feed.run({ signal }), { code: 'offer-refused', message: /B-frames/ });
  bad.sink.write({ ...picture(0), pts: 6000 });
  bad.sink.write({ ...picture(1), pts: 12_000 });
  bad.sink.write({ ...picture(2), pts: 9000 });
  await refused;
  assert.match(bad.got.at(-1)!, /B-frames/, 'viewers that are connected get the reason too');
});
