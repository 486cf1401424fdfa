import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLocalRequest } from './local-request.ts';

suite('whether a request comes directly from a program on this computer', () => {
  const local = { headers: { host: 'localhost:8080' }, remoteAddress: '127.0.0.1' };

  for (const host of [
    'localhost',
    'localhost:8080',
    'LOCALHOST:1',
    '127.0.0.1:8080',
    '127.8.9.1',
    '[::1]:8080',
    'a.localhost',
  ]) {
    test(`it does with the host ${host}`, () => assert.ok(isLocalRequest({ ...local, headers: { host } })));
  }

  test('it does over IPv6, over a dual-stack socket, and by HTTP/2', () => {
    assert.ok(isLocalRequest({ ...local, remoteAddress: '::1' }));
    assert.ok(isLocalRequest({ ...local, remoteAddress: '::ffff:127.0.0.1' }));
    assert.ok(isLocalRequest({ ...local, headers: { ':authority': 'localhost:8080' } }));
  });

  for (const host of ['evil.example', 'evil.example:8080', 'desktop', '192.168.1.5', 'localhost.evil.example', '']) {
    test(`it does not with the host "${host}", which may resolve to this server`, () =>
      assert.ok(!isLocalRequest({ ...local, headers: { host } })));
  }

  test('it does not from another address, or from a closed connection', () => {
    for (const remoteAddress of ['192.0.2.1', '2001:db8::1', '']) {
      assert.ok(!isLocalRequest({ ...local, remoteAddress }), remoteAddress);
    }
  });

  for (const field of [
    'forwarded',
    'via',
    'x-forwarded',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-anything',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'cdn-loop',
  ]) {
    test(`it does not with the field ${field}, whatever its value`, () => {
      for (const said of ['', '127.0.0.1', 'for=127.0.0.1']) {
        assert.ok(!isLocalRequest({ ...local, headers: { ...local.headers, [field]: said } }), said);
      }
    });
  }
});
