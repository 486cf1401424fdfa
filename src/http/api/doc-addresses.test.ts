import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusals } from '../../lib/errors.ts';
import { startTestServer } from '../fixture.ts';

test('the type of every problem leads to a page with its code, and common addresses lead to the API', async () => {
  await using server = await startTestServer();
  const problem = (await (await fetch(`${server.url}/api/v1/streams/none`)).json()) as { type: string; code: string };
  const lead = await fetch(new URL(problem.type, server.url), { redirect: 'manual' });
  assert.equal(lead.headers.get('location'), `/docs/errors#${problem.code}`);
  const reply = await fetch(new URL(problem.type, server.url));
  assert.equal(reply.status, 200);
  assert.match(reply.headers.get('content-type')!, /^text\/html/);
  const html = await reply.text();
  for (const code of Object.keys(refusals)) assert.ok(html.includes(`<h2 id="${code}">`), code);
  assert.equal(new URL((await fetch(`${server.url}/docs/errors/none-such`)).url).pathname, '/docs/errors');
  for (const [from, to] of [
    ['/docs', '/api/docs'],
    ['/openapi.json', '/api/v1/openapi.json'],
  ]) {
    const redirect = await fetch(`${server.url}${from}`, { redirect: 'manual' });
    assert.deepEqual([redirect.status, redirect.headers.get('location')], [302, to]);
  }
});
