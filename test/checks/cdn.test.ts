import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificate } from '../fixtures/certificate.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { openFolder, runOxbow } from '../fixtures/server.ts';

const print = (cache: string, ...args: string[]) =>
  runOxbow(['cdn', 'print', cache, '--public-url', 'https://tv.example', ...args]);

test('nginx accepts the file for HTTPS, with an origin over TLS too, with only the lines marked CHANGE changed', {
  skip: need('nginx') || need('openssl'),
}, async () => {
  await using folder = await openFolder('cdn-nginx');
  const { cert, key } = await makeCertificate(folder.path, 'nginx');
  const [plain, tls] = [await freePort(), await freePort()];
  for (const origin of ['http://127.0.0.1:8080', 'https://127.0.0.1:8443']) {
    const { stdout, stderr, code } = await print('nginx', '--origin', origin);
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n').map((line) =>
      line.includes('# CHANGE')
        ? line
            .replace(/^ *listen \[::\].*/, '')
            .replace('listen 80;', `listen 127.0.0.1:${plain};`)
            .replace('listen 443 ', `listen 127.0.0.1:${tls} `)
            .replace('/etc/ssl/oxbow/fullchain.pem', cert)
            .replace('/etc/ssl/oxbow/privkey.pem', key)
            .replace('/etc/ssl/certs/ca-certificates.crt', cert)
            .replace(/\/(?:var\/lib|etc)\/nginx\//, `${folder.path}/`)
        : line,
    );
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const frame = [
      `pid ${join(folder.path, 'nginx.pid')};`,
      'events {}',
      'http {',
      ...kinds.map((kind) => `${kind}_temp_path ${join(folder.path, kind)};`),
      ...lines,
      '}',
    ];
    const file = join(folder.path, 'nginx.conf');
    await writeFile(file, frame.join('\n'));
    const checked = spawnSync(pathOf('nginx')!, ['-t', '-e', 'stderr', '-c', file], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /\[(?:warn|emerg)\] (?!the "user" directive)/);
  }
});

test('Varnish compiles the file', { skip: need('varnishd') }, async () => {
  await using folder = await openFolder('cdn-varnish');
  const file = join(folder.path, 'oxbow.vcl');
  const { code, stderr } = await print('varnish', '--purge-from', '10.0.0.0/8,::1', '--name', 'tv', '-o', file);
  assert.equal(code, 0, stderr);
  const args = ['-j', 'none', '-C', '-n', join(folder.path, 'varnish'), '-f', file];
  const compiled = spawnSync(pathOf('varnishd')!, args, { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr);
});

test('a file that exists is replaced only with --overwrite; wrong usage ends with the reason', async () => {
  await using folder = await openFolder('cdn-output');
  const file = join(folder.path, 'template.json');
  const args = ['--origin', 'https://origin.tv.example', '--output', file];
  await writeFile(file, 'kept');
  const kept = await print('cloudfront', ...args);
  assert.equal(kept.code, 2);
  assert.match(kept.stderr, /exists already/);
  assert.equal(await readFile(file, 'utf8'), 'kept');
  const replaced = await print('cloudfront', ...args, '--overwrite');
  assert.deepEqual([replaced.code, replaced.stdout], [0, '']);
  assert.ok(JSON.parse(await readFile(file, 'utf8')).Resources.Distribution);
  const none = await runOxbow(['cdn', 'print', 'nginx']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /The file needs `publicUrl`/);
});
