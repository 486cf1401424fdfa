// The worker is a real child process: the test waits for its lines and its end. The looks for jobs are on
// virtual time.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { OwnWorker } from './own-worker.ts';

/** A program that prints what it gets, and ends with its stdin. */
const program = `
process.stderr.write(JSON.stringify({ args: process.argv.slice(2), secret: process.env.OXBOW_SECRET ?? null }) + '\\n');
process.stdin.on('data', (line) => process.stderr.write(line)).on('end', () => process.exit(0));`;

test('the own worker runs while there are jobs and for a while after, and gets its secret over stdin alone', {
  timeout: 120_000,
}, async () => {
  using time = openVirtualTime();
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-own-worker-'));
  process.env.OXBOW_SECRET = 'a setting';
  try {
    const entry = join(folder, 'program.mjs');
    await writeFile(entry, program);
    const lines: string[] = [];
    let isNeeded = false;
    let looks = 0;
    /** A line was printed, or there was a look for jobs. */
    let next = Promise.withResolvers<void>();
    const note = () => {
      next.resolve();
      next = Promise.withResolvers();
    };
    const children = { network: 'auto' as const, prlimit: '', setpriv: '', unshare: '' };
    const setup = {
      url: 'http://127.0.0.1:1',
      token: 'secret',
      slots: 2,
      encoders: { sessions: 0, liveSessions: 0, waitMs: 0 },
      unchecked: false,
      children,
    };
    await using own = new OwnWorker({
      ...setup,
      entry,
      when: 'auto',
      idleMs: 60_000,
      clock: time.clock,
      log(line) {
        lines.push(line);
        note();
      },
      async isNeeded() {
        looks++;
        note();
        return isNeeded;
      },
      crashed: (reason) => assert.fail(reason),
    });
    await time.runFor(60_000);
    assert.deepEqual([own.pid, looks], [undefined, 1], 'no job, no process');
    isNeeded = true;
    own.need();
    while (lines.length < 2) await next.promise;
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [{ args: [], secret: null }, setup],
    );
    const { pid } = own;
    await time.runFor(120_000);
    assert.equal(own.pid, pid, 'jobs keep it');
    isNeeded = false;
    await time.runFor(59_999);
    assert.equal(own.pid, pid, 'it is kept for a while');
    await time.runFor(1);
    while (own.pid !== undefined) await next.promise; // it looks for a job after the end of the process
    own.need();
    while (lines.length < 4) await next.promise;
    assert.notEqual(own.pid, pid, 'the next job starts another one');
  } finally {
    delete process.env.OXBOW_SECRET;
    await rm(folder, { recursive: true, force: true });
  }
});
