import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkMatch } from '../../serve/exchange/conditions.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';

const settings = { source: { type: 'test' } };

suite('conditional changes', () => {
  const server = shareTestServer();
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(`${server().url}/api/v1/streams/${path}`, {
      method,
      headers: { ...asAdmin, ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });

  test('only administrators receive the ETag of a stream’s settings', async () => {
    assert.equal((await ask('GET', 'public')).headers.get('etag'), '"rev-public"');
    const anyone = await fetch(`${server().url}/api/v1/streams/public`);
    assert.deepEqual([anyone.status, anyone.headers.get('etag')], [200, null]);
    assert.equal((await ask('PUT', 'public', {}, settings)).headers.get('etag'), '"rev-public"');
  });

  test('PUT, PATCH and DELETE with another ETag in If-Match are refused with 412 (RFC 9110 13.1.1)', async () => {
    for (const [method, body] of [
      ['PUT', settings],
      ['PATCH', { title: 'x' }],
      ['DELETE', undefined],
    ] as const) {
      const status = async (etag: string) => (await ask(method, 'public', { 'if-match': etag }, body)).status;
      const good = method === 'DELETE' ? 204 : 200;
      assert.equal(await status('"rev-public"'), good);
      assert.equal(await status('"other", "rev-public"'), good);
      assert.equal(await status('*'), good);
      assert.equal(await status('"other"'), 412);
      assert.equal(await status('W/"rev-public"'), 412);
    }
    const refused = await ask('PUT', 'nothing', { 'if-match': '*' }, settings);
    assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [412, 'precondition-failed']);
  });

  test('PATCH takes JSON by either media type (RFC 7396 4)', async () => {
    for (const type of ['application/json', 'application/merge-patch+json']) {
      const answer = await ask('PATCH', 'public', { 'content-type': type }, { title: 'Front door' });
      assert.deepEqual([answer.status, ((await answer.json()) as { title: string }).title], [200, 'Front door'], type);
    }
  });

  test('If-None-Match: * creates a stream and replaces none', async () => {
    assert.equal((await ask('PUT', 'fresh', { 'if-none-match': '*' }, settings)).status, 201);
    assert.equal((await ask('PUT', 'public', { 'if-none-match': '*' }, settings)).status, 412);
  });

  test('without a condition every change is allowed', () => {
    checkMatch(undefined, undefined, 'a');
    checkMatch(undefined, undefined, undefined);
  });
});
