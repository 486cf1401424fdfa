import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Authenticator, digestOf, isStale, parseChallenges } from './authentication.ts';

const request = { user: 'Mufasa', password: 'Circle of Life', method: 'GET', url: '/dir/index.html' };

test('a Digest with qop is answered with MD5 and SHA-256 (RFC 7616 3.9.1)', () => {
  const challenges = parseChallenges(
    [
      'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
      'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    ].join(', '),
  );
  const clientNonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
  assert.deepEqual(
    challenges.map((challenge) => digestOf(challenge, request, '00000001', clientNonce)),
    ['753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1', '8ca523f5e9506fed4657c9700eebdbec'],
  );
});

test('a Digest without qop is answered as before RFC 2617 (RFC 2069 2.4)', () => {
  const value = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
  const [challenge] = parseChallenges(value);
  const login = { ...request, password: 'CircleOfLife' };
  assert.equal(digestOf(challenge!, login, '00000001', 'x'), '1949323746fe6a43ef61f9606e7febea');
  assert.equal(
    Authenticator.of([challenge!])!.answer(login),
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"',
  );
});

test('the strongest challenge is answered: SHA-256, then MD5, then Basic', () => {
  const all = 'Basic realm="cam", Digest realm="cam", nonce="1", Digest realm="cam", nonce="2", algorithm="SHA-256"';
  const challenges = parseChallenges(all);
  const schemeOf = (given: typeof challenges) => Authenticator.of(given)?.answer(request).slice(0, 12);
  assert.match(Authenticator.of(challenges)!.answer(request), /nonce="2".*algorithm=SHA-256/);
  assert.match(Authenticator.of(challenges.slice(0, 2))!.answer(request), /nonce="1"/);
  assert.equal(Authenticator.of(challenges.slice(0, 1))!.answer(request), 'Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl');
  assert.equal(schemeOf(parseChallenges('Negotiate, Digest realm="x", nonce="1", algorithm=SHA-512-256')), undefined);
  assert.equal(schemeOf(parseChallenges('Digest realm="x", nonce="1", qop="auth-int"')), undefined);
});

test('each answer has its own count, and quotes are escaped', () => {
  const [challenge] = parseChallenges('Digest realm="a \\"b\\"", nonce="1", qop="auth"');
  const authenticator = Authenticator.of([challenge!])!;
  assert.match(authenticator.answer(request), /realm="a \\"b\\"".*qop=auth, nc=00000001, cnonce="[\da-f]{16}"/);
  assert.match(authenticator.answer({ ...request, user: 'a"b' }), /username="a\\"b".*nc=00000002/);
});

test('a stale nonce is recognized', () => {
  assert.equal(isStale(parseChallenges('Digest realm="x", nonce="2", stale=TRUE')), true);
  assert.equal(isStale(parseChallenges('Digest realm="x", nonce="2", stale=false')), false);
});
