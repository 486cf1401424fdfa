import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { isServer, runCommandLine } from './program.ts';

/** The built program in a complete run: it starts with half of the CPU time. */
const main = process.env.TESTS_PROGRAM ?? join(import.meta.dirname, '..', 'main.ts');
const folder = mkdtempSync(join(tmpdir(), 'oxbow-cli-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs a command line as a process. */
function runProcess(args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder, timeout: 60_000 });
}

/** What a command line prints. */
interface Printed {
  stdout: string;
  stderr: string;
}

/** The command line whose output it is; the runner of the tests prints to the same streams. */
const current = new AsyncLocalStorage<Printed>();
for (const name of ['stdout', 'stderr'] as const) {
  const write = process[name].write.bind(process[name]) as (...args: unknown[]) => boolean;
  const { mock: written } = mock.method(process[name], 'write', (...args: unknown[]) => {
    const printed = current.getStore();
    if (!printed) return write(...args);
    printed[name] += String(args[0]);
    return true;
  });
  after(() => written.restore());
}

/**
 * Runs a command line in this process, in the folder of the test: a start of the program takes half a second.
 */
async function oxbow(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Printed & { readonly status: number }> {
  const printed: Printed = { stdout: '', stderr: '' };
  const cwd = process.cwd();
  Object.assign(process.env, env);
  process.chdir(folder);
  try {
    const status = await current.run(printed, () => runCommandLine(args));
    return { status, ...printed };
  } finally {
    process.chdir(cwd);
    for (const name of Object.keys(env)) delete process.env[name];
  }
}

test('the program ends with the exit code of its command line', () => {
  assert.match(runProcess(['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
  const { stderr, stdout, status } = runProcess(['serve', '--kep', '1h']);
  assert.equal(status, 2);
  assert.match(stderr, /^oxbow: Unknown option '--kep'\./);
  assert.equal(stdout, '');
});

test('--version prints the version, --help the verbs, and both end with 0', async () => {
  const version = await oxbow(['--version']);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(version.status, 0);
  const help = await oxbow(['--help']);
  for (const verb of ['serve', 'config', 'doctor', 'probe', 'backup'])
    assert.match(help.stdout, new RegExp(`^ +${verb} `, 'm'));
  assert.equal(help.status, 0);
});

test('the help of serve has the flags that are used most, and names the way to the others', async () => {
  const { stdout, status } = await oxbow(['serve', '--help']);
  assert.equal(status, 0);
  for (const flag of ['--config', '--data', '--http', '--keep', '--json', '--help'])
    assert.match(stdout, new RegExp(`^ +${flag} `, 'm'));
  assert.ok(stdout.split('\n').length < 45, stdout);
  assert.doesNotMatch(stdout, /--hls-part-duration/);
  assert.match(stdout, /All settings: oxbow serve --help-all\n$/);
});

test('the whole help of serve lists every flag with its default and none of the old aliases', async () => {
  const { stdout, status } = await oxbow(['serve', '--help-all']);
  assert.equal(status, 0);
  for (const flag of ['--config', '--data', '--http', '--keep', '--max-disk', '--hls-part-duration', '--json']) {
    assert.match(stdout, new RegExp(`^ +${flag} `, 'm'));
  }
  assert.match(stdout, /\(default:\s+24h\)/);
  assert.doesNotMatch(stdout, /--bind-to/);
});

test('the help of a verb shows its own settings, and it accepts all others', async () => {
  for (const [verb, own] of [
    [['probe'], '--net-allow'],
    [['doctor'], '--data'],
    [['token', 'list'], '--data'],
    [['stream', 'list'], '--data'],
  ] as const) {
    const { stdout } = await oxbow([...verb, '--help']);
    assert.match(stdout, new RegExp(`^ +${own} `, 'm'));
    assert.doesNotMatch(stdout, /--test-picture|--telemetry|--hls/, verb.join(' '));
    assert.match(stdout, /All settings: oxbow serve --help/);
  }
  assert.match((await oxbow(['probe', 'none.ts', '--test-picture-fps', '25'])).stderr, /There is no file/);
});

test('what runs for long loads no verb but its own', () => {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) {
      if (/cli.(verbs.verbs|upload.upload)\\.ts$/.test(url)) process.stderr.write('another verb is loaded');
      return next(url, context);
    } });`;
  const watched = [
    '--import',
    `data:text/javascript,${encodeURIComponent(hook)}`,
    join(import.meta.dirname, '..', 'main.ts'),
  ];
  for (const verb of ['record', 'worker', 'edge', 'status']) {
    const args = [...watched, verb, '--no-such-flag'];
    const { stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder, timeout: 60_000 });
    assert.equal(status, 2, stderr);
    assert.match(stderr, new RegExp(`See oxbow ${verb} --help`));
    assert.equal(stderr.includes('another verb is loaded'), verb === 'status', stderr);
  }
});

test('a server loads no verb but its own', () => {
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const imports = /^(?:import|export) (?!type )(?:[^;']*? from )?'(\.[^']+)'/gm;
    for (const [, path] of readFileSync(file, 'utf8').matchAll(imports)) visit(join(file, '..', path!));
  };
  visit(join(import.meta.dirname, '..', 'main.ts'));
  const has = (...path: string[]) => seen.has(join(import.meta.dirname, ...path));
  assert.deepEqual([has('serve.ts'), has('verbs', 'verbs.ts'), has('upload', 'upload.ts')], [true, false, false]);
});

test('a server is one with a URL or a flag instead of the verb, too', () => {
  const servers = [
    '',
    'serve',
    'serve a=https://h/l.m3u8',
    'rtsp://h/1',
    'door=https://h/l.m3u8 --keep 7d',
    '--data status',
  ];
  const others = ['status', 'stauts', 'serve --help', '--help', '-- status', 'upload a.mp4'];
  const isServers = [...servers, ...others].map((line) => isServer(line.split(' ').filter(Boolean)));
  assert.deepEqual(isServers, [...servers.map(() => true), ...others.map(() => false)]);
});

test('a folder without recordings has no list of streams, and is not created', async () => {
  const { status, stderr } = await oxbow(['stream', 'list', '--data', 'nowhere']);
  assert.deepEqual([status, existsSync(join(folder, 'nowhere'))], [1, false]);
  assert.match(stderr, /There are no recordings in .*nowhere/);
});

test('an unknown flag is wrong usage: exit 2, with the nearest flag', async () => {
  const { stderr, stdout, status } = await oxbow(['serve', '--kep', '1h']);
  assert.equal(status, 2);
  assert.match(stderr, /^oxbow: Unknown option '--kep'\.\n {2}Did you mean --keep\?/);
  const ofOthers = await oxbow(['serve', '--port', '8123']);
  assert.match(ofOthers.stderr, /^oxbow: Unknown option '--port'\.\n {2}Did you mean --http\?\n/);
  assert.equal(stdout, '');
});

test('a wrong value is wrong usage: exit 2, one sentence and no stack', async () => {
  const { stderr, status } = await oxbow(['--keep', 'soon']);
  assert.equal(status, 2);
  assert.match(stderr, /^oxbow: --keep: "soon" is not a duration; write 90s/);
  assert.doesNotMatch(stderr, /\.ts:\d+/);
});

test('with --log-level debug an error has a stack', async () => {
  assert.match((await oxbow(['--keep', 'soon', '--log-level', 'debug'])).stderr, /(?:load\.ts|main\.js):\d+/);
});

test('a word that is neither URL nor verb: exit 2 and the list of verbs', async () => {
  const { stderr, status } = await oxbow(['prob']);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /"prob" is neither a verb nor a URL\.\n {2}Did you mean probe\? Verbs: serve, status, add, config, doctor, probe/,
  );
});

test('a verb after serve, as in `npm start -- add URL`, is answered with the command to type', async () => {
  const { stderr, status } = await oxbow(['serve', 'add', 'https://cam.example/live.m3u8']);
  assert.equal(status, 2);
  assert.match(stderr, /"add" is a verb, not a URL\.\n {2}.*Type: .*oxbow add https:\/\/cam\.example\/live\.m3u8/);
});

test('add refuses what is no stream with what to do instead, before it looks for a server', async () => {
  const { stderr, status } = await oxbow(['add', 'door=rtmp://192.0.2.10/live/1']);
  assert.equal(status, 2);
  assert.match(stderr, /oxbow does not fetch RTMP, it receives it\.\n {2}.*oxbow stream key/);
});

test('an unknown key in a file is reported with line and nearest key', async () => {
  writeFileSync(join(folder, 'wrong.yaml'), 'listen: 0.0.0.0\nrecrod: { keep: 1h }\n');
  const { stderr, status } = await oxbow(['--config', 'wrong.yaml']);
  assert.equal(status, 2);
  assert.match(stderr, /^oxbow: wrong\.yaml:2:1: There is no setting "recrod"; did you mean "record"\?/);
});

test('config check ends with 1 and lists every problem, or with 0 if the settings are valid', async () => {
  writeFileSync(join(folder, 'two.yaml'), 'recrod: { keep: 1h }\nthreads: 90\n');
  const wrong = await oxbow(['config', 'check', '--config', 'two.yaml']);
  assert.equal(wrong.status, 1);
  assert.equal(wrong.stderr.trim().split('\n').length, 2);
  const json = await oxbow(['config', 'check', '--config', 'two.yaml', '--json']);
  assert.equal(JSON.parse(json.stdout).problems.length, 2);
  const right = await oxbow(['config', 'check', 'https://cam.example/live.m3u8']);
  assert.deepEqual([right.status, right.stdout], [0, 'The settings are valid; 1 stream.\n']);
});

test('config print shows each value with its origin and hides secrets', async () => {
  const args = ['config', 'print', '--tail', '48', '--json', 'door=https://me:pass@cam.example/live.m3u8'];
  const { stdout, status } = await oxbow(args, { OXBOW_ADMIN_TOKEN: 'correct horse battery' });
  assert.equal(status, 0);
  const printed = JSON.parse(stdout) as Record<string, { value: string; origin: string }>;
  assert.partialDeepStrictEqual(printed['record.keep'], { value: '2d', origin: '--tail', reload: 'live' });
  assert.partialDeepStrictEqual(printed.adminToken, { value: '***', origin: 'OXBOW_ADMIN_TOKEN', reload: 'restart' });
  assert.partialDeepStrictEqual(printed['hls.window'], { value: '5m', origin: 'default', reload: 'restart' });
  assert.match(printed['streams.door']!.value, /^pull https:\/\/\*\*\*@cam\.example/);
  assert.doesNotMatch(stdout, /horse|me:pass/);
});

test('config print without --json is a table; the last of a flag given twice counts', async () => {
  const { stdout } = await oxbow(['config', 'print', '--http', '1', '--http', '0.0.0.0:2', '--debug']);
  assert.match(stdout, /^http +0\.0\.0\.0:2 +--http$/m);
  assert.match(stdout, /^logLevel +debug +--debug$/m);
});

test('config schema is JSON Schema', async () => {
  const { stdout, status } = await oxbow(['config', 'schema']);
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).title, 'oxbow.yaml');
});

test('probe of a file that is not there fails: exit 1 and what to give', async () => {
  const { stderr, status } = await oxbow(['probe', 'none.ts']);
  assert.equal(status, 1);
  assert.match(stderr, /^oxbow: There is no file "none\.ts"/);
});

test('probe without an argument is wrong usage', async () => {
  assert.equal((await oxbow(['probe'])).status, 2);
});

test('doctor says what is wrong with settings and ports, and what to type', async () => {
  await using server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const child = spawn(process.execPath, [main, 'doctor', '--json', '--http', String(port), '--data', 'd'], {
    cwd: folder,
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  const [status] = await once(child, 'close');
  assert.equal(status, 1);
  const { ok, checks } = JSON.parse(stdout) as {
    ok: boolean;
    checks: { name: string; state: string; text: string; hint: string }[];
  };
  assert.equal(ok, false);
  const found = Object.fromEntries(checks.map((check) => [check.name, check]));
  assert.equal(found['http port']!.state, 'failed');
  assert.match(found['http port']!.hint, /choose another port with --http/);
  assert.equal(found.node!.state, 'ok');
  assert.equal(found['data folder']!.state, 'ok');
  const wrong = await oxbow(['doctor', '--keep', 'soon']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, /^FAILED {3}settings: --keep: "soon"/m);
});
