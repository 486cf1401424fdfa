import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { describeSettings } from '../describe.ts';
import { loadConfig } from '../load.ts';
import { planReload } from '../running/reload.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-storage-'));
after(() => rmSync(folder, { recursive: true }));

async function load(settings: object) {
  const file = join(folder, 'oxbow.yaml');
  writeFileSync(file, JSON.stringify(settings));
  return loadConfig({ files: [file] });
}

const archive = { bucket: 'media', endpoint: 'https://s3.example', accessKeyId: 'AK', secretAccessKey: 'hush-hush' };

test('a target of S3 has the defaults that compatible servers accept', async () => {
  const { config } = await load({ storage: { targets: { archive }, target: 'archive', mode: 'move', after: '6h' } });
  const { type, prefix, checksums, forcePathStyle, presign } = config.storage.targets.archive!;
  assert.deepEqual([type, prefix, checksums, forcePathStyle, presign], ['s3', 'oxbow', 'required', 'auto', false]);
  assert.deepEqual([config.storage.target, config.storage.mode, config.storage.after], ['archive', 'move', 21_600_000]);
});

test('secrets of targets are never shown', async () => {
  const cloud = { type: 'azure', bucket: 'media', connectionString: 'AccountKey=hush-hush' };
  const loaded = await load({ storage: { targets: { archive, cloud } } });
  const shown = JSON.stringify(describeSettings(loaded));
  assert.match(shown, /storage\.targets\.cloud/);
  assert.ok(!shown.includes('hush-hush'));
});

test('a name of a target that does not exist is refused, of the default and of a stream', async () => {
  const source = { type: 'test' };
  const known = /storage\.targets has no "other"; there is archive/;
  await assert.rejects(load({ storage: { targets: { archive }, target: 'other' } }), { message: known });
  const stream = { storage: { targets: { archive } }, streams: { door: { source, storage: 'other' } } };
  await assert.rejects(load(stream), { message: known });
  await assert.rejects(load({ storage: { targets: { archive } }, insight: { target: 'other' } }), { message: known });
  const { config } = await load({ streams: { door: { source, storage: 'local' } } });
  assert.equal(config.streams.door!.storage, 'local');
});

test('targets that cannot work are refused with a sentence', async () => {
  for (const [target, message] of [
    [{}, /needs a `bucket`/],
    [{ bucket: 'b', endpoint: 's3.example' }, /not an http or https URL/],
    [{ bucket: 'b', accessKeyId: 'AK' }, /belong together/],
    [{ bucket: 'b', type: 'azure' }, /needs a `connectionString`/],
    [{ bucket: 'b', prefix: '/a' }, /`prefix`/],
    [{ ...archive, secretAccessKeyFile: '/etc/secret' }, /has both/],
    [{ type: 'folder' }, /needs a `path`/],
    [{ type: 'folder', path: 'copies' }, /from the root/],
    [{ type: 'folder', path: '/mnt/b/oxbow', bucket: 'b' }, /has no `bucket`/],
    [{ type: 'folder', path: '/mnt/b/oxbow', presign: true }, /`presign`/],
    [{ type: 'folder', path: '/mnt/b/oxbow', direct: 'redirect' }, /`direct`/],
    [{ bucket: 'media', directUrl: 'https://cdn.example' }, /`direct: redirect`/],
    [{ bucket: 'media', direct: 'redirect', directUrl: 'ftp://cdn.example' }, /not an http or https URL/],
    [{ bucket: 'media', direct: 'redirect', directUrl: 'https://cdn.example/?a=b' }, /no `\?`/],
    [{ ...archive, path: '/mnt/b/oxbow' }, /type `folder`/],
  ] as const) {
    await assert.rejects(load({ storage: { targets: { archive: target } } }), { message });
  }
  await assert.rejects(load({ storage: { targets: { local: archive } } }), /is not a name/);
});

test('a changed target waits for the next start, a changed policy does not', async () => {
  const before = await load({ storage: { targets: { archive } } });
  const next = await load({ storage: { targets: { archive: { ...archive, bucket: 'b' } }, mode: 'move' } });
  const { config, taken, waiting } = planReload(before.config, next);
  assert.deepEqual([taken, waiting], [['storage.mode'], ['storage.targets.archive']]);
  assert.deepEqual([config.storage.mode, config.storage.targets.archive!.bucket], ['move', 'media']);
});
