import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeletionView } from '../../src/api/deletions/deletion-shapes.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { freePort } from '../fixtures/free-port.ts';
import { EDGE_TOKEN } from '../fixtures/proxies/edge.ts';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

test('oxbow delete plans, asks for --yes, deletes a range, and lists the edge that it did not reach', async () => {
  await using folder = await openFolder('delete-verb');
  const [data, settings] = ['data', 'oxbow.yaml'].map((name) => join(folder.path, name)) as [string, string];
  const edge = `http://127.0.0.1:${await freePort()}`; // nothing listens there
  await writeFile(
    settings,
    JSON.stringify({
      streams: { cam: { source: { type: 'test' } } },
      hls: { segmentDuration: '1s' },
      edges: { urls: [edge], token: EDGE_TOKEN },
    }),
  );
  await using server = await startServer({
    data,
    adminToken: 'an-administrator',
    sample: false,
    args: ['--config', settings, ...smallPicture],
  });
  const span = await until('four seconds are recorded', async () => {
    const { spans } = await server.timeline('cam');
    return spans.find(({ from, to }) => Date.parse(to) - Date.parse(from) >= 4000);
  });
  await server.fetch('/api/v1/streams/cam/stop', { method: 'POST' });
  await server.stream('cam', 'stopped');
  const fromMs = Date.parse(span.from) + 1200;
  const verb = (name: string, ...more: string[]) => ['delete', name, ...more, '--data', data];
  const range = ['--from', String(fromMs), '--duration', '1s'];
  const [plan, asked, both, unknown, nothing, done, again] = await runCommandLines([
    verb('cam', ...range, '--dry-run'),
    verb('cam', ...range),
    verb('cam', ...range, '--to', String(fromMs)),
    verb('nobody-there', ...range, '--yes'),
    verb('cam', '--from', '1500000000', '--duration', '1m', '--yes'),
    verb('cam', ...range, '--yes', '--json'),
    verb('cam', ...range, '--yes'),
  ]);
  assert.deepEqual([plan!.code, plan!.stderr], [0, '']);
  assert.match(plan!.stdout, /^cam from \S+Z to \S+Z: [23] segments, \S+ .B, in \d files\n {2}edges: 1\n$/);
  assert.equal(asked!.code, 2);
  assert.match(asked!.stderr, /^oxbow: There is no terminal to confirm on: give --yes\.\n/);
  assert.deepEqual([both!.code, unknown!.code, nothing!.code], [2, 1, 1]);
  assert.match(both!.stderr, /either --to or --duration/);
  assert.match(unknown!.stderr, /nobody-there.*\n {2}oxbow stream list/);
  assert.match(nothing!.stderr, /Nothing of cam is recorded/);
  // The edge is not reached: it is listed, and the exit code says so.
  assert.equal(done!.code, 1, done!.stdout + done!.stderr);
  const view = JSON.parse(done!.stdout) as DeletionView;
  assert.deepEqual(
    view.left.map(({ kind, name, problem }) => [kind, name, problem !== '']),
    [['edge', edge, true]],
  );
  assert.match(done!.stderr, new RegExp(`tries these again .*/${view.id}\\n$`));
  const { deleted } = await server.timeline('cam');
  assert.ok(deleted.some(({ from, to }) => Date.parse(from) <= fromMs && Date.parse(to) >= fromMs + 1000));
  assert.deepEqual([again!.code, /Nothing of cam is recorded/.test(again!.stderr)], [1, true], 'there is nothing left');
});
