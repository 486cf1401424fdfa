import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { checkLive, printFindings } from '../conformance/checker.ts';
import { openHttpFetch } from '../conformance/http-fetch.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { datesOf, readMedia, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { makeFilm, publishByFfmpeg } from '../fixtures/publishers/publishers.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { NeverComes, until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
/**
 * Of a picture at 240p against its source, scaled alike; below it something is wrong with colours, times or
 * sizes. dB
 */
const LEAST_PSNR_DB = 27;

suite('the ladder of a live stream', { skip: need('ffmpeg') || (process.platform !== 'linux' && 'Linux only') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  const paths: Record<string, string> = {};

  before(async () => {
    folder = opened.use(await openFolder('live-ladder'));
    const file = join(folder.path, 'oxbow.yaml');
    await writeFile(
      file,
      "streams:\n  cam: { source: { type: test }, record: false, ladder: '144p, 240p, audio', ladderStart: always }\n",
    );
    const [width, height] = perTier({ first: ['480', '270'], full: ['640', '360'] });
    const args = ['--config', file, '--test-picture-width', width!, '--test-picture-height', height!];
    server = opened.use(
      await startPlainServer({ args, data: join(folder.path, 'data'), adminToken: TOKEN, ingest: ['rtmp'] }),
    );
    const index = '/live/cam/index.m3u8';
    await until('all qualities are listed', async () => {
      const response = await server.fetch(index);
      const text = await response.text();
      return response.ok && text.includes('av0-144/') && text.includes('av0-240/');
    });
    for (const { uri, codecs, resolution } of (await readMultivariant(server, index)).variants) {
      if (uri.startsWith('a0/')) assert.deepEqual([codecs, resolution], ['mp4a.40.2', undefined]);
      paths[uri.slice(0, uri.indexOf('/'))] = resolvePath(uri, index);
    }
  });
  after(() => opened.disposeAsync());

  const view = async (name = 'cam') => (await server.json<StreamView>(`/api/v1/streams/${name}`)).ladder!;

  /** Segments of a rendition by MSN. */
  async function segments(rendition: string): Promise<Map<number, PlaylistSegment & { readonly dateMs: number }>> {
    const { list } = await readMedia(server, paths[rendition]!);
    const dates = datesOf(list);
    return new Map(list.segments.map((segment, i) => [list.mediaSequence + i, { ...segment, dateMs: dates[i]! }]));
  }

  /** The sealed segments that all lists have, with media. */
  function common([first, ...others]: Awaited<ReturnType<typeof segments>>[]): number[] {
    const isMedia = (segment: PlaylistSegment | undefined) =>
      segment !== undefined && !segment.gap && segment.uri !== '';
    return [...first!.keys()].filter((msn) => [first!, ...others].every((list) => isMedia(list.get(msn))));
  }

  /** A segment with its init section, as a file. */
  async function save(rendition: string, msn: number): Promise<string> {
    const segment = (await segments(rendition)).get(msn)!;
    const of = (uri: string) => server.bytes(resolvePath(uri, paths[rendition]!));
    const path = join(folder.path, `${rendition}-${msn}.mp4`);
    await writeFile(path, Buffer.concat([await of(segment.map!.uri), await of(segment.uri)]));
    return path;
  }

  /** Process id of the encoder. */
  async function encoderPid(): Promise<number | undefined> {
    for (const task of await readdir(`/proc/${server.pid}/task`)) {
      const text = await readFile(`/proc/${server.pid}/task/${task}/children`, 'utf8').catch(() => '');
      for (const pid of text.split(' ').filter(Boolean)) {
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        if (command.includes('live-main')) return Number(pid);
      }
    }
    return undefined;
  }

  /** Times of the pictures of a segment, and which are key frames. */
  async function picturesOf(path: string): Promise<string[]> {
    const entries = ['-select_streams', 'v:0', '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0'];
    const { code, stdout, stderr } = await run('ffprobe', ['-v', 'error', ...entries, path]);
    assert.deepEqual([code, stderr], [0, ''], path);
    return stdout.toString().trim().split('\n').sort();
  }

  test('has the segments, times and key frames of the source, and its picture', async () => {
    // The source last: it has what its qualities have.
    const lists = await until('a segment of all', async () => {
      const [small, large] = [await segments('av0-144'), await segments('av0-240')];
      const read = [small, large, await segments('a0'), await segments('av0')];
      return common(read).length > 0 && read;
    });
    for (const msn of common(lists)) {
      const [small, large, , source] = lists.map((list) => list.get(msn)!.dateMs);
      assert.deepEqual([small, large], [source, source], `MSN ${msn}`);
    }
    const times = (all: readonly string[]) => all.map((one) => one.split(',')[0]);
    const [own, derived, pictures] = await until('a segment with all its pictures', async () => {
      const msn = common([await segments('av0-240'), await segments('av0')]).at(-1)!;
      const files = [await save('av0', msn), await save('av0-240', msn)] as const;
      const wanted = times(await picturesOf(files[0]));
      const made = await picturesOf(files[1]);
      // An encoder that is late on a busy machine leaves a segment with its first parts.
      if (!isDeepStrictEqual(times(made), wanted.slice(0, made.length))) throw new NeverComes(made.join('\n'));
      return made.length === wanted.length && ([...files, made] as const);
    });
    assert.match(pictures[0]!, /,K/);
    const compare = '[0:v]setpts=PTS-STARTPTS[a];[1:v]setpts=PTS-STARTPTS,scale=426:240:flags=bicubic[b];[a][b]psnr';
    const { stderr } = await run('ffmpeg', [
      '-nostdin',
      '-i',
      derived,
      '-i',
      own,
      '-lavfi',
      compare,
      '-f',
      'null',
      '-',
    ]);
    const psnr = Number(/average:([\d.]+|inf)/.exec(stderr)?.[1]);
    assert.ok(psnr >= LEAST_PSNR_DB, `${psnr} dB\n${stderr.slice(-500)}`);
  });

  fullTest('drops its top quality when the encoder is stopped, and says so', async () => {
    const pid = await until('the encoder runs', encoderPid);
    process.kill(pid, 'SIGSTOP');
    try {
      await until('240p is dropped', async () => (await view()).made.some(({ state }) => state === 'dropped'));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const { made, problem } = await view();
    assert.equal(made.at(-1)?.state, 'dropped');
    assert.match(problem, /too slow for 240p/);
    assert.ok(server.log('warn').some(({ msg }) => msg.includes('drops its top quality')));
  });

  fullTest('starts again when its process is killed, and the source has every picture', async () => {
    const pid = await until('the encoder runs', encoderPid);
    process.kill(pid, 'SIGKILL');
    await until('it runs again', async () => {
      const now = await encoderPid();
      return now !== undefined && now !== pid && (await view()).made[0]?.state === 'live';
    });
    const { list } = await readMedia(server, paths.av0!);
    assert.ok(list.segments.every((segment) => !segment.gap && !segment.discontinuity));
    assert.equal((await view()).state, 'running');
  });

  fullTest('of a publisher starts with the first viewer, and all its playlists satisfy every rule', async () => {
    // It is encoded for as long as it is live.
    await server.fetch('/api/v1/streams/cam/stop', { method: 'POST' });
    const film = join(folder.path, 'film.mp4');
    await makeFilm(film, { seconds: 60, bFrames: 2 });
    await post(server, '/streams', { name: 'studio', source: { type: 'push' }, ladder: '144p' });
    const { key } = await post<CreatedPublishKey>(server, '/streams/studio/keys', { label: 'test' });
    await using _publisher = publishByFfmpeg(film, `${server.ingest.rtmp}/studio?key=${key}`);
    await server.stream('studio');
    assert.equal((await view('studio')).state, 'off');

    using http = openHttpFetch(server.url);
    const index = `${server.url}/live/studio/index.m3u8`;
    const watch = async (seconds: number) => {
      const endMs = performance.now() + seconds * 1000;
      const findings = await checkLive(http.fetch, index, { goOn: () => performance.now() < endMs });
      assert.equal(printFindings(findings.filter(({ severity }) => severity === 'must')), '');
    };
    await watch(1);
    const variants = await until('the quality is listed', async () => {
      const listed = (await readMultivariant(server, '/live/studio/index.m3u8')).variants;
      return listed.length > 1 && listed;
    });
    assert.deepEqual(variants.map(({ resolution }) => resolution?.height).sort(), [144, 180]);
    assert.equal((await view('studio')).state, 'running');
    await watch(6);
  });
});
