import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { OwnWorker } from './own-worker.ts';

/** A program that prints what it gets, and ends with its stdin. */
const program = `
process.stderr.write(JSON.stringify({ args: process.argv.slice(2), secret: process.env.OXBOW_SECRET ?? null }) + '\\n');
process.stdin.on('data', (line) => process.stderr.write(line)).on('end', () => process.exit(0));`;

test('the own worker runs while there are jobs and for a while after, and gets its secret over stdin alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-own-worker-'));
  process.env.OXBOW_SECRET = 'a setting';
  try {
    const entry = join(folder, 'program.mjs');
    await writeFile(entry, program);
    const clock = createManualClock();
    const lines: string[] = [];
    let isNeeded = false;
    let looks = 0;
    const setup = { url: 'http://127.0.0.1:1', token: 'secret', slots: 2, unchecked: false, network: 'auto' as const };
    await using own = new OwnWorker({
      ...{ ...setup, entry, when: 'auto', idleMs: 60_000, lookEveryMs: 5, clock, log: (line) => lines.push(line) },
      async isNeeded() {
        looks++;
        return isNeeded;
      },
      crashed: (reason) => assert.fail(reason),
    });
    const look = async () => {
      for (const before = looks; looks < before + 3; ) await new Promise(setImmediate);
    };
    while (looks < 1) await new Promise(setImmediate);
    assert.equal(own.pid, undefined, 'no job, no process');
    isNeeded = true;
    own.need();
    while (lines.length < 2) await new Promise(setImmediate);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [{ args: [], secret: null }, setup],
    );
    const { pid } = own;
    clock.advance(120_000);
    await look();
    assert.equal(own.pid, pid, 'jobs keep it');
    isNeeded = false;
    clock.advance(59_000);
    await look();
    assert.equal(own.pid, pid, 'it is kept for a while');
    clock.advance(2000);
    while (own.pid !== undefined) await new Promise(setImmediate);
    own.need();
    while (lines.length < 4) await new Promise(setImmediate);
    assert.notEqual(own.pid, pid, 'the next job starts another one');
  } finally {
    delete process.env.OXBOW_SECRET;
    await rm(folder, { recursive: true, force: true });
  }
});
