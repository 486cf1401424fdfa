import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { LongRunOptions, Look } from './long-run.ts';

const HOUR_MS = 3_600_000;

test('a day of ten streams: media, gaps and offline time are wall time, and memory, files and index do not grow', async (context) => {
  const options: LongRunOptions = {
    seed: 3,
    streams: 10,
    lengthMs: 24 * HOUR_MS,
    lookEveryMs: 6 * HOUR_MS,
    keepMs: HOUR_MS,
  };
  // A separate process, as for the other simulation. `npm run soak -- month` is the long form.
  const script = path.join(import.meta.dirname, 'run-month.ts');
  const args = ['--max-semi-space-size=32', script, JSON.stringify(options)];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: unknown) => {
    throw new Error(String((error as { stdout?: string }).stdout), { cause: error });
  });
  const looks = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Look);
  for (const look of looks) context.diagnostic(JSON.stringify(look));
  assert.equal(looks.length, 4);
  assert.deepEqual(
    looks.flatMap(({ problems }) => problems),
    [],
  );
  const { segments, restarts, clockSteps, outages } = looks.at(-1)!;
  assert.ok(segments > 80_000 && restarts > 0 && clockSteps > 1 && outages > 5, 'all of it happened');
});
