import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStatus, type Status } from './status.ts';

const recorded = { from: null, to: null, seconds: 7200, bytes: 1_500_000_000 };
const stream = (name: string, state: string, problem = ''): Status['streams'][number] =>
  ({ name, state, problem, recorded }) as Status['streams'][number];
const status: Status = {
  url: 'http://127.0.0.1:8080',
  version: '1.2.3',
  pid: 42,
  startedAt: '2026-11-28T10:00:00.000Z',
  health: { status: 'ok', checks: [{ name: 'disk', status: 'ok', detail: '5 GB free' }] },
  streams: [stream('door', 'live')],
};
const NOW_MS = Date.parse('2026-11-28T12:00:00Z');

test('says where oxbow runs, that it is well, and what its streams do', () => {
  const [first, second, third, rows] = describeStatus(status, NOW_MS);
  assert.match(first!, /^oxbow 1\.2\.3 runs at http:\/\/127\.0\.0\.1:8080, for 02:00:00 \(process 42\)\.$/);
  assert.deepEqual([second, third], ['Everything works.', '1 of 1 stream live:']);
  assert.match(rows!, /^ {2}door {2}live {2}.*1\.5 GB$/);
});

test('names the checks that fail, and why a stream has no media', () => {
  const detail = '1 of 2 streams are live; no media from: yard (HTTP 404)';
  const lines = describeStatus(
    {
      ...status,
      pid: null,
      startedAt: null,
      health: {
        status: 'degraded',
        checks: [...status.health.checks, { name: 'sources', status: 'degraded', detail }],
      },
      streams: [
        stream('door', 'live'),
        stream('yard', 'waiting', 'HTTP 404'),
        stream('old', 'stopped', 'stopped by a person'),
      ],
    },
    NOW_MS,
  );
  assert.deepEqual(lines.slice(0, 4), [
    'oxbow 1.2.3 runs at http://127.0.0.1:8080.',
    'Health: degraded.',
    `  sources: ${detail}`,
    '1 of 3 streams live:',
  ]);
  assert.match(lines[4]!, /yard +waiting .*HTTP 404\n/);
  assert.doesNotMatch(lines[4]!, /stopped by a person/);
});

test('a server without streams says so', () => {
  assert.equal(describeStatus({ ...status, streams: [] }, NOW_MS).at(-1), 'There are no streams.');
});
