import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { afterEach, suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { type PlayedMessage, TestPlayer } from '@oxbow/wire/rtmp/player.fixture';
import { OxbowError } from '../../lib/errors.ts';
import { audioFrames, interleave, videoFrames } from '../../live/frames.fixture.ts';
import { audio, type Heard, open, start, video } from '../../live/stream.fixture.ts';
import { createMetrics } from '../../observe/metrics.ts';
import type { LiveSource, PublishAccess, ReadRequest } from '../publish-access.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { Playback } from './play.ts';
import { openRtmpServer, type RtmpServer } from './server.ts';

const players = new Set<TestPlayer>();
let server: RtmpServer | undefined;
afterEach(async () => {
  for (const { socket } of players) socket.destroy();
  players.clear();
  await server?.close();
  server = undefined;
});

const silent = { info() {}, warn() {}, error() {}, debug() {} } as never;

/** A server whose streams are those of `read`; returns how to play one. */
async function serve(read: (request: ReadRequest) => Promise<LiveSource>, { play = true } = {}) {
  const metrics = createMetrics();
  const access: PublishAccess = { read, publish: async () => assert.fail('there is no publisher') };
  server = await openRtmpServer({
    listen: { address: '127.0.0.1', port: 0 },
    access,
    play,
    idleMs: 30_000,
    metrics,
    log: silent,
    limits: new ConnectionLimits({ connections: 10, perAddress: 10, halfOpen: 10 }),
  });
  const { port } = server;
  return {
    metrics,
    async player(playPath: string, fourCcs: readonly string[] = []): Promise<TestPlayer> {
      const player = await TestPlayer.connect(port, { playPath, fourCcs });
      players.add(player);
      return player;
    },
  };
}

/** The film as an encoder sends it: pictures and sound. */
const frames = (seconds: number, maxBytes = 90) =>
  interleave(
    [video, audio],
    [
      videoFrames({ track: video, seconds, rate: 25, gopS: 1, delay: 2, startS: 1, maxBytes }),
      audioFrames({ track: audio, seconds, startS: 1 }),
    ],
  );

/** A frame in a message of classic FLV. */
interface PlayedFrame {
  readonly trackId: 1 | 2;
  readonly timestampMs: number;
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** The frames of H.264 and AAC in messages; the others are metadata and configurations. */
function framesIn(messages: readonly PlayedMessage[]): PlayedFrame[] {
  return messages.flatMap(({ type, timestampMs, body }): PlayedFrame[] => {
    if (type === 18 || body[1] === 0) return [];
    if (type === 8) return [{ trackId: 2, timestampMs, key: true, data: body.subarray(2) }];
    return [{ trackId: 1, timestampMs, key: body[0]! >> 4 === 1, data: body.subarray(5) }];
  });
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const until = async (holds: () => boolean) => {
  while (!holds()) await turn();
};
const dataOf = (list: readonly Pick<Frame, 'trackId' | 'data'>[], kind: 1 | 2) =>
  list.filter(({ trackId }) => trackId === kind).map(({ data }) => hash('md5', data));

/** Publishes frames, and lets the connections work. */
async function feed({ stream, clock }: Heard, list: readonly Frame[]): Promise<void> {
  for (const [i, frame] of list.entries()) {
    if (frame.trackId === 1) clock.advance(40);
    stream.publish(frame);
    if (i % 20 === 0) await turn();
  }
}

suite('RTMP play', () => {
  test('a player gets all frames from the newest key frame on, with its statuses', async () => {
    const heard = open();
    using _ = heard.stream.sinks.bufferGop();
    const asked: ReadRequest[] = [];
    const { player } = await serve(async (request) => {
      asked.push(request);
      return heard.stream.sinks;
    });
    heard.stream.startRun(start({ tracks: [video, audio] }));
    const all = frames(4);
    const middle = all.findIndex(({ trackId, dts }) => trackId === 1 && dts >= 2.6 * 90_000);
    await feed(heard, all.slice(0, middle));
    const one = await player('studio?token=abc');
    await one.status('NetStream.Play.Start');
    await feed(heard, all.slice(middle));
    const wanted = all.filter(({ trackId, dts }) => dts >= (trackId === 1 ? 2 * 90_000 : 2 * 48_000));
    await until(() => one.messages.length >= wanted.length + 3);
    assert.deepEqual(
      asked.map(({ name, token, protocol, userAgent }) => [name, token, protocol, userAgent]),
      [['studio', 'abc', 'rtmp', 'test']],
    );
    assert.deepEqual(
      one.statuses.map(([code]) => code),
      ['NetStream.Play.Reset', 'NetStream.Play.Start'],
    );
    assert.deepEqual(
      one.messages.slice(0, 3).map(({ type, body }) => [type, type === 18 ? 0 : body[1]]),
      [
        [18, 0],
        [9, 0],
        [8, 0],
      ],
    );
    const got = framesIn(one.messages);
    assert.deepEqual(dataOf(got, 1), dataOf(wanted, 1));
    assert.ok(got[0]!.key && got[0]!.timestampMs === 0);
    const sound = dataOf(got, 2);
    assert.deepEqual(sound, dataOf(wanted, 2).slice(-sound.length));
    assert.ok(sound.length >= dataOf(wanted, 2).length - 1);
  });

  test('a player that does not read loses whole GOPs, and another one nothing', async () => {
    const heard = open();
    const { player } = await serve(async () => heard.stream.sinks);
    heard.stream.startRun(start());
    const [slow, quick] = [await player('studio'), await player('studio')];
    await Promise.all([slow, quick].map((each) => each.status('NetStream.Play.Start')));
    slow.socket.pause();
    // 80 MB: more than the system and the inbox hold.
    const film = videoFrames({ track: video, seconds: 64, rate: 25, gopS: 1, startS: 1, maxBytes: 90 }).map(
      (frame) => ({
        ...frame,
        data: Buffer.concat([frame.data, Buffer.alloc(50_000)]),
      }),
    );
    for (const [i, frame] of film.entries()) {
      heard.clock.advance(40);
      heard.stream.publish(frame);
      if (i % 25 === 24) await until(() => quick.messages.length >= i + 3);
    }
    assert.deepEqual(dataOf(framesIn(quick.messages), 1), dataOf(film, 1));
    const sinks = heard.stream.sinks.pressure().sinks.filter(({ name }) => name === 'rtmp');
    const lost = sinks.reduce((sum, sink) => sum + sink.lost.slow.frames, 0);
    assert.ok(lost > 0 && lost % 25 === 0, `${lost} frames are counted`);
    slow.socket.resume();
    await until(() => slow.messages.length - 2 === film.length - lost);
    const late = framesIn(slow.messages);
    const order = new Map(dataOf(film, 1).map((md5, i) => [md5, i]));
    const numbers = dataOf(late, 1).map((md5) => order.get(md5)!);
    for (const [i, number] of numbers.entries()) {
      if (i > 0 && number !== numbers[i - 1]! + 1)
        assert.ok(late[i]!.key, `picture ${number} follows ${numbers[i - 1]}`);
    }
  });

  test('HEVC is sent in enhanced messages, also to a player that does not say what it takes', async () => {
    for (const [fourCcs, count] of [
      [[], 27],
      [['hvc1'], 27],
      [['av01'], 0],
    ] as const) {
      const heard = open();
      const { player } = await serve(async () => heard.stream.sinks);
      const hevc = { ...video, config: { ...video.config, codec: 'hevc' } } as Track;
      heard.stream.startRun(start({ tracks: [hevc] }));
      const one = await player('studio', fourCcs);
      await one.status('NetStream.Play.Start');
      await feed(heard, videoFrames({ track: hevc, seconds: 1, rate: 25, gopS: 1, startS: 1 }));
      if (count === 0) await one.status('NetStream.Play.UnpublishNotify');
      await until(() => one.messages.length === count);
      assert.ok(one.messages.slice(1).every(({ body }) => (body[0]! & 0x80) !== 0));
      one.socket.destroy();
      await server?.close();
    }
  });

  test('who may not watch is refused with the reason, and all are where play is off', async () => {
    const { player } = await serve(async ({ name }) => {
      throw new OxbowError(name === 'attic' ? 'stream-unknown' : 'watch-refused', 'The token is of another stream.');
    });
    const unknown = await player('attic');
    await unknown.status('NetStream.Play.StreamNotFound');
    const refused = await player('studio?token=other');
    assert.match(await refused.status('NetStream.Play.Failed'), /another stream/);
    await Promise.all([unknown.closed, refused.closed]);
    await server?.close();
    const off = await serve(async () => assert.fail('play is off'), { play: false });
    const one = await off.player('studio');
    assert.match(await one.status('NetStream.Play.Failed'), /does not play over RTMP/);
    await one.closed;
  });

  test('a player stops and plays again on the same connection; a stream that ends closes it', async () => {
    const heard = open();
    const { player, metrics } = await serve(async () => heard.stream.sinks);
    heard.stream.startRun(start());
    const film = videoFrames({ track: video, seconds: 2, rate: 25, gopS: 1, startS: 1 });
    const one = await player('studio');
    await one.status('NetStream.Play.Start');
    await feed(heard, film.slice(0, 25));
    await until(() => one.messages.length === 27);
    one.command('closeStream', 1, 0, null);
    await one.status('NetStream.Play.Stop');
    one.command('play', 1, 4, null, 'studio');
    await until(() => one.statuses.length === 5);
    await feed(heard, film.slice(25));
    await until(() => one.messages.length === 27 + 27);
    assert.match(await metrics.print(), /oxbow_rtmp_connections\{protocol="rtmp",phase="playing"\} 1/);
    assert.match(await metrics.print(), /oxbow_rtmp_sent_bytes_total\{protocol="rtmp"\} [1-9]/);
    heard.stream.offline('removed');
    heard.stream.sinks.close();
    await one.status('NetStream.Play.UnpublishNotify');
    await one.closed;
    assert.equal(heard.stream.sinks.pressure().sinks.filter(({ name }) => name === 'rtmp').length, 0);
  });

  test('a player whose access is revoked is disconnected, one that could not be checked is not', async () => {
    const heard = open();
    const answers = ['not-ready', 'too-many-requests', 'watch-expired'] as const;
    let checks = 0;
    const ended = Promise.withResolvers<OxbowError>();
    const playback: Playback = new Playback({
      source: heard.stream.sinks,
      fourCcs: [],
      log: silent,
      fields: {},
      checkMs: 1,
      read: async () => {
        throw new OxbowError(answers[checks++]!, 'The link has expired.');
      },
      refuse: (error) => {
        ended.resolve(error);
        playback.end();
      },
      cut: (detail) => ended.reject(new Error(detail)),
    });
    playback.start({ write: () => true, drained: async () => {}, finish() {} });
    assert.equal((await ended.promise).code, 'watch-expired');
    assert.equal(checks, 3);
  });

  test('a player of a stream that was replaced by another one is disconnected', async () => {
    const [one, other] = [open(), open()];
    const ended = Promise.withResolvers<string>();
    const playback: Playback = new Playback({
      source: one.stream.sinks,
      fourCcs: [],
      log: silent,
      fields: {},
      checkMs: 1,
      read: async () => other.stream.sinks,
      refuse: (error) => ended.reject(error),
      cut: (detail) => {
        ended.resolve(detail);
        playback.end();
      },
    });
    playback.start({ write: () => true, drained: async () => {}, finish() {} });
    assert.equal(await ended.promise, 'the stream was replaced');
  });
});
