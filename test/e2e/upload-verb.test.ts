import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type CuttingProxy, openCuttingProxy } from '../fixtures/library/cutting-proxy.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, runOxbow, type Server, startServer, startVerb } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const FILM_BYTES = 3_000_000;
/** Size of a chunk of a file of this size. */
const CHUNK = 256 * 1024;

suite('oxbow upload', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let proxy: CuttingProxy;
  const stateBefore = process.env.XDG_STATE_HOME;

  before(async () => {
    folder = opened.use(await openFolder('upload-verb'));
    process.env.XDG_STATE_HOME = join(folder.path, 'state');
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        adminToken,
      }),
    );
    proxy = opened.use(await openCuttingProxy(server.url));
  });
  after(async () => {
    if (stateBefore === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = stateBefore;
    await opened.disposeAsync();
  });

  const film = async (name: string): Promise<string> => {
    const path = join(folder.path, name);
    await makeFilm(path, { bytes: FILM_BYTES });
    return path;
  };
  const command = (path: string, ...more: string[]) => [
    ...['upload', path, '--server', proxy.url, '--token', adminToken, '--json'],
    ...more,
  ];
  const hashOf = async (path: string) =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  const assetOf = (stdout: string) => (JSON.parse(stdout) as { asset: string }).asset;
  const kept = () => readdir(join(folder.path, 'state', 'oxbow', 'uploads')).catch(() => []);
  const isWhole = async (id: string, path: string) => {
    const asset = await server.json<{ bytes: number; sha256: string; title: string }>(`/api/v1/assets/${id}`);
    assert.equal(asset.bytes, FILM_BYTES);
    assert.equal(asset.sha256, await hashOf(path));
    return asset;
  };

  test('a file arrives whole through a proxy that cuts each connection after a while', async () => {
    const path = await film('first film.mp4');
    proxy.cutAfter(CHUNK * 1.5);
    const said = await runOxbow(command(path, '--tags', 'a, b'));
    proxy.cutAfter(undefined);
    assert.equal(said.code, 0, said.stderr);
    assert.ok(proxy.cuts > 0);
    const asset = await isWhole(assetOf(said.stdout), path);
    assert.equal(asset.title, 'first film');
    assert.deepEqual(await kept(), []);
  });

  test('an upload that was killed continues where it was, and sends nothing twice but the chunks on their way', async () => {
    const path = await film('second.mp4');
    const before = proxy.bytes;
    proxy.limit(1_000_000);
    const verb = startVerb(command(path, '--parallel', '2'));
    await until('a third has arrived', () => proxy.bytes - before > FILM_BYTES / 3);
    await verb.end('SIGKILL');
    assert.equal((await kept()).length, 1);
    proxy.limit(undefined);
    const atKill = proxy.bytes;
    const said = await runOxbow(command(path));
    assert.equal(said.code, 0, said.stderr);
    await isWhole(assetOf(said.stdout), path);
    assert.ok(proxy.bytes - atKill < FILM_BYTES - CHUNK, `${proxy.bytes - atKill} bytes were sent again`);
    assert.deepEqual(await kept(), []);
  });

  test('while there is no network it waits, and Ctrl-C leaves an upload that continues', async () => {
    const path = await film('third.mp4');
    proxy.limit(1_000_000);
    const begun = proxy.bytes;
    const verb = startVerb(command(path));
    await until('it has begun', () => proxy.bytes - begun > CHUNK);
    proxy.turn(false);
    const cuts = proxy.cuts;
    await until('it tries again', () => proxy.cuts > cuts);
    const stopped = await verb.end('SIGINT');
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stderr, /the same command continues/);
    proxy.turn(true);
    proxy.limit(undefined);
    const said = await runOxbow(command(path));
    assert.equal(said.code, 0, said.stderr);
    await isWhole(assetOf(said.stdout), path);
  });

  test('a refused token and a server that does not answer end with 1', async () => {
    const path = join(folder.path, 'small.mp4');
    await writeFile(path, randomBytes(100));
    const refused = await runOxbow(['upload', path, '--server', proxy.url, '--token', 'wrong']);
    assert.equal(refused.code, 1, refused.stderr);
    proxy.turn(false);
    const gone = await runOxbow(['upload', path, '--server', proxy.url, '--token', adminToken]);
    proxy.turn(true);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /cannot be reached/);
  });
});
