import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const SEEDS = 200;

test(`${SEEDS} random sources: every frame once or in a listed gap, continuous time, no MSN twice, valid playlists`, async () => {
  // A process of its own: the runner follows every promise of a test and counts its calls, which doubles the time.
  const script = path.join(import.meta.dirname, 'run-seeds.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, String(SEEDS)]);
  assert.match(stdout, new RegExp(`^${SEEDS} sources: all is well$`, 'm'));
});
