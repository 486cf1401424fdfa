import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { seeded } from '@oxbow/media/random.fixture';
import type { StreamView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import { download, readFirstVariant } from '../fixtures/playlists.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

/** Longer than all faults together. */
const SECONDS = 16;
const OFFERED = 12;

const viewOf = (server: Server, name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);

/** The process in which the test picture is drawn; undefined if there is none now. */
async function pictureProcess(server: Server): Promise<number | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-eo', 'pid=,ppid=,args=']);
  const processes = stdout.split('\n').map((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), parent: Number(parent), args };
  });
  const isOfServer = (pid: number): boolean => {
    if (pid === server.pid) return true;
    const process = processes.find((each) => each.pid === pid);
    return process !== undefined && process.parent > 1 && isOfServer(process.parent);
  };
  return processes.find(({ pid, args }) => args.includes('answer-main') && isOfServer(pid))?.pid;
}

/** The folder of a stream's recording: its identity file has the name. */
async function recordingFolder(data: string, name: string): Promise<string> {
  const recordings = join(data, 'recordings');
  for (const id of await readdir(recordings)) {
    const text = await readFile(join(recordings, id, 'stream.json'), 'utf8').catch(() => '');
    if (text.includes(`"${name}"`)) return join(recordings, id);
  }
  return assert.fail(`no recording of ${name} in ${recordings}`);
}

suite('streams that fail beside one that does not', { skip: need('ffmpeg') }, () => {
  test('its every picture is recorded once and in order, its live segments never change, and the others return', async () => {
    await using folder = await openFolder('isolation');
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: SECONDS, size: '128x72' });
    await using origin = await openOrigin({ folder: media });
    const listed = await readListed(media);
    const released = perSecond({ first: 3, seconds: 1 });
    for (const name of ['steady', 'disk']) {
      origin.put(`/${name}.m3u8`, slidingList({ segments: listed, window: OFFERED, released }));
    }
    const random = seeded(9);
    const junk = () => Buffer.from(Array.from({ length: 4000 + random(4000) }, () => random(256)));
    // Lists and media of this one are noise, again and again.
    origin.put('/noise.m3u8', () =>
      random(3) === 0
        ? junk()
        : `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${random(9)}\n#EXTINF:1,\nnoise${random(9)}.ts\n`,
    );
    for (let i = 0; i < 9; i++) origin.put(`/noise${i}.ts`, junk);
    const config = join(folder.path, 'oxbow.yaml');
    const pulls = ['steady', 'disk', 'noise'].map(
      (name) => `  ${name}: { source: { type: pull, url: "${origin.url}/${name}.m3u8" } }`,
    );
    await writeFile(
      config,
      ['testPicture: { width: 320, height: 180 }', 'streams:', ...pulls, '  made: { source: { type: test } }'].join(
        '\n',
      ),
    );
    const data = join(folder.path, 'data');
    await using server = await startServer({ data, args: ['--config', config] });
    await Promise.all(['steady', 'disk', 'made'].map((name) => server.stream(name)));
    const { path, list } = await readFirstVariant(server, '/live/steady/index.m3u8');
    const first = list.segments[0]!;
    const hashOf = async () =>
      createHash('sha256')
        .update(await server.bytes(new URL(first.uri, `http://x${path}`).pathname))
        .digest('hex');
    const before = await hashOf();

    const picture = await until('the test picture has a process', () => pictureProcess(server));
    const killed = [picture];
    process.kill(picture, 'SIGKILL');
    await until('the disk stream is recorded', async () => (await viewOf(server, 'disk')).recorded.seconds > 0);
    const recording = await recordingFolder(data, 'disk');
    await rename(recording, `${recording}.away`);
    await writeFile(recording, 'this is no folder');
    const nextProcess = async () => {
      const pid = await pictureProcess(server);
      return pid !== undefined && !killed.includes(pid) && pid;
    };
    const second = await until('the test picture has another process', nextProcess);
    killed.push(second);
    process.kill(second, 'SIGKILL');
    await until('noise is refused', async () => (await viewOf(server, 'noise')).problem !== '');

    await server.stream('steady', 'over', 60_000);
    const timeline = await until('all of it is recorded, the time after it is offline', async () => {
      const read = await server.timeline('steady');
      return read.offline.at(-1)?.to === read.to && read;
    });
    const { recorded, problem } = await server.stream('steady', 'over');
    assert.match(problem, /ended/);
    assert.deepEqual([timeline.gaps, timeline.spans.length], [[], 1]);
    const window = `/vod/steady/${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}/index.m3u8`;
    const whole = await readFirstVariant(server, window);
    const file = join(folder.path, 'steady.mp4');
    await download(server, whole.path, whole.list.segments, file);
    const pictures = await pictureHashes(file);
    const source = await pictureHashes(join(media, 'index.m3u8'));
    assert.ok(pictures.length >= 25 * (SECONDS - OFFERED), `${pictures.length} pictures`);
    assert.equal(pictures.join(), source.slice(source.indexOf(pictures[0]!)).join());
    assert.equal(await hashOf(), before);

    await rm(recording);
    await rename(`${recording}.away`, recording);
    await until('the test picture is back', nextProcess);
    await server.stream('made');
    const sinceMs = Date.now();
    await until('it is recorded again', async () => {
      const { to } = (await viewOf(server, 'made')).recorded;
      return to !== null && Date.parse(to) > sinceMs;
    });
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(metrics, /^oxbow_bugs_total 0$/m);
    assert.match(metrics, /^oxbow_children_without_network [01]$/m);
  });
});
