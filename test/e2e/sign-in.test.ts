import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { firstOf, fullTest } from '../full.ts';

const run = promisify(execFile);
/** A user of most Unix systems who owns nothing. */
const NOBODY_UID = 65_534;
const canBeOthers = process.getuid?.() === 0;

for (const threads of process.platform === 'linux' ? firstOf(1, [1, 2]) : [1]) {
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

    if (threads > 1) return; // the verb does not depend on threads
    fullTest(
      'oxbow user adds, lists, changes, bans, invites and removes on the server of its data folder',
      async () => {
        const user = (...words: string[]) => ['user', ...words, '--data', folder.path];

        const made = await runCommandLines([
          user('list'),
          user('add', 'Ada'),
          user('add', 'ADA'),
          user('add', 'Grace', '--role', 'admin', '--json'),
          user('add', 'Eve', '--role', 'owner'),
          user('list'),
          user('invite', 'class', '--uses', '3', '--expires', '2d'),
          user('invite', '--uses', 'many'),
          user('invitations'),
          user('invitations', '--json'),
        ]);
        assert.deepEqual(
          made.map(({ code }) => code),
          [0, 0, 1, 0, 2, 0, 0, 2, 0, 0],
          JSON.stringify(made),
        );
        assert.equal(made[0]!.stdout, 'There are no users.\n');
        const password = made[1]!.stdout.trim();
        assert.match(password, /^[\w-]{20}$/);
        const grace = JSON.parse(made[3]!.stdout) as { role: string; password: string };
        assert.deepEqual([grace.role, grace.password.length], ['admin', 20]);
        assert.match(
          made[5]!.stdout,
          /^id +name +role +state +seen.*\n\S+ +Ada +user +active .*\n\S+ +Grace +admin +active /,
        );
        assert.match(made[6]!.stdout, /\/sign-up#[\w-]{16}\n$/);
        assert.match(made[7]!.stderr, /"many" is not a number of accounts/);
        assert.match(made[8]!.stdout, /\n\S+ +class +user +3 +\d{4}-/);
        const [{ id }] = JSON.parse(made[9]!.stdout) as [{ id: string }];

        const metrics = Buffer.from(await server.bytes('/metrics')).toString();
        for (const role of ['user', 'admin'])
          assert.match(metrics, new RegExp(`^oxbow_users\\{role="${role}"\\} 1$`, 'm'));
        assert.match(metrics, /^oxbow_database_wait_seconds_count [1-9]/m);
        assert.match(metrics, /^oxbow_http_requests_total\{class="[^"]+",status="[^"]+"\} [1-9]/m);

        const signIn = async (secret: string) =>
          (
            await server.fetch('/api/v1/sessions', {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({ name: 'Ada', password: secret }),
            })
          ).status;
        assert.equal(await signIn(password), 201);
        const changed = await runCommandLines([
          user('uninvite', id),
          user('invitations'),
          user('role', 'ada', 'admin'),
          user('password', 'Ada'),
          user('ban', 'Ada'),
          user('approve', 'Ada', '--json'),
          user('remove', 'Grace'),
          user('remove', 'Grace'),
          user('list', '--json'),
        ]);
        assert.deepEqual(
          changed.map(({ code }) => code),
          [0, 0, 0, 0, 0, 0, 0, 1, 0],
          JSON.stringify(changed),
        );
        assert.equal(changed[1]!.stdout, 'There are no invitations.\n');
        assert.match(changed[2]!.stdout, /^Ada \(\S+\): admin, active\n$/);
        assert.match(changed[4]!.stdout, /^Ada \(\S+\): admin, banned\n$/);
        assert.equal(JSON.parse(changed[5]!.stdout).state, 'active');
        assert.match(changed[7]!.stderr, /There is no user "Grace"/);
        const left = JSON.parse(changed[8]!.stdout) as { name: string }[];
        assert.deepEqual(
          left.map(({ name }) => name),
          ['Ada'],
        );
        assert.deepEqual([await signIn(password), await signIn(changed[3]!.stdout.trim())], [401, 201]);
      },
    );
  });
}
