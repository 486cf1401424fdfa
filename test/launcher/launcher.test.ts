import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'oxbow');
const folder = mkdtempSync(join(tmpdir(), 'oxbow-launcher-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The `node` of the PATH, where it is too old for oxbow itself. */
const oldNode = (() => {
  const printed = spawnSync('node', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  return Number(printed.slice(1).split('.')[0]) < 24 ? 'node' : undefined;
})();
const skipOld = oldNode === undefined ? 'the node of this machine is new enough' : false;

/** Starts the server on a free port and waits until it is ready. */
async function serve(node: string, data: string): Promise<{ child: ChildProcess; http: string }> {
  const args = [
    launcher,
    'serve',
    '--json',
    '--http',
    '127.0.0.1:0',
    '--data',
    join(folder, data),
    '--log-level',
    'error',
  ];
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: folder });
  for await (const line of createInterface({ input: child.stdout! })) {
    const said = JSON.parse(line) as { event?: string; http?: string };
    if (said.event === 'ready') return { child, http: said.http! };
  }
  return assert.fail('the server ended before it was ready');
}

/** Waits until nobody answers at the address. */
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

test('an old Node finds the new one and passes on arguments, output and exit code', { skip: skipOld }, () => {
  const good = spawnSync(oldNode!, [launcher, '--version'], { encoding: 'utf8' });
  assert.match(good.stdout, /^\d+\.\d+\.\d+\n$/);
  const wrong = spawnSync(oldNode!, [launcher, '--kep', '1h'], { encoding: 'utf8' });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /Did you mean --keep\?/);
});

test('SIGTERM closes the server and the launcher ends with 0', async () => {
  for (const [index, node] of [process.execPath, ...(oldNode ? [oldNode] : [])].entries()) {
    const { child, http } = await serve(node, `term-${index}`);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    await untilGone(http);
  }
});

test('a launcher that is killed takes the server with it', { skip: skipOld }, async () => {
  const { child, http } = await serve(oldNode!, 'killed');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await untilGone(http);
});
