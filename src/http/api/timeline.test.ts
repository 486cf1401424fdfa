import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asAdmin, shareTestServer } from '../fixture.ts';

suite('timelines over the API', () => {
  const server = shareTestServer();

  test('are requested at the given resolution', async () => {
    const ask = (res: string) =>
      fetch(`${server().url}/api/v1/streams/public/timeline?from=1795000000&to=1795000600&res=${res}`, {
        headers: asAdmin,
      });
    assert.equal((await ask('60')).status, 200);
    assert.deepEqual(server().calls, ['timeline("public", 1795000000000, 1795000600000, 60)']);
    for (const res of ['-1', '1.5', 'x', '1234567']) assert.equal((await ask(res)).status, 400);
  });
});
