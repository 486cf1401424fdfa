import assert from 'node:assert/strict';
import { copyFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type CertificatePair, makeCertificate } from '../../../test/fixtures/certificate.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import type { OxbowError } from '../../lib/errors.ts';
import { type Certificate, readCertificate, watchCertificate } from './tls-certificate.ts';

/** Interval of the checks. */
const CHECK_MS = 2000;

suite('a certificate', { skip: need('openssl') }, () => {
  let folder: Folder;
  let first: CertificatePair;
  let second: CertificatePair;

  before(async () => {
    folder = await openFolder('certificate');
    first = await makeCertificate(folder.path, 'first');
    second = await makeCertificate(folder.path, 'second');
  });
  after(() => folder[Symbol.asyncDispose]());

  test('and its key are read, with its names and validity', async () => {
    const { names, notBeforeMs, notAfterMs } = await readCertificate(first);
    assert.equal(names, 'DNS:localhost, IP Address:127.0.0.1');
    assert.equal(notAfterMs - notBeforeMs, 2 * 86_400_000);
  });

  test('that cannot be used is refused, with the file and what to do', async () => {
    const locked = await makeCertificate(folder.path, 'locked', { passphrase: 'secret' });
    const noise = join(folder.path, 'noise.pem');
    await writeFile(noise, '-----BEGIN CERTIFICATE-----\nnoise\n-----END CERTIFICATE-----\n');
    const cases: readonly [cert: string, key: string, message: RegExp, hint: RegExp][] = [
      [join(folder.path, 'none'), first.key, /none cannot be read: ENOENT/, /tls\.cert must name a file/],
      [first.cert, join(folder.path, 'none'), /none cannot be read/, /tls\.key/],
      [noise, first.key, /noise\.pem has no PEM certificate/, /BEGIN CERTIFICATE/],
      [first.key, first.cert, /first\.key has no PEM certificate/, /BEGIN CERTIFICATE/],
      [first.cert, noise, /noise\.pem has no PEM private key/, /BEGIN PRIVATE KEY/],
      [first.cert, second.key, /second\.key is not the key of the certificate in .*first\.crt/, /one pair/],
      [locked.cert, locked.key, /locked\.key is encrypted/, /openssl pkey -in/],
    ];
    for (const [cert, key, message, hint] of cases) {
      await assert.rejects(readCertificate({ cert, key }), (error: OxbowError) => {
        assert.equal(error.code, 'bad-setting');
        assert.match(error.message, message);
        assert.match(String(error.extra.hint), hint);
        return true;
      });
    }
  });

  test('is reloaded when it is replaced in place or by a link; an invalid one is reported once and changes nothing', async () => {
    const files = { cert: join(folder.path, 'now.crt'), key: join(folder.path, 'now.key') };
    await copyFile(first.cert, files.cert);
    await copyFile(first.key, files.key);
    const seen: (Certificate | OxbowError)[] = [];
    const next = () => {
      const [only, ...others] = seen.splice(0);
      assert.deepEqual(others, []);
      return only;
    };
    const stop = new AbortController();
    const watch = {
      changed: (certificate: Certificate) => void seen.push(certificate),
      refused: (reason: OxbowError) => void seen.push(reason),
    };
    const replace = async (kind: 'cert' | 'key', { [kind]: file }: CertificatePair) => {
      await copyFile(file, `${files[kind]}.new`);
      await rename(`${files[kind]}.new`, files[kind]);
    };
    const [one, other] = [await readCertificate(first), await readCertificate(second)];
    using time = openVirtualTime();
    const done = watchCertificate(files, await readCertificate(files), watch, { signal: stop.signal });

    await replace('cert', second);
    await time.runFor(CHECK_MS); // a check between the two files
    await replace('key', second);
    await time.runFor(CHECK_MS);
    assert.equal(next(), undefined, 'the pair has been the same in one check');
    await time.runFor(CHECK_MS);
    assert.deepEqual((next() as Certificate).cert, other.cert);

    await replace('cert', first);
    await time.runFor(2 * CHECK_MS);
    assert.match((next() as OxbowError).message, /is not the key/);
    await unlink(files.cert);
    await time.runFor(2 * CHECK_MS);
    assert.match((next() as OxbowError).message, /cannot be read/);
    await time.runFor(10 * CHECK_MS);
    assert.equal(next(), undefined, 'the same error is reported once');

    await rm(files.key);
    await symlink(first.cert, files.cert);
    await symlink(first.key, files.key);
    await time.runFor(2 * CHECK_MS);
    assert.deepEqual((next() as Certificate).cert, one.cert);
    stop.abort();
    await done;
  });
});
