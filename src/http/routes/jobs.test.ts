import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobView } from '../../api/jobs/job-shapes.ts';
import type { HttpDeps } from '../deps.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';

const queries: unknown[] = [];
const time = '2026-01-31T20:00:00.000Z';
const transcode: JobView = {
  id: 'a',
  kind: 'transcode',
  state: 'done',
  progress: 1,
  error: null,
  subject: 'a1',
  priority: 0,
  parts: {},
  tries: 1,
  maxTries: 3,
  failures: [],
  worker: 'w-1',
  notBefore: null,
  input: { height: 720 },
  result: { renditions: ['720p'], bytes: 5 },
  createdAt: time,
  startedAt: time,
  endedAt: time,
  expiresAt: null,
};
const server = shareTestServer(() => ({
  jobs: {
    async list(query: unknown) {
      queries.push(query);
      return { items: [], nextCursor: '41' };
    },
    get: async () => transcode,
  } as unknown as HttpDeps['jobs'],
}));
const ask = (query: string) => fetch(`${server().url}/api/v1/jobs${query}`, { headers: asAdmin });

test('jobs are paginated by limit and cursor', async () => {
  queries.length = 0;
  assert.deepEqual(await (await ask('?limit=2&cursor=43')).json(), { items: [], nextCursor: '41' });
  await ask('');
  assert.deepEqual(queries, [{ limit: 2, cursor: '43' }, { limit: undefined }]);
  for (const wrong of ['?limit=0', '?limit=x', '?limit=10000', '?page=2', '?state=lost']) {
    assert.equal((await ask(wrong)).status, 400, wrong);
  }
});

test('a job of any kind is sent with its input and result', async () => {
  assert.deepEqual(await (await ask('/a')).json(), transcode);
});
