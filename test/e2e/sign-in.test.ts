import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';

const run = promisify(execFile);
/** A user of most Unix systems who owns nothing. */
const NOBODY_UID = 65_534;
const canBeOthers = process.getuid?.() === 0;

for (const threads of process.platform === 'linux' ? [1, 2] : [1]) {
  suite(`one press on this computer, threads ${threads}`, {
    skip: process.platform !== 'linux' && 'Linux only',
  }, () => {
    let folder: Folder;
    let server: Server;
    before(async () => {
      folder = await openFolder('sign-in');
      server = await startServer({ data: folder.path, args: ['--threads', String(threads)] });
    });
    after(async () => {
      await server?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });

    const methods = async (headers: Record<string, string> = {}) => {
      const response = await server.fetch('/api/v1/sign-in', { headers });
      return (await response.json()) as { press: boolean; adminToken: boolean; command: string };
    };

    test('signs in the user who runs oxbow', async () => {
      const { press, adminToken } = await methods();
      assert.deepEqual([press, adminToken], [true, false]);
      const signed = await server.fetch('/api/v1/sessions', {
        method: 'POST',
        headers: { origin: server.url, 'content-type': 'application/json' },
        body: '{"press":true}',
      });
      assert.equal(signed.status, 201);
    });

    test('does not sign in through a proxy', async () => {
      assert.equal((await methods({ 'x-forwarded-for': '192.0.2.7' })).press, false);
      assert.equal((await methods({ forwarded: 'for=127.0.0.1' })).press, false);
    });

    test('does not sign in other users of this computer', {
      skip: canBeOthers ? need('curl') : 'only root can be others',
    }, async () => {
      const { stdout } = await run('curl', ['-sS', `${server.url}/api/v1/sign-in`], { uid: NOBODY_UID });
      assert.equal(JSON.parse(stdout).press, false);
      const body = ['-H', `Origin: ${server.url}`, '-H', 'Content-Type: application/json', '-d', '{"press":true}'];
      const refused = await run('curl', ['-sS', ...body, `${server.url}/api/v1/sessions`], { uid: NOBODY_UID });
      assert.equal(JSON.parse(refused.stdout).code, 'sign-in-refused');
    });

    test('the displayed command prints a working link', async () => {
      const { command } = await methods();
      assert.match(command, new RegExp(`token link --data ${folder.path}$`));
      // An installed oxbow is in the path of its users.
      const env = { ...process.env, PATH: `${path.join(import.meta.dirname, '../../bin')}:${process.env.PATH}` };
      const { stdout } = await run('sh', ['-c', command.replace(/^sudo /, '')], {
        cwd: path.join(import.meta.dirname, '..'),
        env,
      });
      const code = /sign-in#(\S+)/.exec(stdout)?.[1];
      const signed = await server.fetch('/api/v1/sessions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ code }),
      });
      assert.equal(signed.status, 201, stdout);
    });
  });
}
