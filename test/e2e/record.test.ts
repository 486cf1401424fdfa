import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, suite, test } from 'node:test';
import { windowOf } from '../../src/recording/window.ts';
import type { RecordSummary } from '../../src/streams/record/record.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { filmHashes, pictureHashes, probe, run } from '../fixtures/ffmpeg.ts';
import { putJoinedList } from '../fixtures/joined-list.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, type Origin, openOrigin } from '../fixtures/origin.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, main, openFolder, runOxbow, startPlainServer, startVerb } from '../fixtures/server.ts';
import { perSecond, putSlidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';

const formats = ['mp4', 'mkv', 'ts'] as const;
/** Longer than the joined list. */
const LIST_MS = 15_000;
/**
 * The end of a list must lie near now, or its dates are not believed. No window begins within it: a chunk
 * file would end there.
 */
const since = () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 30_000;
  const windowMs = windowOf((startMs + LIST_MS) * 1000) / 1000;
  return windowMs > startMs ? windowMs - LIST_MS : startMs;
};

suite('record', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let url: string;
  let pictures: string[];
  const file = (name: string) => join(folder.path, name);

  before(async () => {
    folder = opened.use(await openFolder('record'));
    origin = opened.use(await openOrigin({ folder: folder.path }));
    const shapes = [
      { folder: file('first'), seconds: 4.2, bFrames: 2 },
      { folder: file('second'), seconds: 3, bFrames: 0 },
    ];
    await Promise.all(shapes.map((shape) => makeHls(shape)));
    const stretches = [
      { folder: file('first'), path: '/first', startMs: 0 },
      { folder: file('second'), path: '/second', startMs: 10_000 },
    ];
    url = await putJoinedList(origin, stretches, since);
    const hashes = await Promise.all(['first', 'second'].map((name) => pictureHashes(join(file(name), 'index.m3u8'))));
    pictures = hashes.flat();
  });
  after(() => opened.disposeAsync());

  for (const format of firstOf(1, formats)) {
    test(`.${format}: a source with a gap and a change becomes one complete file with all pictures`, async () => {
      const path = file(`whole.${format}`);
      const said = await runOxbow(['record', url, '-o', path, '--json']);
      assert.equal(said.code, 0, said.stderr);
      const summary = JSON.parse(said.stdout) as RecordSummary;
      assert.deepEqual(summary.files, [path]);
      assert.ok(Math.abs(summary.seconds - 7.2) < 0.01, `${summary.seconds} s`);
      const [film] = await filmHashes([path]);
      assert.deepEqual(film!.pictures, pictures);
      assert.ok(film!.sound.length > 300);
      const { durationS, startS } = await probe(path);
      assert.ok(Math.abs(durationS - 7.2) < 0.06, `it lasts ${durationS} s`);
      assert.ok(format === 'ts' || startS === 0);
    });
  }

  test('lost packets of a transport stream are counted and named; a whole one has no warning', async () => {
    const [name] = (await readdir(file('second'))).filter((each) => each.endsWith('.ts')).sort();
    const whole = await readFile(join(file('second'), name!));
    const broken = Buffer.concat([whole.subarray(0, 188 * 20), whole.subarray(188 * 24)]);
    await writeFile(file('broken.ts'), broken);
    const list = (uri: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3,\n${uri}\n#EXT-X-ENDLIST\n`;
    origin.put('/broken.m3u8', () => list('broken.ts'));
    origin.put('/intact.m3u8', () => list(`second/${name}`));
    const [damaged, intact] = await Promise.all(
      ['broken', 'intact'].map(async (each) => {
        const said = await runOxbow(['record', `${origin.url}/${each}.m3u8`, '-o', file(`${each}.mp4`), '--json']);
        return { stderr: said.stderr, ...(JSON.parse(said.stdout) as RecordSummary) };
      }),
    );
    assert.match(
      damaged!.warnings.join(),
      /^[0-9]+ damaged places? in the media w.* left out: .*packets of PID [0-9]+ are missing/,
    );
    assert.ok(damaged!.damaged > 0 && damaged!.stderr.includes(damaged!.warnings[0]!));
    assert.deepEqual([intact!.damaged, intact!.warnings], [0, []]);
  });

  fullTest('the file of a killed recording is playable', async () => {
    await Promise.all(
      formats.map(async (format) => {
        const path = file(`killed.${format}`);
        const verb = startVerb(['record', 'test:', '-o', path]);
        await until('some of it is written', async () => (await stat(path)).size > 60_000);
        await verb.end('SIGKILL');
        const { code, stderr } = await run('ffmpeg', ['-v', 'error', '-i', path, '-f', 'null', '-']);
        assert.deepEqual([code, stderr], [0, ''], `.${format}`);
        assert.ok((await pictureHashes(path)).length >= 25, `.${format}`);
      }),
    );
  });

  fullTest('Ctrl-C completes the file and exits without an error', async () => {
    const path = file('stopped.mp4');
    const verb = startVerb(['record', 'test:', '-o', path, '--json']);
    await until('some of it is written', async () => (await stat(path)).size > 60_000);
    const said = await verb.end('SIGINT');
    assert.equal(said.code, 0, said.stderr);
    const { ended, seconds } = JSON.parse(said.stdout) as RecordSummary;
    assert.equal(ended, 'stopped');
    const { durationS } = await probe(path);
    assert.ok(Math.abs(durationS - seconds) < 0.5, `${durationS} s of ${seconds} s are in the file`);
  });

  fullTest('--duration stops in time; an existing file is not replaced; a missing source is reported', async () => {
    const path = file('short.mkv');
    const args = ['record', url, '-o', path, '--duration', '2s'];
    const [made, again, replaced, lost] = await runCommandLines([
      args,
      args,
      [...args, '--overwrite'],
      ['record', `${origin.url}/nothing.m3u8`, '-o', file('lost.mp4')],
    ]);
    assert.deepEqual([made!.code, again!.code, replaced!.code], [0, 2, 0]);
    assert.match(again!.stderr, /exists/);
    assert.deepEqual(await pictureHashes(path), pictures.slice(0, 50));
    assert.equal(lost!.code, 1);
    assert.match(lost!.stderr, /404/);
    assert.ok(!(await readdir(folder.path)).includes('lost.mp4'));
  });

  fullTest('--from starts as far before the live edge as the source offers; the default is near the edge', async () => {
    const media = file('offered');
    await makeHls({ folder: media, seconds: 20, size: '128x72', container: 'fmp4' });
    const startMs = Date.now() - 12_000;
    const released = perSecond({ first: 12, seconds: 1, waits: true });
    const live = await putSlidingList(origin, {
      folder: media,
      path: '/offered/live.m3u8',
      window: 20,
      released,
      startMs,
    });
    const source = await pictureHashes(join(media, 'index.m3u8'));
    for (const [name, flags, isPlace] of [
      ['back', ['--from', '-10m'], (picture: number) => picture === 0],
      ['edge', [], (picture: number) => picture >= 9 * 25],
    ] as const) {
      const path = file(`${name}.mp4`);
      const said = await runOxbow(['record', live, '-o', path, '--duration', '2s', ...flags]);
      assert.equal(said.code, 0, said.stderr);
      const got = await pictureHashes(path);
      const begins = source.indexOf(got[0]!);
      assert.ok(isPlace(begins), `${name}: it begins with picture ${begins} of the source`);
      assert.deepEqual(got, source.slice(begins, begins + 50), name);
    }
  });

  fullTest('- writes MPEG-TS to stdout', async () => {
    const child = spawn(process.execPath, [main, 'record', url, '-o', '-'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const closed = once(child, 'close') as Promise<[number | null]>;
    await pipeline(child.stdout, createWriteStream(file('piped.ts')));
    const [code] = await closed;
    assert.equal(code, 0);
    assert.deepEqual(await pictureHashes(file('piped.ts')), pictures);
  });

  fullTest('a folder is the data folder of a server', async () => {
    const data = file('data');
    const said = await runOxbow(['record', url, '-o', data, '--name', 'door']);
    assert.equal(said.code, 0, said.stderr);
    assert.equal((await chunkFiles(data)).get('door')?.length, 2, 'a file for each run');
    await using server = await startPlainServer({ data });
    const view = await server.stream('door', 'over');
    assert.ok(view.recorded.seconds > 7);
  });
});
