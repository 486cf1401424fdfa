import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { copyFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type CertificatePair, makeCertificate } from '../../../test/fixtures/certificate.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type Folder, openFolder } from '../../../test/fixtures/server.ts';
import type { OxbowError } from '../../lib/errors.ts';
import { type Certificate, readCertificate, watchCertificate } from './tls-certificate.ts';

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
    const events = new EventEmitter();
    let refusals = 0;
    const stop = new AbortController();
    const watch = {
      changed: (certificate: Certificate) => void events.emit('changed', certificate),
      refused(reason: OxbowError) {
        refusals++;
        events.emit('refused', reason);
      },
    };
    const done = watchCertificate(files, await readCertificate(files), watch, { signal: stop.signal, everyMs: 20 });
    const replace = async (kind: 'cert' | 'key', { [kind]: file }: CertificatePair) => {
      await copyFile(file, `${files[kind]}.new`);
      await rename(`${files[kind]}.new`, files[kind]);
    };

    let changed = once(events, 'changed');
    await replace('cert', second);
    await replace('key', second);
    const [fresh] = (await changed) as [Certificate];
    assert.deepEqual(fresh.cert, (await readCertificate(second)).cert);

    refusals = 0; // a slow machine may have looked between the two files
    let refused = once(events, 'refused');
    await replace('cert', first);
    assert.match(((await refused)[0] as OxbowError).message, /is not the key/);
    refused = once(events, 'refused');
    await unlink(files.cert);
    assert.match(((await refused)[0] as OxbowError).message, /cannot be read/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(refusals, 2, 'the same error is reported once');

    changed = once(events, 'changed');
    await rm(files.key);
    await symlink(first.cert, files.cert);
    await symlink(first.key, files.key);
    assert.deepEqual(((await changed)[0] as Certificate).cert, (await readCertificate(first)).cert);
    stop.abort();
    await done;
  });
});
