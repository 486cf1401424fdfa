/**
 * A disk that is full of held media: recording pauses and says why, and continues after the hold is lifted
 * and the media is deleted.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeletionView, HoldView } from '../../src/api/deletions/deletion-shapes.ts';
import { makePieces, putUnder } from '../fixtures/foreign/recordings.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, runOxbow, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/** What is held begins six hours ago. */
const HELD_MS = Math.floor(Date.now() / 1000) * 1000 - 6 * 3_600_000;
const adminToken = 'let-me-in-please';

function mountRefusal(): string | undefined {
  const found = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  return found.status === 0 ? undefined : 'this user may not mount';
}

interface Report {
  readonly checks: readonly { readonly name: string; readonly detail?: string }[];
}
interface Refusal {
  readonly code: string;
  readonly detail: string;
}

test('while a legal hold fills the disk, recording pauses with the setting; it continues when the hold is lifted', {
  skip: need('ffmpeg') || (mountRefusal() ?? false),
}, async () => {
  await using folder = await openFolder('held-disk');
  const [disk, data] = [join(folder.path, 'disk'), join(folder.path, 'disk', 'data')];
  const config = join(folder.path, 'oxbow.yaml');
  const pieces = await makePieces(join(folder.path, 'pieces'), 'ts', { seconds: 12, pieceS: 2 });
  const files = join(folder.path, 'files');
  // Twenty times, so that they are far larger than what the database may grow by.
  for (let copy = 0; copy < 20; copy++)
    await putUnder(files, pieces, (i) => `${HELD_MS + copy * 20_000 + i * 2000}000000.ts`);
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
  try {
    const said = await runOxbow(['import', 'recordings', files, '--data', data, '--as', 'old', '--json']);
    assert.equal(said.code, 0, said.stderr);
    await writeFile(config, 'record: { minFree: 0 }\n');
    await using server = await startServer({
      data,
      adminToken,
      sample: false,
      args: ['--config', config, ...smallPicture, '--hls-segment-duration', '1s', '--keep', '10d'],
    });
    const send = async <T>(method: string, path: string, body?: object) => {
      const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      const answer = await server.fetch(path, { method, ...(body && json) });
      return { status: answer.status, view: (await answer.json().catch(() => ({}))) as T };
    };
    const { from, to } = await server.timeline('old');
    const range = { from, to };
    const held = await send<HoldView>('POST', '/api/v1/streams/old/holds', {
      ...range,
      name: 'case 7',
      reason: 'a court asks for it',
    });
    assert.equal(held.status, 201);
    // Half of the held media is missing.
    const { bytes } = (await server.stream('old', 'over')).recorded;
    const { bavail, bsize } = await statfs(disk);
    await writeFile(config, `record: { minFree: ${bavail * bsize + Math.round(bytes / 2)} }\n`);
    process.kill(server.pid, 'SIGHUP');
    await until('the disk has no room', async () => {
      const { checks } = await server.json<Report>('/health');
      const { detail = '' } = checks.find(({ name }) => name === 'disk')!;
      return /Recording is paused: .*record\.minFree \(--min-free\)/.test(detail);
    });
    assert.equal((await send('POST', '/api/v1/streams', { name: 'cam', source: { type: 'test' } })).status, 201);
    const problem = /record\.minFree \(--min-free\)/;
    await until('recording is paused', async () => {
      const { state, problem: text } = await server.stream('cam', 'live');
      return state === 'live' && problem.test(text);
    });
    await until('a segment is lost', () => server.log('error').some((line) => line.cause === 'disk'));
    const path = `/api/v1/streams/old/recordings?${new URLSearchParams(range)}`;
    const refused = await send<Refusal>('DELETE', path);
    assert.deepEqual([refused.status, refused.view.code], [409, 'recording-held']);
    assert.match(refused.view.detail, /case 7/);
    assert.match((await server.stream('cam')).problem, problem, 'it stays paused');

    assert.equal((await send('DELETE', `/api/v1/streams/old/holds/${held.view.id}`)).status, 204);
    const deleted = await send<DeletionView>('DELETE', path);
    assert.ok(deleted.status === 200 || deleted.status === 202, JSON.stringify(deleted.view));
    const recorded = await until('it records again', async () => {
      const { problem: text, recorded } = await server.stream('cam');
      return text === '' && recorded.seconds > 0 && recorded;
    });
    assert.ok(recorded.bytes > 0);
    const gaps = await until('what was not recorded is a gap', async () => {
      const timeline = await server.timeline('cam');
      return timeline.gaps.length > 0 && timeline.gaps;
    });
    assert.deepEqual([...new Set(gaps.map(({ cause }) => cause))], ['disk']);
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});
