import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../finding.ts';
import {
  announcedIn,
  checkCertificate,
  checkClientAddress,
  checkHttp2,
  checkHttp3,
  checkLinks,
  checkVersion,
} from './connection-checks.ts';

const NOW_MS = Date.UTC(2026, 10, 20);
const tls = { protocol: 'h2', problem: '', issuer: 'An Authority', validToMs: NOW_MS + 60 * 86_400_000 };
const answer = (status: number, text = '') => ({ status, text, headers: {}, ms: 1 });
const short = ({ state, text, hint }: Finding) => `${state}: ${text} | ${hint}`;

test('a certificate that browsers refuse fails with the reason; one that ends soon is a warning', () => {
  assert.equal(short(checkCertificate(tls, NOW_MS)), 'ok: valid until 2027-01-19T00:00:00.000Z, from An Authority | ');
  const refused = checkCertificate({ ...tls, problem: 'CERT_HAS_EXPIRED' }, NOW_MS);
  assert.match(short(refused), /^failed: browsers refuse it: CERT_HAS_EXPIRED \(from An Authority, until 2027/);
  assert.match(short(checkCertificate({ ...tls, validToMs: NOW_MS + 86_400_000 }, NOW_MS)), /^warning: .*Renew it/);
  assert.match(short(checkCertificate(undefined, NOW_MS)), /^failed: the address is plain HTTP/);
});

test('a server without HTTP/2 in ALPN is a warning', () => {
  assert.equal(checkHttp2(tls).state, 'ok');
  assert.match(short(checkHttp2({ ...tls, protocol: undefined })), /^warning: not offered \| .*iPhones/);
});

test('only oxbow is ok; the hint depends on what answers instead', () => {
  assert.equal(checkVersion(answer(200, '{"name":"oxbow","version":"1.2.3"}')).text, 'version 1.2.3 answers');
  assert.match(short(checkVersion(answer(421, '{}'))), /^failed: HTTP 421: .* does not accept \| .*--hosts/);
  assert.match(short(checkVersion(answer(502))), /^failed: .* does not reach oxbow \| Start oxbow/);
  assert.match(short(checkVersion(answer(200, '<html>'))), /^failed: HTTP 200, but not from oxbow/);
});

test('the field Alt-Svc is searched for HTTP/3 itself, not for drafts (RFC 7838 3)', () => {
  assert.deepEqual(announcedIn('h3=":443"; ma=2592000'), { host: '', port: 443 });
  assert.deepEqual(announcedIn('h2=":443",h3="alt.example:8443"'), { host: 'alt.example', port: 8443 });
  assert.deepEqual(announcedIn('h3="[2001:db8::1]:443"'), { host: '[2001:db8::1]', port: 443 });
  for (const field of [undefined, 'clear', 'h2=":443"', 'h3-29=":443"', 'xh3=":443"'])
    assert.equal(announcedIn(field), undefined, field);
});

test('HTTP/3 is ok if it is announced and UDP gets through; each half of it is a warning with what to do', () => {
  const field = 'h3=":443"';
  assert.match(short(checkHttp3(field, 443, ['1', '2'])), /^ok: .* UDP port 443 answers, QUIC versions 1, 2/);
  assert.match(short(checkHttp3(field, 443, undefined)), /^warning: .*nothing answers on UDP port 443 \| Open UDP/);
  assert.match(short(checkHttp3(undefined, 443, ['1'])), /^warning: .*\| .*altSvc: 'h3=":443"; ma=86400'/);
  assert.match(short(checkHttp3(undefined, 443, undefined)), /^warning: not offered.*Caddyfile/);
});

test('metrics for everyone fail: the proxy hides who the clients are', () => {
  assert.equal(checkClientAddress(answer(401)).state, 'ok');
  assert.match(short(checkClientAddress(answer(200))), /^failed: .*operator \| .*X-Forwarded-For/);
});

test('links of a page name the public address; a page without links is not judged', () => {
  const page = (url: string) => answer(200, `<meta property="og:url" content="${url}/watch/door">`);
  assert.equal(checkLinks(page('https://tv.example'), 'https://tv.example')?.state, 'ok');
  const other = checkLinks(page('http://localhost:8080'), 'https://tv.example')!;
  assert.match(short(other), /^warning: pages name http:\/\/localhost:8080 .*X-Forwarded-Host/);
  assert.equal(checkLinks(answer(200, '<html>'), 'https://tv.example'), undefined);
  assert.equal(checkLinks(answer(404), 'https://tv.example'), undefined);
});
