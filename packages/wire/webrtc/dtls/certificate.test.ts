import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { createCertificate } from './certificate.ts';

test('a certificate is signed with its own key, and has the fingerprint that the SDP names', () => {
  const { der, privateKey, fingerprint } = createCertificate(Date.UTC(2026, 10, 24));
  const read = new X509Certificate(der);
  assert.ok(read.verify(read.publicKey));
  assert.ok(read.checkPrivateKey(privateKey));
  assert.equal(read.subject, 'CN=oxbow');
  assert.equal(read.fingerprint256, fingerprint);
  assert.match(fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
});

test('a certificate is valid for a year, also where its dates need four digits of the year (RFC 5280 4.1.2.5)', () => {
  for (const nowMs of [Date.UTC(2026, 10, 24), Date.UTC(2049, 11, 31), Date.UTC(2060, 1, 1)]) {
    const { validFromDate, validToDate } = new X509Certificate(createCertificate(nowMs).der);
    assert.equal(validFromDate.getTime(), nowMs - 86_400_000);
    assert.equal(validToDate.getTime(), nowMs + 365 * 86_400_000);
  }
});

test('two certificates differ in key and serial number', () => {
  const [a, b] = [createCertificate(0), createCertificate(0)].map(({ der }) => new X509Certificate(der));
  assert.notEqual(a!.serialNumber, b!.serialNumber);
  assert.ok(!a!.publicKey.equals(b!.publicKey));
});
