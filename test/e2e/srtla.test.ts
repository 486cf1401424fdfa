import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { SrtRejectedError } from '@oxbow/wire/srt/rejection';
import { srtlaType } from '@oxbow/wire/srtla/packet';
import type { StatsHistory, StreamStats } from '../../src/api/measure/stats-shapes.ts';
import { encode, ffmpegArgs, filmArgs, saveRecording, startSender } from '../fixtures/encoder.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type BondedLink, type BondedSender, openBondedSender } from '../fixtures/publishers/bonded-sender.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
/** libsrt drops what is not sent yet when its program closes the connection. */
const LOST_BY_CLOSE = 15;
/** Null packets fill the multiplex up to this rate, more than one link carries. */
const PADDED = ['-muxrate', '2500k'];

suite('bonded senders', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let port: number;

  before(async () => {
    folder = opened.use(await openFolder('srtla'));
    port = await freeUdpPort();
    const args = ['--srt', '127.0.0.1:0', '--srtla', `127.0.0.1:${port}`, '--srt-latency', '4s'];
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), adminToken: TOKEN, args }));
  });
  after(() => opened.disposeAsync());

  const statsOf = (name: string) => server.json<StreamStats>(`/api/v1/streams/${name}/stats`);

  /** Publishes a film over links; `during` runs once all are accepted and the encoder has started. */
  async function publish(
    name: string,
    film: string,
    links: readonly BondedLink[],
    { during, more = [] }: { during: (bonded: BondedSender) => Promise<void>; more?: readonly string[] },
  ) {
    const key = await createPush(server, name);
    await using bonded = await openBondedSender(port, 7, links);
    await until('all links are accepted', () => bonded.sender.up === links.length);
    const to = `srt://127.0.0.1:${bonded.port}?streamid=publish:${name}:${key}&linger=10&latency=4000000`;
    const { ended } = startSender('ffmpeg', [...ffmpegArgs(film, 'mpegts', to).slice(0, -1), ...more, to]);
    await during(bonded);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    const recorded = await pictureHashes(await saveRecording(server, name, join(folder.path, `${name}.ts`)));
    return { recorded, counts: bonded.counts };
  }

  /** Every picture from the first recorded one on, but for the end that the sender did not send. */
  function assertComplete(recorded: readonly string[], film: readonly string[]): void {
    const first = film.indexOf(recorded[0]!);
    assert.ok(first >= 0 && first <= 25, `begins with picture ${first}`);
    const sure = film.length - LOST_BY_CLOSE - first;
    assert.ok(recorded.length >= sure, `${recorded.length} of ${film.length}`);
    assert.deepEqual(recorded.slice(0, sure), film.slice(first, first + sure));
  }

  test('two links carry what neither can alone, one dies, and every picture is recorded', async () => {
    const film = await encode(filmArgs(14), join(folder.path, 'film.ts'));
    const links: BondedLink[] = [
      { delayMs: 5, rate: 1.5e6 },
      { delayMs: 30, rate: 1.5e6, loss: 0.02 },
    ];
    let down: StreamStats['link']['links'] = [];
    const during = async ({ counts }: BondedSender) => {
      await until('both links carry', () => counts.every(({ passed }) => passed > 300));
      links[0]!.rate = 4e6;
      links[1]!.isDead = true;
      down = await until('the second link is down', async () => {
        const { link } = await statsOf('phone');
        const [first, second] = link.links;
        // What a busy machine adds to a round trip goes when the machine is quiet for a moment.
        return second?.up === false && Math.abs(first!.rtt! - 10) < 100 && link.links;
      });
    };
    const startMs = Date.now();
    const { recorded, counts } = await publish('phone', film, links, { during, more: PADDED });
    assertComplete(recorded, await pictureHashes(film));
    assert.ok(counts[1]!.passed > 100, `${counts[1]!.passed} datagrams over the second link`);
    assert.equal(down.length, 2);
    assert.ok(down[0]!.up && down[0]!.bitrate > 500_000 && Math.abs(down[0]!.rtt! - 10) < 100, JSON.stringify(down));
    const range = `from=${startMs}&to=${Date.now()}`;
    const { links: past } = await server.json<StatsHistory>(`/api/v1/streams/phone/stats/history?${range}`);
    assert.deepEqual(
      past.map(({ number, bitrate }) => [number, bitrate.some((each) => (each ?? 0) > 100_000)]),
      [
        [1, true],
        [2, true],
      ],
    );
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(metrics, /oxbow_publish_link_packets_total\{stream="phone",link="2",result="received"\} \d/);
    assert.match(metrics, /oxbow_srtla_registrations_total\{result="registered"\} 1\n/);
  });

  test('bonded callers without a key are rejected, and players too', async () => {
    await createPush(server, 'closed');
    await using bonded = await openBondedSender(port, 3, [{ delayMs: 0 }]);
    await until('the link is accepted', () => bonded.sender.up === 1);
    const connect = (streamId: string) =>
      connectSrt({ address: '127.0.0.1', port: bonded.port, streamId, signal: AbortSignal.timeout(20_000) });
    const codeOf = (code: number) => (error: unknown) => error instanceof SrtRejectedError && error.code === code;
    await assert.rejects(connect('publish:closed:ok_wrong'), codeOf(2403));
    await assert.rejects(connect('publish:closed'), codeOf(2401));
    await assert.rejects(connect('request:closed'), codeOf(2405));
  });

  fullTest('5 Mbps over two links of 3 Mbps, while one loses, fails for a moment and ends', async () => {
    const rate = '4600k';
    const cbr = ['-b:v', rate, '-minrate', rate, '-maxrate', rate, '-bufsize', '2300k', '-x264-params', 'nal-hrd=cbr'];
    const args = filmArgs(45).map((arg) => arg.replace('size=160x90', 'size=640x360'));
    const film = await encode([...args, ...cbr], join(folder.path, 'long.ts'));
    const links: BondedLink[] = [
      { delayMs: 20, rate: 3.2e6 },
      { delayMs: 60, rate: 3.2e6, loss: 0.01 },
    ];
    const during = async ({ counts }: BondedSender) => {
      const carried = (packets: number) =>
        until(`${packets} packets`, () => counts[0]!.passed + counts[1]!.passed > packets);
      await carried(6000);
      links[1]!.isDead = true;
      const lost = counts[1]!.lost;
      await until('it lost packets', () => counts[1]!.lost > lost + 100);
      links[1]!.isDead = false;
      await carried(13_000);
      links[0]!.rate = 8e6;
      links[1]!.isDead = true;
    };
    const { recorded, counts } = await publish('long', film, links, { during });
    assertComplete(recorded, await pictureHashes(film));
    assert.ok(counts[1]!.passed > 4000 && counts[1]!.lost > 100, JSON.stringify(counts));
  });

  fullTest('after kill -9 the links register again with the next process, and the encoder publishes', async () => {
    const film = await encode(filmArgs(20), join(folder.path, 'killed.ts'));
    const at = await freeUdpPort();
    const args = ['--srt', '127.0.0.1:0', '--srtla', `127.0.0.1:${at}`];
    const start = () => startPlainServer({ data: join(folder.path, 'killed'), adminToken: TOKEN, args });
    await using first = await start();
    const key = await createPush(first, 'phone');
    await using bonded = await openBondedSender(at, 11, [{ delayMs: 5 }, { delayMs: 30 }]);
    const { sender, counts } = bonded;
    await until('all links are accepted', () => sender.up === 2);
    const to = `srt://127.0.0.1:${bonded.port}?streamid=publish:phone:${key}`;
    const publishFilm = () => startSender('ffmpeg', ffmpegArgs(film, 'mpegts', to));
    const before = publishFilm();
    await first.stream('phone');
    const accepted = () => sender.answers.get(srtlaType.accepted) ?? 0;
    const acceptedBefore = accepted();
    await first.stop('SIGKILL');
    await before.ended;
    await using second = await start();
    await until('both links are accepted again', () => accepted() >= acceptedBefore + 2 && sender.up === 2);
    assert.ok((sender.answers.get(srtlaType.noGroup) ?? 0) > 0, 'the id of the first process is unknown');
    const passed = counts.map((count) => count.passed);
    const after = publishFilm();
    await second.stream('phone');
    await until('both links carry', () => counts.every((count, index) => count.passed > passed[index]! + 20));
    await until('the figures have both links', async () => {
      const { link } = await second.json<StreamStats>('/api/v1/streams/phone/stats');
      return link.links.map(({ number, up }) => `${number} ${up}`).join() === '1 true,2 true';
    });
    after.child.kill('SIGKILL');
    await after.ended;
  });
});
