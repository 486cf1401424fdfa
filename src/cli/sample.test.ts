import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { rememberSample, withSample } from './sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'oxbow-sample-'));
after(() => rmSync(folder, { recursive: true }));

const load = (data: string, urls: readonly string[] = [], files: readonly string[] = []) =>
  loadConfig({ urls, files, flags: [{ path: 'data', value: data, origin: '--data' }] });

test('an empty or missing data folder without streams shows demo, also at later starts', async () => {
  assert.deepEqual(Object.keys(withSample(await load(join(folder, 'missing'))).streams), ['demo']);
  const first = withSample(await load(folder));
  assert.deepEqual(first.streams.demo, {
    source: { type: 'test' },
    title: '',
    description: '',
    record: true,
    keep: undefined,
    visibility: 'public',
    visibilityIsSet: false,
    origin: 'sample',
  });
  writeFileSync(join(folder, 'oxbow.db'), '');
  assert.deepEqual(withSample(await load(folder)).streams, {}, 'a folder in use without the marker file has no sample');
  rememberSample(first);
  assert.deepEqual(Object.keys(withSample(await load(folder)).streams), ['demo']);
});

test('a configured stream replaces the sample', async () => {
  assert.deepEqual(Object.keys(withSample(await load(folder, ['https://cam.example/l.m3u8'])).streams), [
    'cam-example',
  ]);
});

test('a file with an empty list of streams starts without the sample', async () => {
  for (const text of ['streams: {}\n', 'streams:\n']) {
    const file = join(folder, 'none.yaml');
    writeFileSync(file, text);
    assert.deepEqual(withSample(await load(join(folder, 'missing'), [], [file])).streams, {}, text);
  }
});
