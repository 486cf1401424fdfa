import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpoint, isLoopback, listenAddress, optionalEndpoint, parseEndpoint, printEndpoint } from './address.ts';

test('a port can have its own address, IPv6 in brackets', () => {
  assert.deepEqual(parseEndpoint('8080'), { address: '', port: 8080 });
  assert.deepEqual(parseEndpoint('0.0.0.0:80'), { address: '0.0.0.0', port: 80 });
  assert.deepEqual(parseEndpoint('[::]:0'), { address: '::', port: 0 });
  assert.deepEqual(parseEndpoint(':9000'), { address: '', port: 9000 });
  assert.deepEqual(parseEndpoint('cam.example:81'), { address: 'cam.example', port: 81 });
  assert.equal(printEndpoint({ address: '::1', port: 80 }), '[::1]:80');
});

test('other text is refused', () => {
  for (const text of ['', 'x', '65536', '1.2.3.4', '::1:80', 'a b:80', '256.1.1.1:80', '-1']) {
    assert.throws(() => parseEndpoint(text), { name: 'FormatError' }, text);
  }
  assert.throws(() => listenAddress('::', 's').parse('10.0.0'), { name: 'FormatError' });
  assert.throws(() => listenAddress('::', 's').parse('0.0.0.0:8123'), {
    message: /has a port; write 0\.0\.0\.0, and set `http` to 8123/,
  });
  assert.throws(() => listenAddress('::', 's').parse('[::1]:8123'), { message: /write \[::1\], and set/ });
  assert.equal(listenAddress('::', 's').parse('[::1]'), '::1');
});

test('loopback is 127.0.0.0/8, ::1 and localhost', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.ok(isLoopback(address), address);
  for (const address of ['0.0.0.0', '::', '192.168.1.1', '127.evil.example']) assert.ok(!isLoopback(address), address);
});

test('an endpoint can be a number', () => {
  assert.deepEqual(endpoint('1', 's').parse(8080), { address: '', port: 8080 });
});

test('the port of a protocol can be off, also as the boolean that YAML reads', () => {
  const port = optionalEndpoint('off', 's');
  assert.equal(port.parse(false), 'off');
  assert.equal(port.parse('off'), 'off');
  assert.deepEqual(port.parse('0.0.0.0:1935'), { address: '0.0.0.0', port: 1935 });
  assert.throws(() => port.parse('on'), /not a port/);
});
