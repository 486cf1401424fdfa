/**
 * A reader that has seen enough, as `oxbow doctor | head -1`.
 * In: verbs whose output is closed early. Out: how they end.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { main, openFolder } from '../fixtures/server.ts';
import { fullTest } from '../full.ts';

/** Runs a verb whose reader closes the pipe after `bytes`. */
async function readOnly(bytes: number, args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  let read = 0;
  for await (const piece of child.stdout) {
    read += (piece as Uint8Array).length;
    if (read >= bytes) break; // closes the pipe
  }
  const [code] = await closed;
  return { code, stderr };
}

suite('a reader that closes the pipe ends quietly', () => {
  test('doctor', async () => {
    await using folder = await openFolder('pipe');
    assert.deepEqual(await readOnly(1, ['doctor', '--data', folder.path, '--http', '0']), { code: 0, stderr: '' });
  });

  fullTest('record -o -', async () => {
    const { code, stderr } = await readOnly(50_000, ['record', 'test:', '-o', '-']);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /EPIPE|--log-level|\.ts:\d+/);
  });
});
