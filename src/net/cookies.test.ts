import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cookies } from './cookies.ts';
import { fuzzCookies } from './fuzz.fixture.ts';

const cam = new URL('https://cam.example.com/live/list.m3u8');

test('a cookie is sent to its host or domain, path, and over TLS (RFC 6265, 5.4)', () => {
  const cookies = new Cookies();
  cookies.take(cam, [
    'host=1',
    'wide=2; Domain=example.com; Path=/',
    'deep=3; Path=/live/private',
    'safe=4; Secure; Path=/',
    'once=5; Path=/; Max-Age=0',
  ]);
  assert.equal(cookies.header(cam), 'host=1; wide=2; safe=4');
  assert.equal(cookies.header(new URL('https://cdn.example.com/live/')), 'wide=2');
  assert.equal(cookies.header(new URL('http://cam.example.com/live/private/x')), 'deep=3; host=1; wide=2');
  assert.equal(cookies.header(new URL('https://example.org/live/')), undefined);
  cookies.take(cam, ['wide=; Domain=example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT']);
  assert.equal(cookies.header(new URL('https://cdn.example.com/')), undefined);
});

test('a server cannot set cookies for another host, a public suffix, or an address', () => {
  const cookies = new Cookies();
  cookies.take(cam, [
    'a=1; Domain=example.org',
    'b=2; Domain=com',
    'c=3; Domain=10.0.0.1',
    'd=4; Domain=my.cam.example.com',
  ]);
  assert.equal(cookies.size, 0);
});

test('a cookie of the server replaces a configured one of that name, and only on that server', () => {
  const cookies = new Cookies();
  assert.equal(cookies.header(cam, 'a=1; b=2'), 'a=1; b=2');
  cookies.take(cam, ['b=new; Path=/live']);
  assert.equal(cookies.header(cam, 'a=1; b=2'), 'a=1; b=new');
  assert.equal(cookies.header(new URL('https://cam.example.com/'), 'a=1; b=2'), 'a=1; b=2');
});

test('requests to any host name work, without cookies if necessary', () => {
  for (const host of ['test', 'local', 'localhost', 'invalid', 'com', 'nas.local', '127.0.0.1', '[::1]']) {
    const cookies = new Cookies();
    const url = new URL(`http://${host}/live`);
    assert.equal(cookies.header(url, 'own=1'), 'own=1', host);
    cookies.take(url, ['a=1', 'b=2; Domain=test', 'c=3; Domain=local']);
    assert.match(cookies.header(url, 'own=1') ?? '', /^own=1/, host);
  }
});

test('a jar is bounded in number and length', () => {
  const cookies = new Cookies();
  for (let reply = 0; reply < 20; reply++) {
    cookies.take(
      cam,
      Array.from({ length: 60 }, (_, i) => `c${reply}-${i}=1; Path=/`),
    );
  }
  assert.equal(cookies.size, 300);
  cookies.take(cam, [`long=${'x'.repeat(5000)}; Path=/`]);
  assert.ok(!cookies.header(cam)!.includes('long='));
});

test('2,000 scrambled Set-Cookie fields neither throw nor make a header that breaks a request', () => {
  const kept = fuzzCookies(20260712, 2000);
  assert.ok(kept > 100, `only ${kept} were kept`);
});
