import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { oldNode } from '../fixtures/old-node.ts';
import { fullTest } from '../full.ts';

const root = join(import.meta.dirname, '..', '..');
const launcher = join(root, 'bin', 'oxbow');
const folder = mkdtempSync(join(tmpdir(), 'oxbow-launcher-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const skipOld = oldNode === undefined ? 'the node of this machine is new enough' : false;

/** Starts the server by a command on a free port and waits until it is ready. */
async function serve(
  command: readonly string[],
  data: string,
  env = process.env,
): Promise<{ child: ChildProcess; http: string }> {
  const [program, ...first] = command as [string, ...string[]];
  mkdirSync(join(folder, data), { recursive: true });
  writeFileSync(join(folder, data, 'no-sample.txt'), ''); // a folder that is not empty gets no sample stream
  const args = [...first, '--json', '--http', '127.0.0.1:0', '--data', join(folder, data), '--log-level', 'error'];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: root, env });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.startsWith('{')) continue; // npm says what it runs
    const said = JSON.parse(line) as { event?: string; http?: string };
    if (said.event === 'ready') return { child, http: said.http! };
  }
  return assert.fail('the server ended before it was ready');
}

/** Waits until no server listens at the address. */
async function untilGone(http: string): Promise<void> {
  for (const since = performance.now(); performance.now() - since < 60_000; ) {
    const answered = await fetch(`${http}/health`, { headers: { connection: 'close' } }).then(
      (response) => response.body?.cancel().then(() => true) ?? true,
      () => false,
    );
    if (!answered) return;
    await sleep(50);
  }
  assert.fail('the server still answers');
}

test('a new Node runs oxbow in its own process', () => {
  const { stdout, status } = spawnSync(process.execPath, [launcher, '--version'], { encoding: 'utf8' });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(status, 0);
});

test('an old Node starts the new one and forwards arguments, output and exit code', { skip: skipOld }, () => {
  const good = spawnSync(oldNode!, [launcher, '--version'], { encoding: 'utf8' });
  assert.match(good.stdout, /^\d+\.\d+\.\d+\n$/);
  const wrong = spawnSync(oldNode!, [launcher, '--kep', '1h'], { encoding: 'utf8' });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /Did you mean --keep\?/);
});

const skipWindows = process.platform === 'win32' && 'a shell script';
test('bin/oxbow becomes the server, from any folder, through links, without a node in the search path', {
  skip: skipWindows,
}, async () => {
  const home = join(folder, 'a folder, linked');
  mkdirSync(home);
  symlinkSync(relative(home, launcher), join(home, 'first'));
  symlinkSync('first', join(home, 'oxbow'));
  const { child, http } = await serve([join(home, 'oxbow'), 'serve'], 'linked', {
    ...process.env,
    PATH: '/usr/bin:/bin',
  });
  if (process.platform === 'linux') {
    const words = readFileSync(`/proc/${child.pid}/cmdline`, 'latin1').split('\0');
    assert.match(words[0]!, /node$/);
    assert.ok(words.includes(join(root, 'src', 'main.ts')), words.join(' '));
  }
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  await untilGone(http);
});

test('bin/oxbow takes nothing from the environment that has no default in it', { skip: skipWindows }, () => {
  const { stdout, stderr, status } = spawnSync('/bin/sh', ['-u', launcher, '--version'], { encoding: 'utf8' });
  assert.deepEqual([stderr, status], ['', 0]);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('bin/oxbow names the version of a Node that is too old, and what to do', { skip: skipWindows }, () => {
  const home = join(folder, 'old');
  mkdirSync(join(home, 'bin'), { recursive: true });
  copyFileSync(launcher, join(home, 'bin', 'oxbow'));
  writeFileSync(join(home, 'node'), '#!/bin/sh\necho v18.20.4\n', { mode: 0o755 });
  const { stderr, status } = spawnSync(join(home, 'bin', 'oxbow'), {
    encoding: 'utf8',
    env: { PATH: `${home}:/usr/bin:/bin` },
  });
  assert.match(stderr, /needs Node 24 or newer, this is v18\.20\.4/);
  assert.equal(status, 1);
});

test("the server's C library gives large freed buffers back to the system, unless the user says otherwise", {
  skip: process.platform !== 'linux',
}, async () => {
  const { child, http } = await serve([process.execPath, launcher, 'serve'], 'settings');
  const environment = readFileSync(`/proc/${child.pid}/environ`, 'latin1').split('\0');
  for (const [name, bytes] of [
    ['MALLOC_MMAP_THRESHOLD_', 69_632],
    ['MALLOC_TRIM_THRESHOLD_', 131_072],
  ] as const) {
    assert.ok(environment.includes(`${name}=${process.env[name] ?? bytes}`), name);
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
  await untilGone(http);
});

fullTest('SIGTERM closes the server and the launcher ends with 0', async () => {
  for (const [index, node] of [process.execPath, ...(oldNode ? [oldNode] : [])].entries()) {
    const { child, http } = await serve([node, launcher, 'serve'], `term-${index}`);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await untilGone(http);
  }
});

test('killing the launcher ends the server', { skip: skipOld }, async () => {
  const { child, http } = await serve([oldNode!, launcher, 'serve'], 'killed');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await untilGone(http);
});

const skipNpm = process.platform === 'win32' && 'Windows has no SIGTERM';
fullTest('SIGTERM to `npm start` ends the server too, and frees the data folder', { skip: skipNpm }, async () => {
  const { child, http } = await serve(['npm', 'start', '--'], 'npm');
  child.kill('SIGTERM');
  await once(child, 'exit');
  await untilGone(http);
  const again = await serve([process.execPath, launcher, 'serve'], 'npm');
  again.child.kill('SIGTERM');
  await once(again.child, 'exit');
});
