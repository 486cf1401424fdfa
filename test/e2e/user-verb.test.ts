import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { openFolder, startServer } from '../fixtures/server.ts';

test('oxbow user adds, lists, changes, bans, invites and removes on the server of its data folder', async () => {
  await using folder = await openFolder('user-verb');
  const data = `${folder.path}/data`;
  await using server = await startServer({ data });
  const user = (...words: string[]) => ['user', ...words, '--data', data];

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
  for (const role of ['user', 'admin']) assert.match(metrics, new RegExp(`^oxbow_users\\{role="${role}"\\} 1$`, 'm'));
  assert.match(metrics, /^oxbow_database_wait_seconds_count [1-9]/m);
  assert.match(metrics, /^oxbow_http_requests_total\{class="[^"]+",status="[^"]+"\} [1-9]/m);

  const signIn = async (secret: string) =>
    (
      await server.fetch('/api/v1/sessions', {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
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
});
