import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { shareTestServer, textReply } from '../../http/fixture.ts';

suite('requests for ClearKey licences', () => {
  const asked: string[] = [];
  const shared = shareTestServer(() => ({
    answer: (address, query) => {
      asked.push(`${address.kind} ${query.getAll('kid').join()}`);
      return textReply('{"keys":[]}');
    },
  }));
  const send = (path: string, init: RequestInit) => fetch(`${shared().url}${path}`, init);
  const post = (body: string) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body });

  test('take the key ids of the body, need what playback needs, and may come from other pages', async () => {
    const path = '/live/public/keys/clearkey';
    const answer = await send(path, post('{"kids":["a-b_c","d"],"type":"temporary"}'));
    assert.deepEqual([answer.status, await answer.text()], [200, '{"keys":[]}']);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    assert.deepEqual(asked.splice(0), ['licence a-b_c,d']);
    const preflight = await send(path, { method: 'OPTIONS' });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Content-Type/);
    assert.equal((await send('/live/private/keys/clearkey', post('{"kids":["a"]}'))).status, 404);
    assert.deepEqual(asked, []);
  });

  test('that are no licence requests are refused', async () => {
    for (const body of ['', 'x', '{}', '{"kids":[]}', '{"kids":[1]}', `{"kids":["${'a'.repeat(65)}"]}`]) {
      assert.equal((await send('/live/public/keys/clearkey', post(body))).status, 400, body);
    }
    assert.equal((await send('/live/public/keys/clearkey', post('x'.repeat(20_000)))).status, 413);
    assert.equal((await send('/live/public/index.m3u8', post('{"kids":["a"]}'))).status, 405);
    assert.deepEqual(asked, []);
  });
});
