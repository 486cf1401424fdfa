import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer, textReply } from '../../http/fixture.ts';
import { FakeLive } from './live-lookup.fixture.ts';
import { RawClient } from './raw-client.fixture.ts';

test('by the file of countries the hot responder knows where a client is, unless a proxy says it, and sees a new file', async () => {
  const live = new FakeLive();
  live.add(7, 'seven');
  const countries = { revision: 1, find: (address: string) => file.get(address) };
  const file = new Map([['198.51.100.1', 'DE']]);
  const change = { lookup: live, countryHeader: 'cf-ipcountry', countries, answer: () => textReply('slow') };
  await using server = await startTestServer(change);
  Object.assign(server.deps.streams, { watchRulesOf: () => lists });
  const lists = { allow: ['DE'], deny: [] };
  using client = new RawClient(server);
  const ask = async (...fields: string[]) => {
    await client.send(`GET /live/cam/v0/7.m4s HTTP/1.1\r\n${['Host: x', ...fields].join('\r\n')}\r\n\r\n`);
    const { status, body } = await client.answer();
    return status === 200 ? body : JSON.parse(body).code;
  };
  const from = (address: string) => `X-Forwarded-For: ${address}`;
  for (let i = 0; i < 2; i++) {
    assert.equal(await ask(from('198.51.100.1')), 'seven');
    assert.equal(await ask(from('198.51.100.2')), 'watch-denied-here');
    assert.equal(await ask(from('198.51.100.1'), 'CF-IPCountry: AT'), 'watch-denied-here', 'the proxy is first');
    assert.equal(await ask(from('198.51.100.1'), 'CF-IPCountry: XX'), 'seven', 'the proxy does not know it');
    assert.equal(await ask(from('198.51.100.2'), 'CF-IPCountry: DE'), 'seven');
  }
  assert.equal(await ask(from('198.51.100.1')), 'seven');
  file.set('198.51.100.1', 'AT');
  countries.revision++;
  assert.equal(await ask(from('198.51.100.1')), 'watch-denied-here', 'the same connection and header fields');
});

test('the hot responder answers clients that the rules allow by address and country; the slow path refuses the others', async () => {
  const live = new FakeLive();
  live.add(7, 'seven');
  const change = { lookup: live, countryHeader: 'cf-ipcountry', answer: () => textReply('slow') };
  await using server = await startTestServer(change);
  const rules = { now: { allow: ['203.0.113.0/24', 'DE'], deny: ['203.0.113.66'] } };
  Object.assign(server.deps.streams, { watchRulesOf: () => rules.now });
  using client = new RawClient(server);
  const ask = async (...fields: string[]) => {
    await client.send(`GET /live/cam/v0/7.m4s HTTP/1.1\r\n${['Host: x', ...fields].join('\r\n')}\r\n\r\n`);
    const { status, headers, body } = await client.answer();
    return [status, status === 200 ? body : JSON.parse(body).code, headers.get('cache-control'), headers.get('vary')];
  };
  const refused = [403, 'watch-denied-here', 'no-store', 'X-Forwarded-For, Origin'];
  for (let i = 0; i < 2; i++) {
    const [status, body, cache, vary] = await ask('X-Forwarded-For: 203.0.113.7');
    assert.deepEqual([status, body, vary], [200, 'seven', 'Authorization, X-Forwarded-For, Origin'], 'hot');
    assert.match(String(cache), /^private/);
    assert.deepEqual(await ask('X-Forwarded-For: 198.51.100.1'), refused);
    assert.equal((await ask('X-Forwarded-For: 198.51.100.1', 'CF-IPCountry: DE'))[1], 'seven');
    assert.deepEqual(await ask('X-Forwarded-For: 203.0.113.66', 'CF-IPCountry: DE'), refused);
    assert.deepEqual(await ask('X-Forwarded-For: 198.51.100.1', 'CF-IPCountry: DE', 'CF-IPCountry: DE'), refused);
  }
  rules.now = { allow: [], deny: ['203.0.113.0/24'] };
  assert.deepEqual(await ask('X-Forwarded-For: 203.0.113.7'), refused, 'rules apply to the next request');
});
