import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ProbeView } from '../../src/api/probe.ts';
import { encode, encoderArgs, ffmpegArgs, filmArgs, saveRecording, send } from '../fixtures/encoder.ts';
import { type FilmHashes, filmHashes, pictureHashes, trackPictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { freeUdpPort, sendTs } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const SECONDS = 6;
/** ffmpeg moves the decode times of a file with two B-frames by this, if the file begins at 0. */
const B_FRAME_DELAY_S = 0.08;
const TOKEN = 'a-token-for-this-test';
suite('MPEG-TS over UDP', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;
  let pictures: readonly string[];
  let sound: readonly string[];
  const ports = { plain: 0, pids: 0, programs: 0 };

  before(async () => {
    folder = opened.use(await openFolder('udp'));
    film = await encode(filmArgs(SECONDS), join(folder.path, 'film.ts'));
    [{ pictures, sound }] = (await filmHashes([film], { aac: true })) as [FilmHashes];
    for (const name of Object.keys(ports)) ports[name as keyof typeof ports] = await freeUdpPort();
    server = opened.use(
      await startPlainServer({
        data: join(folder.path, 'data'),
        adminToken: TOKEN,
        args: [
          `plain=udp://127.0.0.1:${ports.plain}`,
          `pids=udp://127.0.0.1:${ports.pids}`,
          `programs=udp://127.0.0.1:${ports.programs}?program=2`,
        ],
      }),
    );
  });
  after(() => opened.disposeAsync());

  const recorded = (name: string) => saveRecording(server, name, join(folder.path, `${name}-recorded.ts`));
  const metric = async (name: string, ...labels: readonly string[]) => {
    const text = await (await server.fetch('/metrics')).text();
    const isIt = (line: string) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label));
    const line = text.split('\n').find(isIt);
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  test('ffmpeg with its usual datagrams of 1,472 bytes: each picture and its sound are recorded, and a second sender changes nothing', async () => {
    const other = createSocket('udp4');
    opened.defer(() => void other.close());
    const bytes = await readFile(film);
    const counted = (result: string) => metric('oxbow_source_datagrams_total', `result="${result}"`, 'stream="plain"');
    // An RTP sender to the port before this one reports to this one.
    const report = Uint8Array.from([0x80, 200, 0, 6, ...new Array(24).fill(7)]);
    await until('the report of another sender is ignored', async () => {
      other.send(report, ports.plain, '127.0.0.1');
      return (await counted('other-sender')) > 0;
    });
    const sending = send('ffmpeg', ffmpegArgs(film, 'mpegts', `udp://127.0.0.1:${ports.plain}`));
    await until('a first datagram', async () => (await counted('taken')) > 0);
    const intruding = setInterval(() => other.send(bytes.subarray(0, 1316), ports.plain, '127.0.0.1'), 50);
    await sending.finally(() => clearInterval(intruding));
    const [made] = await filmHashes([await recorded('plain')], { aac: true });
    assert.deepEqual(made!.pictures, pictures);
    const ours = made!.sound;
    const at = sound.indexOf(ours[0]!);
    assert.ok(at >= 0 && at <= 4, `sound begins with frame ${at} of the source`);
    assert.deepEqual(ours, sound.slice(at, at + ours.length));
    assert.ok(sound.length - at - ours.length <= 4);
    assert.equal(await metric('oxbow_damage_total', 'stream="plain"'), 0);
    assert.ok((await counted('other-sender')) > 10);
  });

  fullTest('PIDs that change in the middle of the feed end neither the run nor a picture', async () => {
    const second = await encode(
      [
        ...filmArgs(SECONDS, 'smptebars'),
        '-output_ts_offset',
        `${SECONDS + B_FRAME_DELAY_S}`,
        '-mpegts_start_pid',
        '0x300',
      ],
      join(folder.path, 'second.ts'),
    );
    const joined = Buffer.concat([await readFile(film), await readFile(second)]);
    await sendTs(joined, { port: ports.pids, seconds: 2 * SECONDS });
    const path = await recorded('pids');
    assert.deepEqual(await pictureHashes(path), [...pictures, ...(await pictureHashes(second))]);
    assert.equal((await server.timeline('pids')).runs.length, 1);
  });

  fullTest('of two programs the chosen one is recorded, and the other one is not missed', async () => {
    const both = await encode(
      [
        ...['-f', 'lavfi', '-i', `smptebars=size=160x90:rate=25:duration=${SECONDS}`, '-i', film],
        ...['-map', '0:v', '-map', '1:a', '-map', '1:v', '-map', '1:a', ...encoderArgs],
        ...['-program', 'program_num=1:st=0:st=1', '-program', 'program_num=2:st=2:st=3'],
      ],
      join(folder.path, 'programs.ts'),
    );
    const sending = sendTs(await readFile(both), { port: ports.programs, seconds: SECONDS });
    // Facts follow the first media.
    const facts = await until('the facts of the live stream', async () => {
      const now = await server.stream('programs');
      return now.state === 'live' && now.facts;
    });
    assert.equal(facts.leftOut, undefined);
    await sending;
    assert.deepEqual(await pictureHashes(await recorded('programs')), await trackPictureHashes(both, 'v:1'));
  });

  fullTest('a probe describes a feed', async () => {
    const port = await freeUdpPort();
    const sending = sendTs(await readFile(film), { port, seconds: SECONDS });
    const response = await server.fetch('/api/v1/probe', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: `udp://127.0.0.1:${port}` }),
    });
    const found = (await response.json()) as ProbeView;
    assert.equal(found.protocol, 'udp', JSON.stringify(found));
    assert.equal(found.container, 'mpegts');
    assert.deepEqual(
      found.tracks.map(({ kind }) => kind),
      ['video', 'audio'],
    );
    await sending;
  });
});
