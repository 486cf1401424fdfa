// The server and its connections are real, so a test waits for what they do; the pause before a retry passes
// on virtual time.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { videoRangeOf } from '@oxbow/media/colour/colours';
import { printAvcC, printPicture } from '@oxbow/media/flv/forms.fixture';
import type { Frame, Track } from '@oxbow/media/frame';
import { h264Config, parseAvcC } from '@oxbow/media/h264/avcc';
import { opusTrack } from '@oxbow/media/isobmff/media.fixture';
import { openVirtualTime, settlePromises } from '../../../test/fixtures/virtual-time.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { NOW_US, open, start } from '../../live/stream.fixture.ts';
import { addressForms } from '../../net/address-forms.fixture.ts';
import { createNet, type Net } from '../../net/net.ts';
import { createConnectRelay } from './connect.ts';
import { Relay, type RelayOptions, type RelayStatus } from './relay.ts';
import { RtmpTestServer } from './rtmp-server.fixture.ts';
import { parseRelayTarget } from './target.ts';

const { sps, pps } = parseAvcC(printAvcC());
const track: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: h264Config(sps, pps),
};

/** Pictures, 25 a second, with a key frame each second. */
function pictures(count: number, from = 0, size = 400): Frame[] {
  return Array.from({ length: count }, (_, i) => ({
    trackId: 1,
    dts: (from + i) * 3600,
    pts: (from + i) * 3600,
    duration: 3600,
    key: (from + i) % 25 === 0,
    data: printPicture((from + i) % 25 === 0, size + ((from + i) % 7)),
  }));
}

const connectTarget = (net: Net) =>
  createConnectRelay({ net, clock: createSystemClock(), openOpus: () => assert.fail('no sound is converted') });

/** A stream with a relay to a server, and the statuses of the relay. */
class Rig implements AsyncDisposable {
  readonly heard = open();
  readonly statuses: RelayStatus[] = [];
  readonly net = createNet({ allow: [] });
  readonly relay: Relay;

  constructor(url: string, change: Partial<RelayOptions> = {}) {
    const { stream } = this.heard;
    const attach = stream.sinks.attach.bind(stream.sinks);
    stream.sinks.attach = (...request) => {
      const sink = attach(...request);
      this.attached++;
      this.#change();
      return sink;
    };
    this.relay = new Relay({
      name: 'door',
      stream: this.heard.stream,
      target: parseRelayTarget(url),
      clock: createSystemClock(),
      net: this.net,
      connect: connectTarget(this.net),
      maxQueuedBytes: 8 * 1024 * 1024,
      checkAddress: () => undefined,
      onChange: (status) => {
        this.statuses.push(status);
        this.#change();
      },
      onCount: () => this.#change(),
      ...change,
    });
  }

  /** Times that the relay was attached to the stream: it takes each frame from then on. */
  attached = 0;
  readonly #waiting = new Set<() => void>();

  get states(): string[] {
    return this.statuses.map(({ state }) => state);
  }

  begin(tracks: readonly Track[] = [track], utcOffsetUs = NOW_US): void {
    this.heard.stream.startRun(start({ tracks, utcOffsetUs }));
  }

  publish(frames: readonly Frame[]): void {
    for (const frame of frames) this.heard.stream.publish(frame);
  }

  /** Resolves when `is` holds after a change of the relay. */
  until(is: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!is()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #change(): void {
    // The status has changed when this is called, but not always that of the caller.
    setImmediate(() => {
      for (const look of this.#waiting) look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay.close();
    await this.net.close();
  }
}

suite('a relay over RTMP', () => {
  test('every frame from a key frame on arrives with its bytes; timestamps begin at 0', async () => {
    await using server = await RtmpTestServer.open();
    await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door?key=ok_1234`);
    rig.begin();
    const first = pictures(10, 250);
    rig.publish(first);
    await rig.until(() => rig.attached === 1);
    const sent = pictures(75, 260);
    rig.publish(sent);
    await server.until(() => server.received[0]!.timesMs.length >= 80);
    const { playPath, tracks, timesMs } = server.received[0]!;
    assert.equal(playPath, 'door?key=ok_1234');
    assert.equal(tracks[0]![0]!.config.codecs, track.config.codecs);
    assert.deepEqual(timesMs.slice(0, 5), [0, 0, 0, 40, 80]);
    const wanted = [...first, ...sent].map(({ data }) => Buffer.from(data).toString('hex'));
    const got = server.received[0]!.frames.map(({ data }) => Buffer.from(data).toString('hex'));
    assert.deepEqual(got.slice(0, 75), wanted.slice(0, 75));
    assert.equal(rig.relay.status.state, 'live');
    assert.ok(rig.relay.status.sentBytes > 60 * 400);
    await rig.relay.close();
    assert.equal(rig.states.at(-1), 'stopped');
  });

  test('a target that is lost is tried again, and gets the media from the next key frame', async () => {
    using time = openVirtualTime();
    await using server = await RtmpTestServer.open();
    await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door`, { clock: time.clock });
    rig.begin();
    rig.publish(pictures(1));
    await rig.until(() => rig.attached === 1);
    rig.publish(pictures(50, 1));
    await server.until(() => server.received[0]!.frames.length > 10);
    server.drop();
    await rig.until(() => rig.states.includes('failed'));
    const { error, retryAtMs } = rig.statuses.find(({ state }) => state === 'failed')!;
    assert.match(error, /closed the connection|ECONNRESET/);
    assert.equal(retryAtMs, time.clock.nowMs() + 750, 'half of the first pause is random, between 500 and 1000 ms');
    await time.runFor(749);
    assert.equal(rig.relay.status.state, 'failed');
    await time.runFor(1);
    await rig.until(() => rig.attached === 2);
    rig.publish(pictures(50, 75));
    await server.until(() => server.received[1]!.frames.length >= 20);
    assert.equal(server.received[1]!.frames[0]!.key, true);
    assert.deepEqual([rig.relay.status.state, rig.relay.status.error], ['live', ''], 'no error of before');
  });

  test('a refusal is shown in words, without the key that the server repeats', async () => {
    await using server = await RtmpTestServer.open();
    server.refusal = 'the key ok_verysecret is unknown';
    await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door?key=ok_verysecret`);
    rig.begin();
    rig.publish(pictures(1));
    await rig.until(() => rig.states.includes('failed'));
    const { error } = rig.relay.status;
    assert.match(error, /NetStream.Publish.BadName: the key … is unknown/);
    assert.doesNotMatch(JSON.stringify(rig.statuses), /verysecret/);
  });

  test('a target that reads nothing costs the stream no frame: whole GOPs are dropped and counted', async () => {
    await using server = await RtmpTestServer.open();
    server.isStalled = true;
    await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door`, { maxQueuedBytes: 1024 * 1024 });
    rig.begin();
    rig.publish(pictures(1));
    await rig.until(() => rig.attached === 1);
    const sent = pictures(400, 25, 60_000); // 24 MB
    for (const frame of sent) {
      rig.heard.stream.publish(frame);
      if (frame.key) await settlePromises();
    }
    assert.equal(rig.heard.frames.length, 401, 'the other sink has every frame');
    await rig.until(() => rig.relay.status.lostFrames > 0);
    assert.ok(rig.relay.status.lostFrames >= 25);
  });

  test('tracks that the server does not announce are named; if none is left, the relay fails with the reason', async () => {
    await using server = await RtmpTestServer.open();
    await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door`);
    rig.begin([track, { ...opusTrack, id: 2 }]);
    rig.publish(pictures(1));
    await rig.until(() => rig.attached === 1);
    rig.publish(pictures(30, 1));
    await rig.until(() => rig.relay.status.state === 'live');
    assert.deepEqual(
      rig.relay.status.leftOut.map(({ name }) => name),
      ['opus audio'],
    );
    await using silent = new Rig(`rtmp://127.0.0.1:${server.port}/live/radio`);
    silent.begin([{ ...opusTrack, id: 1 }]);
    const packets = Array.from({ length: 5 }, (_, i) => ({
      trackId: 1,
      dts: i * 960,
      pts: i * 960,
      duration: 960,
      key: true,
    }));
    const send = (from: number) =>
      silent.publish(
        packets.map((one) => ({ ...one, dts: one.dts + from, pts: one.pts + from, data: new Uint8Array(9) })),
      );
    send(0);
    await silent.until(() => silent.attached === 1);
    send(4800);
    await silent.until(() => silent.states.includes('failed'));
    assert.match(silent.relay.status.error, /takes none of the tracks.*opus audio/);
  });

  test('colours of H.264 arrive at a server that takes enhanced messages of it, and no other gets one', async () => {
    const colourInfo = { colours: { primaries: 9, transfer: 16, matrix: 9 } };
    const coloured: Track = { ...track, config: { ...track.config, colourInfo } };
    for (const [fourCcs, range] of [
      [['avc1'], 'PQ'],
      [[], 'SDR'],
    ] as const) {
      await using server = await RtmpTestServer.open();
      server.fourCcs = fourCcs;
      await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door`);
      rig.begin([coloured]);
      rig.publish(pictures(1));
      await rig.until(() => rig.attached === 1);
      rig.publish(pictures(30, 1));
      await server.until(() => (server.received[0]?.frames.length ?? 0) > 20);
      assert.equal(videoRangeOf(server.received[0]!.tracks.at(-1)![0]), range);
    }
  });

  test('after a gap of the stream the timestamps at the target have the same gap', async () => {
    await using server = await RtmpTestServer.open();
    await using rig = new Rig(`rtmp://127.0.0.1:${server.port}/live/door`);
    rig.begin();
    rig.publish(pictures(1));
    await rig.until(() => rig.attached === 1);
    rig.publish(pictures(50, 25));
    await server.until(() => server.received[0]!.timesMs.length >= 50);
    const before = server.received[0]!.timesMs.at(-1)!;
    rig.heard.stream.absent('source-down', 'gone');
    rig.begin([track], NOW_US + 8_000_000);
    rig.publish(pictures(25));
    await server.until(() => server.received[0]!.timesMs.length >= 75);
    const after = server.received[0]!.timesMs.find((time) => time > before + 1000);
    assert.ok(after !== undefined && Math.abs(after - before) > 4000, `${before} ${after}`);
    assert.equal(server.connections, 1, 'the connection stays open');
  });
});

suite('targets', () => {
  test('addresses are shown without stream key, stream id, passphrase and user', () => {
    const shown = (url: string) => parseRelayTarget(url).shown;
    assert.equal(shown('rtmps://a.rtmps.example/live2/abcd-efgh'), 'rtmps://a.rtmps.example/live2/…');
    assert.equal(shown('rtmp://user:pw@h.example:1936/live/a?key=ok_1'), 'rtmp://h.example:1936/live/…');
    assert.equal(
      shown('srt://h.example:8890?streamid=publish:a:ok_1&passphrase=0123456789'),
      'srt://h.example:8890?streamid=…',
    );
    assert.equal(shown('whip+https://h.example:8443/whip/a?key=ok_1'), 'whip+https://h.example:8443/…');
    assert.equal(shown('https://h.example/a-secret-of-a-service/publish'), 'whip+https://h.example/…');
  });

  test('the key of a WHIP address is sent as a token, and is not part of the request', () => {
    const { whip, names, port } = parseRelayTarget('whip+http://h.example/whip/door?key=ok_1');
    assert.deepEqual([whip?.url.href, whip?.key, names, port], ['http://h.example/whip/door', 'ok_1', ['door'], 80]);
  });

  test('anything that is no target is refused, without repeating it', () => {
    for (const url of [
      ...['', 'x', 'http://a/b', 'file:///etc/passwd', 'rtmp://', 'rtmp://host', 'rtmp://host/app', 'rtmp://host/app/'],
      ...[
        'srt://host',
        'srt://host:0',
        'srt://host:1?mode=listener',
        'srt://host:1?passphrase=short',
        'rtmp://host:99999/a/b',
        'whip+https://me:secret@host/whip',
        'whip+http://host:0/whip',
        'whip://host/whip',
      ],
      ...[
        'srt://host:1?pbkeylen=17',
        'srt://host:1?latency=x',
        'srt://host:1?secretparam=1',
        `rtmp://h/a/${'x'.repeat(3000)}`,
      ],
    ]) {
      assert.throws(() => parseRelayTarget(url), { name: 'OxbowError', code: 'bad-request' }, url);
    }
  });

  test('no spelling of a private address is reached for a user, over RTMP and over SRT', async () => {
    await using net = createNet({ allow: [] });
    const { signal } = new AbortController();
    for (const form of addressForms()) {
      for (const url of [
        `whip+https://${form}/whip/a`,
        `rtmp://${form}/live/key`,
        `rtmps://${form}/live/key`,
        `srt://${form}:8890?streamid=x`,
      ]) {
        const connected = async () => {
          const { host, port } = parseRelayTarget(url);
          return net.resolveHost(host, port, { signal, trusted: false });
        };
        await assert.rejects(
          connected(),
          (error: { code?: string }) => /address-refused|bad-request/.test(error.code ?? ''),
          url,
        );
      }
    }
  });
});
