import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const adminToken = 'token-of-an-administrator';

suite('the single executable', () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let executable: string;
  let cache: string;
  /** Nothing of this machine but the kernel: no search path, no Node. */
  let env: NodeJS.ProcessEnv;

  const start = (): Promise<Server> => {
    const unset = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
    const data = join(folder.path, 'data');
    const all = { ...unset, ...env };
    return startServer({ executable, cwd: join(folder.path, 'empty'), data, adminToken, env: all, args: smallPicture });
  };
  const version = () => run(executable, ['--version'], { cwd: join(folder.path, 'empty'), env });

  before(async () => {
    folder = opened.use(await openFolder('single-executable'));
    await run(process.execPath, [join(root, 'scripts', 'build-sea.mjs'), folder.path], { cwd: root });
    executable = join(folder.path, process.platform === 'win32' ? 'oxbow.exe' : 'oxbow');
    await mkdir(join(folder.path, 'empty'));
    cache = join(folder.path, 'cache', 'oxbow-executable');
    env = { PATH: '', XDG_CACHE_HOME: join(folder.path, 'cache') };
  });
  after(() => opened[Symbol.asyncDispose]());

  test('serves its interface, records, decodes, and continues after a kill', async () => {
    let before: number;
    {
      await using server = await start();
      assert.match(Buffer.from(await server.bytes('/')).toString(), /<script type="module"/);
      const { recorded } = await until('four seconds are recorded', async () => {
        const view = await server.stream('demo');
        return view.recorded.seconds >= 4 && view;
      });
      before = recorded.seconds;
      const to = new Date(Date.parse(recorded.from!) + 3000).toISOString();
      const body = JSON.stringify({ stream: 'demo', from: recorded.from, to, title: 'clip' });
      const headers = { 'content-type': 'application/json' };
      const created = await server.fetch('/api/v1/clips', { method: 'POST', headers, body });
      assert.equal(created.status, 201, await created.clone().text());
      const { media } = (await created.json()) as ClipView;
      const picture = await server.bytes(media.preview);
      assert.deepEqual([...picture.subarray(0, 3)], [0xff, 0xd8, 0xff], 'a child process has decoded it');
      assert.ok((await server.bytes(media.file)).length > 10_000);
      assert.deepEqual(server.log('error'), []);
      await server.stop('SIGKILL');
    }
    await using again = await start();
    await until('it records again', async () => (await again.stream('demo')).recorded.seconds > before + 1);
    const gaps = (await again.timeline('demo')).gaps.map(({ cause }) => cause);
    assert.deepEqual(gaps, ['crash']);
    assert.equal((await again.stop()).code, 0);
    assert.deepEqual(await readdir(join(folder.path, 'empty')), []);
  });

  test('unpacks again what was changed in its folder', async () => {
    const [name] = (await readdir(cache)).filter((each) => /^[0-9a-f]{32}$/.test(each));
    await appendFile(join(cache, name!, 'dist', 'src', 'main.js'), '\nthrow new Error("changed");\n');
    const { version: expected } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    assert.equal((await version()).stdout, `${expected}\n`);
  });

  test('refuses a folder to which others may write', { skip: process.platform === 'win32' }, async () => {
    await chmod(cache, 0o777);
    await assert.rejects(version(), /oxbow-executable is not a folder of this user alone/);
    await chmod(cache, 0o700);
  });
});
