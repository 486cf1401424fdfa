/**
 * Verbs that talk to the running oxbow find it by its data folder alone.
 * In: a server, a data folder. Out: what the verbs print and leave behind.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { type Folder, openFolder, runOxbow, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

suite('an oxbow that runs on a data folder', () => {
  let folder: Folder;
  let data: string;
  let server: Server;
  const own = () => ['--data', data];

  before(async () => {
    folder = await openFolder('running');
    data = join(folder.path, 'data');
    // Both listen elsewhere than by default, and have neither admin token nor public address.
    server = await startPlainServer({ data, args: [...smallPicture, '--log-level', 'warn'] });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test('writes its addresses to running.json, which only its user can read', () => {
    const said = JSON.parse(readFileSync(join(data, 'running.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual([said.pid, said.http], [server.pid, server.url]);
    assert.ok(Math.abs(Date.parse(String(said.startedAt)) - Date.now()) < 600_000);
    assert.equal(statSync(join(data, 'running.json')).mode & 0o777, 0o600);
  });

  test('is the target of `token link`, and the link signs in', async () => {
    const { code, stdout, stderr } = await runOxbow(['token', 'link', ...own()]);
    assert.equal(code, 0, stderr);
    assert.ok(stdout.startsWith(`${server.url}/sign-in#`), stdout);
    const reply = await server.fetch('/api/v1/sessions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: stdout.trim().split('#')[1] }),
    });
    assert.equal(reply.status, 201);
  });

  fullTest('creates, lists and revokes tokens without an admin token, and leaves no session', async () => {
    const [made, listed] = await runCommandLines([
      ['token', 'add', 'robot', '--scope', 'admin', '--json', ...own()],
      ['token', 'list', '--json', ...own()],
    ]);
    assert.equal(made!.code, 0, made!.stderr);
    const { id, token } = JSON.parse(made!.stdout) as { id: string; token: string };
    assert.deepEqual(
      (JSON.parse(listed!.stdout) as { label: string }[]).map(({ label }) => label),
      ['robot'],
    );
    const sessions = await server.fetch('/api/v1/sessions', { headers: { authorization: `Bearer ${token}` } });
    const { items } = (await sessions.json()) as { items: { program: string }[] };
    assert.deepEqual(
      items.filter(({ program }) => program.startsWith('oxbow/')),
      [],
    );
    const [removed, left] = await runCommandLines([
      ['token', 'remove', id, ...own()],
      ['token', 'list', ...own()],
    ]);
    assert.equal(removed!.code, 0);
    assert.equal(left!.stdout, 'There are no tokens.\n');
  });

  fullTest(
    'has users that are added, changed, invited and removed; a password is printed once, and signs in',
    async () => {
      const user = (...args: string[]) => ['user', ...args, ...own()];
      const made = await runOxbow(user('add', 'Ada'));
      assert.equal(made.code, 0, made.stderr);
      const signIn = (password: string) =>
        server.fetch('/api/v1/sessions', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: 'ada', password }),
        });
      assert.equal((await signIn(made.stdout.trim())).status, 201);
      const changed = await runOxbow(user('password', 'ADA', '--json'));
      const { password } = JSON.parse(changed.stdout) as { password: string };
      assert.equal((await signIn(password)).status, 201);
      const [role, ban, listed, invitation] = await runCommandLines([
        user('role', 'Ada', 'admin'),
        user('ban', 'Ada'),
        user('list', '--json'),
        user('invite', 'class', '--uses', '3'),
      ]);
      assert.deepEqual([role!.code, ban!.code], [0, 0]);
      assert.equal((await signIn(password)).status, 403);
      const [shown] = JSON.parse(listed!.stdout) as Record<string, string>[];
      assert.deepEqual([shown!.name, shown!.role, shown!.state], ['Ada', 'admin', 'banned']);
      assert.match(invitation!.stdout, /\/sign-up#[\w-]{16}\n$/);
      const [removed, unknown] = await runCommandLines([user('remove', shown!.id!), user('ban', 'Ada')]);
      assert.equal(removed!.code, 0);
      assert.deepEqual([unknown!.code, unknown!.stderr.split('\n')[0]], [1, 'oxbow: There is no user "Ada".']);
    },
  );

  fullTest('is required: a folder without one is refused, and nothing is created', async () => {
    const none = join(folder.path, 'none');
    const verbs = [['link'], ['list'], ['add', 'x'], ['remove', 'x']];
    const [added, ...refused] = await runCommandLines([
      ['add', 'a=http://cam.example/live.m3u8', '--data', none],
      ...verbs.map((verb) => ['token', ...verb, '--data', none]),
    ]);
    assert.equal(added!.code, 1);
    assert.match(added!.stderr, /Start it with the stream: \S+ serve a=http:\S+ --data \S+none\n.*--server URL/);
    for (const [i, { code, stdout, stderr }] of refused.entries()) {
      assert.deepEqual([code, stdout], [1, ''], verbs[i]![0]);
      assert.match(stderr, /^oxbow: No oxbow runs on the data folder .*none\.\n {2}.*--data DIR.*--server URL/);
    }
    assert.ok(!existsSync(none));
  });

  fullTest('lists its streams and their recordings; hints have commands', async () => {
    await until('a segment is recorded', async () => (await server.stream('demo')).recorded.from);
    const output = join(folder.path, 'none.mp4');
    const [listed, table, none, removed] = await runCommandLines([
      ['stream', 'list', '--json', ...own()],
      ['stream', 'list', ...own()],
      ['export', 'none', '--from', '-1m', '--duration', '1s', '-o', output, ...own()],
      ['token', 'remove', 'x', ...own()],
    ]);
    assert.equal(listed!.code, 0, listed!.stderr);
    const [demo, ...more] = JSON.parse(listed!.stdout) as { name: string; state: string; recorded: { from: string } }[];
    assert.deepEqual([demo!.name, demo!.state, more.length], ['demo', 'live', 0]);
    assert.ok(Date.parse(demo!.recorded.from) <= Date.now());
    assert.match(table!.stdout, /^name +state.*\ndemo +live +20\d\d-/);
    assert.deepEqual([none!.code, /oxbow stream list/.test(none!.stderr)], [1, true], none!.stderr);
    assert.match(removed!.stderr, /oxbow token list/);
  });

  fullTest('takes streams from `oxbow add`, named after their paths, and says which do not deliver', async () => {
    const live = `${server.url}/live/demo/index.m3u8`;
    const [added, again] = await runCommandLines([
      ['add', live, `gone=${server.url}/gone.m3u8`, '--keep', '2h', ...own()],
      ['add', `gone=${live}`, ...own()],
    ]);
    const [json, elsewhere, administrator] = await runCommandLines([
      ['add', live, '--json', ...own()],
      ['add', live, '--server', server.url, '--token', 'wrong-token-of-a-kind'],
      ['token', 'add', 'x', '--scope', 'admin', '--json', ...own()],
    ]);
    assert.equal(added!.code, 0, added!.stderr);
    assert.match(added!.stdout, new RegExp(`^demo-2 +live +${server.url}/watch/demo-2\ngone +\\w+ +`));
    assert.match(added!.stderr, /^demo-2 is added\.\ngone is added\.\n(.*\n)*gone: gone\.m3u8 answered with HTTP 404/);
    assert.deepEqual([again!.code, again!.stdout], [1, '']);
    assert.match(again!.stderr, /^oxbow: A stream named gone exists already\.\n/);
    const [third] = JSON.parse(json!.stdout) as { name: string; url: string }[];
    assert.deepEqual([third!.name, third!.url], ['demo-3', `${server.url}/watch/demo-3`]);
    assert.deepEqual([elsewhere!.code, /--token|admin token/.test(elsewhere!.stderr)], [1, true], elsewhere!.stderr);
    const token = JSON.parse(administrator!.stdout);
    for (const name of ['demo-2', 'demo-3', 'gone']) {
      const headers = { authorization: `Bearer ${token.token}` };
      const removed = await server.fetch(`/api/v1/streams/${name}?recordings=delete`, { method: 'DELETE', headers });
      assert.equal(removed.status, 204);
    }
  });

  fullTest('is named with the command that adds, where a second one would start with a stream', async () => {
    const second = await runOxbow(['serve', 'http://127.0.0.1:1/film/live.m3u8', '--http', '127.0.0.1:0', ...own()]);
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      /Another oxbow runs on .*\n {2}To add the stream to the one that runs: \S+ add http:\S+ --data /,
    );
  });

  fullTest('exports by its data folder alone', async () => {
    // The window ends a second before now, so that much of the recording has to be older.
    await until('four seconds are recorded', async () => ((await server.stream('demo')).recorded.seconds ?? 0) >= 4);
    const from = (Date.now() - 60_000).toString();
    const file = join(folder.path, 'some.mp4');
    const args = ['export', 'demo', '--from', from, '--duration', '59s', '-o', file, ...own()];
    const [exported, again, replaced] = await runCommandLines([args, args, [...args, '--overwrite']]);
    assert.equal(exported!.code, 0, exported!.stderr);
    assert.ok(statSync(file).size > 10_000);
    assert.equal(again!.code, 2, 'a file that exists is not replaced');
    assert.match(again!.stderr, /some\.mp4 exists already\.\n {2}.*--overwrite/);
    assert.equal(replaced!.code, 0);
  });

  fullTest('deletes running.json at its end, and the file is ignored after kill -9', async () => {
    await server.stop();
    assert.ok(!existsSync(join(data, 'running.json')));
    await using again = await startPlainServer({ data, args: [...smallPicture, '--log-level', 'warn'] });
    const { pid } = JSON.parse(readFileSync(join(data, 'running.json'), 'utf8')) as { pid: number };
    assert.equal(pid, again.pid);
    await again.stop('SIGKILL');
    assert.ok(existsSync(join(data, 'running.json')));
    const [link, listed] = await runCommandLines([
      ['token', 'link', ...own()],
      ['stream', 'list', '--json', ...own()],
    ]);
    assert.equal(link!.code, 1);
    assert.equal(listed!.code, 0, listed!.stderr);
    const [demo] = JSON.parse(listed!.stdout) as { name: string; state: null; recorded: { seconds: number } }[];
    assert.deepEqual([demo!.name, demo!.state], ['demo', null]);
    assert.ok(demo!.recorded.seconds > 0, 'from the folder where no server runs');
  });
});
