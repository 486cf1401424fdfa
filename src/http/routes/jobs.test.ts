import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpDeps } from '../deps.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';

const wishes: unknown[] = [];
const server = shareTestServer(() => ({
  jobs: {
    async list(wish: unknown) {
      wishes.push(wish);
      return { items: [], nextCursor: '41' };
    },
  } as unknown as HttpDeps['jobs'],
}));
const ask = (query: string) => fetch(`${server().url}/api/v1/jobs${query}`, { headers: asAdmin });

test('jobs come in pages: limit and cursor go in, the next cursor comes out', async () => {
  wishes.length = 0;
  assert.deepEqual(await (await ask('?limit=2&cursor=43')).json(), { items: [], nextCursor: '41' });
  await ask('');
  assert.deepEqual(wishes, [
    { limit: 2, cursor: '43' },
    { limit: undefined, cursor: undefined },
  ]);
  for (const wrong of ['?limit=0', '?limit=x', '?limit=10000', '?page=2']) {
    assert.equal((await ask(wrong)).status, 400, wrong);
  }
});
