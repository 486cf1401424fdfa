import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEmbedAddress, readEmbedAsset, readEmbedAttributes } from './options.ts';

const plain = { stream: 'door', atMs: null, span: null, muted: false, autoplay: false, controls: true };

test('an iframe plays live, with sound and controls, after a press on play', () => {
  assert.deepEqual(readEmbedAddress('/embed/door', ''), plain);
  assert.deepEqual(readEmbedAddress('/embed/door/', '?x=1'), plain);
});

test('switches are on by name or by 1, off by 0 and false', () => {
  assert.deepEqual(readEmbedAddress('/embed/door', '?muted&autoplay=1&controls=0'), {
    ...plain,
    muted: true,
    autoplay: true,
    controls: false,
  });
  assert.deepEqual(readEmbedAddress('/embed/door', '?muted=0&autoplay=false&controls'), plain);
});

test('a time or a span is the start of playback', () => {
  assert.equal(readEmbedAddress('/embed/door', '?t=1795160123')!.atMs, 1_795_160_123_000);
  const span = { fromMs: 1_795_160_123_000, toMs: 1_795_160_130_000 };
  assert.deepEqual(readEmbedAddress('/embed/door', '?from=1795160123&to=1795160130'), {
    ...plain,
    atMs: span.fromMs,
    span,
  });
});

test('an address or an element without a stream has no options', () => {
  for (const path of ['/embed', '/embed/', '/embed/UPPER', '/embed/a/b', '/watch/door']) {
    assert.equal(readEmbedAddress(path, ''), undefined, path);
  }
  assert.equal(
    readEmbedAttributes(() => null),
    undefined,
  );
});

test('attributes are boolean as on a video element', () => {
  const attributes = new Map([
    ['stream', 'door'],
    ['t', '1795160123'],
    ['muted', ''],
    ['controls', ''],
  ]);
  assert.deepEqual(
    readEmbedAttributes((name) => attributes.get(name) ?? null),
    { ...plain, atMs: 1_795_160_123_000, muted: true },
  );
});

test('an asset has its own embedded player', () => {
  assert.equal(readEmbedAsset('/embed/asset/9f8e7d6c'), '9f8e7d6c');
  assert.equal(readEmbedAsset('/embed/asset'), undefined);
  assert.equal(readEmbedAsset('/embed/door'), undefined);
  assert.equal(readEmbedAddress('/embed/asset/9f8e7d6c', ''), undefined);
});
