import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { ProblemView, StreamView } from '../../src/api/shapes.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { type Origin, openOrigin } from '../fixtures/origin.ts';
import {
  type Folder,
  openFolder,
  runOxbow,
  type Said,
  type Server,
  smallPicture,
  startPlainServer,
} from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest } from '../full.ts';

let folder: Folder;
before(async () => {
  folder = await openFolder('messages');
});
after(() => folder[Symbol.asyncDispose]());

/** One sentence that names the fault, one line that says what to do, and no stack. */
function assertRefusal(said: Said, code: 1 | 2, sentence: RegExp, hint: RegExp): void {
  assert.equal(said.code, code, said.stderr);
  const lines = said.stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('{'));
  assert.match(lines[0] ?? '', /^oxbow: /);
  assert.match(lines[0]!, sentence);
  assert.match(lines.slice(1).join('\n'), hint);
  assert.doesNotMatch(said.stderr, /^\s+at .*:\d+:\d+/m, 'no stack is shown');
  assert.equal(said.stdout, '');
}

suite('a failed start reports the reason and a hint', () => {
  /** Every refused start gets its own folder that must not be made in vain. */
  const serve = (...args: string[]) => ['serve', '--rtmp', 'off', '--srt', 'off', '--http', '127.0.0.1:0', ...args];

  fullTest('a URL of another kind, a word that is neither verb nor URL', async () => {
    const data = join(folder.path, 'never');
    const no = /not an http, https, rtsp, udp, srt or whep\+https URL/;
    const [other, empty, word] = (await runCommandLines([
      serve('--data', data, 'door=ftp://cam.example/live'),
      serve('--data', data, 'door=http://'),
      ['recrod'],
    ])) as [Said, Said, Said];
    assertRefusal(other, 2, no, /config check/);
    assertRefusal(empty, 2, no, /config check/);
    assert.equal(existsSync(data), false, 'nothing was made');
    assertRefusal(word, 2, /recrod/, /serve|--help/);
  });

  fullTest('a setting that does not exist or cannot be read', async () => {
    const file = join(folder.path, 'broken.yaml');
    await writeFile(file, 'record:\n  keep: 1h\n  kepp: 2h\n');
    const lines = [serve('--kep', '1h'), serve('--keep', 'soon'), serve('--config', file)];
    const [unknown, value, broken] = (await runCommandLines(lines)) as [Said, Said, Said];
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /--kep[\s\S]*--keep/);
    assert.equal(value.code, 2, value.stderr);
    assert.match(value.stderr, /keep[\s\S]*soon/);
    assert.equal(broken.code, 2, broken.stderr);
    assert.match(broken.stderr, /broken\.yaml/);
    assert.match(broken.stderr, /kepp/);
  });

  test('a port that is taken', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const said = await runOxbow(serve('--data', join(folder.path, 'port'), '--http', `127.0.0.1:${port}`));
    other.close();
    assertRefusal(said, 1, new RegExp(String(port)), /another port|--http/);
  });

  fullTest('a data folder that is a file, or where nothing can be written', async () => {
    const file = join(folder.path, 'a-file');
    await writeFile(file, '');
    const lines = [file, join(file, 'below'), '/proc/oxbow'].map((data) => serve('--data', data));
    const [is, below, system] = (await runCommandLines(lines)) as [Said, Said, Said];
    assertRefusal(is, 1, /a-file/, /--data/);
    assertRefusal(below, 1, /a-file/, /--data/);
    assertRefusal(system, 1, /\/proc\/oxbow/, /--data/);
  });

  fullTest('a file that is not a database: it is renamed, and a new database created', async () => {
    const data = join(folder.path, 'garbage');
    const garbage = 'this is no database, though it is long enough to be looked at '.repeat(100);
    await mkdir(data);
    await writeFile(join(data, 'oxbow.db'), garbage);
    await using server = await startPlainServer({ data });
    const [line] = server.log('error');
    assert.match(line!.msg, /corrupt.*moved aside/);
    assert.equal(await readFile(line!.movedTo as string, 'utf8'), garbage);
  });
});

fullSuite('a running oxbow reports errors', () => {
  const opened = new AsyncDisposableStack();
  let origin: Origin;
  let server: Server;
  before(async () => {
    origin = opened.use(await openOrigin());
    origin.put('/page.m3u8', '<html>not a playlist</html>');
    const sources = {
      gone: `${origin.url}/live.m3u8`,
      page: `${origin.url}/page.m3u8`,
      away: 'http://127.0.0.1:9/live.m3u8',
    };
    const pulled = Object.entries(sources).map(([name, url]) => [name, { source: { url } }]);
    const config = join(folder.path, 'sources.yaml');
    await writeFile(
      config,
      JSON.stringify({ streams: { demo: { source: { type: 'test' } }, ...Object.fromEntries(pulled) } }),
    );
    const args = [...smallPicture, '--config', config];
    server = opened.use(await startPlainServer({ data: join(folder.path, 'running'), args, sample: false }));
    await server.stream('demo');
  });
  after(() => opened.disposeAsync());

  test('of another oxbow with its data folder, and continues', async () => {
    const data = join(folder.path, 'running');
    const [said, doctor] = (await runCommandLines([
      ['serve', '--http', '127.0.0.1:0', '--data', data],
      ['doctor', '--rebuild', '--data', data, '--http', '0'],
    ])) as [Said, Said];
    assertRefusal(said, 1, /running/, /--data/);
    assert.equal(doctor.code, 1, doctor.stdout);
    assert.match(doctor.stdout + doctor.stderr, /running[\s\S]*Stop the other oxbow/);
    await server.stream('demo');
  });

  const problem = async (path: string): Promise<ProblemView> => {
    const response = await server.fetch(path);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/, path);
    const body = (await response.json()) as ProblemView;
    assert.equal(body.status, response.status, path);
    assert.match(body.traceId, /^[0-9a-f]{32}$/, path);
    assert.ok((body.hint ?? '').length > 5, `${path} says what to do`);
    return body;
  };

  fullTest('of a stream that does not exist', async () => {
    const paths = ['/live/no/index.m3u8', '/vod/no/1795160400/10m/index.m3u8', '/clip/no/1795160400/10s.mp4'];
    for (const path of [...paths, '/thumb/no/1795160400.jpg', '/api/v1/streams/no', '/api/v1/streams/no/timeline']) {
      const { status, code, detail } = await problem(path);
      assert.deepEqual([status, code], [404, 'stream-unknown'], path);
      assert.match(detail, /\bno\b/);
    }
  });

  fullTest('of an invalid time, or one without media', async () => {
    for (const path of ['/vod/demo/someday/10m/index.m3u8', '/clip/demo/12345/10s.mp4', '/thumb/demo/x.jpg']) {
      const { status, code, detail } = await problem(path);
      assert.deepEqual([status, code], [400, 'bad-time'], path);
      assert.match(detail, /someday|12345|"x"/);
    }
    const back = await problem('/vod/demo/1795160400/1795160300/index.m3u8');
    assert.equal(back.code, 'bad-time');
    assert.equal((await problem('/api/v1/streams/demo/timeline?from=noon')).code, 'bad-time');
    const now = Math.floor(Date.now() / 1000);
    assert.equal((await problem(`/vod/demo/${now + 3600}/60s/index.m3u8`)).code, 'no-media');
    assert.equal((await problem(`/vod/demo/${now - 3600}/60s/index.m3u8`)).code, 'no-media');
    assert.equal((await problem(`/vod/demo/${now - 90_000}/90000/index.m3u8`)).code, 'window-too-long');
  });

  fullTest('of an invalid address', async () => {
    for (const path of [
      '/live/demo/nonsense.m3u8',
      '/live/demo/av0/9999999999.m4s',
      '/nothing/here',
      '/api/v1/nothing',
    ]) {
      assert.equal((await problem(path)).status, 404, path);
    }
  });

  suite('an unreachable source', () => {
    test('is logged with the stream, and retried', async () => {
      const waiting = (name: string) =>
        until(`${name} has a problem`, async () => {
          const view = await server.json<StreamView>(`/api/v1/streams/${name}`);
          return view.state === 'waiting' && view.problem !== '' && view;
        });
      assert.match((await waiting('gone')).problem, /404/);
      assert.match((await waiting('page')).problem, /playlist|M3U/i);
      assert.match((await waiting('away')).problem, /refuse/);
      await origin.asked('/live.m3u8', 3);
      const live = await server.fetch('/live/gone/index.m3u8');
      assert.equal(live.status, 404);
      assert.equal(((await live.json()) as ProblemView).code, 'stream-offline');
      assert.ok(live.headers.get('retry-after'));
      const ready = await server.json<{ status: string }>('/ready');
      assert.equal(ready.status, 'ok', 'one bad source does not make oxbow unready');
      const { gaps, offline, from, to } = await server.timeline('gone');
      assert.ok(gaps.some(({ cause }) => cause === 'source-down'));
      const covered = [...gaps, ...offline].reduce((sum, gap) => sum + Date.parse(gap.to) - Date.parse(gap.from), 0);
      assert.ok(Math.abs(covered - (Date.parse(to) - Date.parse(from))) < 5, 'all of the time has its cause');
    });
  });
});
