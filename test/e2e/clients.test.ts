import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../../scripts/source-files.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
const made = join(root, 'src', 'client', 'made');
const fixtures = join(root, 'test', 'fixtures', 'clients');
const picture = join(root, 'web', 'public', 'icon-192.png');
/** A compiler on a busy machine. */
const timeout = 300_000;

suite('clients in other languages', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;

  before(async () => {
    folder = opened.use(await openFolder('clients'));
    film = join(folder.path, 'film.mp4');
    [server] = await Promise.all([
      startPlainServer({ data: join(folder.path, 'data'), adminToken }).then((each) => opened.use(each)),
      makeFilm(film),
    ]);
  });
  after(() => opened.disposeAsync());

  const run = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
    const all = [...args, server.url, adminToken, film, picture];
    const { stdout } = await promisify(execFile)(program, all, { env: Object.assign({}, process.env, env), timeout });
    assert.equal(stdout, 'ok\n');
  };

  test(
    'Python calls operations with types, reads problems, pages, events and files, and uploads',
    {
      skip: need('python3'),
    },
    () => run('python3', ['-B', join(fixtures, 'use.py')], { PYTHONPATH: join(made, 'python') }),
  );

  fullTest('Go does the same', { skip: need('go') }, async () => {
    const program = join(folder.path, 'program');
    await mkdir(program);
    await copyFile(join(fixtures, 'main.go'), join(program, 'main.go'));
    // As a package of the module path: nothing is downloaded.
    const env = { GOPATH: program, GO111MODULE: 'off', GOFLAGS: '', GOCACHE: join(folder.path, 'cache') };
    const source = join(program, 'src', 'oxbow');
    await mkdir(source, { recursive: true });
    await copyFile(join(made, 'go', 'oxbow.go'), join(source, 'oxbow.go'));
    await run('go', ['run', join(program, 'main.go')], env);
  });
});
