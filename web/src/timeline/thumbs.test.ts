import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Past } from '../time/past.ts';
import { Thumbs, thumbGrid, thumbMoment, thumbUrl } from './thumbs.ts';

const now = 1_795_160_400_000;
const past: Past = {
  fromMs: now - 3_600_000,
  toMs: now,
  stretches: [
    { kind: 'media', fromMs: now - 3_600_000, toMs: now - 1_000_000 },
    { kind: 'gap', fromMs: now - 1_000_000, toMs: now - 892_000, cause: 'crash', detail: '' },
    { kind: 'media', fromMs: now - 892_000, toMs: now },
  ],
};
const at = (beforeMs: number, pixelMs = 400) => thumbMoment(past, now - beforeMs, pixelMs, now);

test('viewers who point near the same time share a still, the more so when zoomed out', () => {
  assert.equal(thumbGrid(400), 5_000);
  assert.equal(thumbGrid(86_400), 300_000);
  assert.equal(thumbGrid(1e9), 10_800_000);
  assert.equal(at(100_000), at(100_000 - 4_999));
  assert.equal(at(2_000_000, 86_400)! % 300_000, 0);
  assert.equal(thumbUrl('cam', now), '/thumb/cam/1795160400.jpg');
});

test('no still is requested where nothing is recorded', () => {
  assert.equal(at(950_000), null);
  assert.equal(at(-5_000), null);
  assert.equal(at(4_000_000), null);
});

test('a coarse grid does not lead out of a stretch of media', () => {
  const found = at(880_000, 86_400)!;
  assert.ok(found >= now - 892_000 && found <= now - 880_000);
  assert.equal(found % 5_000, 0);
  assert.equal(at(891_900), now - 890_000);
});

test('media recorded this second has no still yet: one from some seconds ago is used', () => {
  const found = at(0 + 1)!;
  assert.ok(found <= now - 6_000 && found > now - 12_000);
});

/** Stills whose responses are triggered by the test. */
function pictures() {
  const requested: string[] = [];
  const ready = new Map<string, (blob: Blob | undefined) => void>();
  let changes = 0;
  const thumbs = new Thumbs(
    () => (changes += 1),
    (url) => {
      requested.push(url);
      return new Promise((resolve) => ready.set(url, resolve));
    },
  );
  const come = async (url: string, blob: Blob | null = new Blob(['x'])) => {
    ready.get(url)!(blob ?? undefined);
    await new Promise(setImmediate);
  };
  return { thumbs, requested, come, changes: () => changes };
}

test('two requests at a time; of the requests during them only the last one follows', async () => {
  const { thumbs, requested, come } = pictures();
  for (const url of ['1', '2', '3', '4', '5']) thumbs.request(url);
  assert.deepEqual(requested, ['1', '2']);
  await come('1');
  assert.deepEqual(requested, ['1', '2', '5']);
  thumbs.close();
});

test('a still is fetched once, and its absence is remembered', async () => {
  const { thumbs, requested, come, changes } = pictures();
  thumbs.request('1');
  await come('1');
  assert.match(thumbs.get('1')!, /^blob:/);
  assert.equal(changes(), 1);
  thumbs.request('2');
  await come('2', null);
  thumbs.request('1');
  thumbs.request('2');
  assert.equal(thumbs.get('2'), null);
  assert.deepEqual(requested, ['1', '2']);
  thumbs.close();
  assert.equal(thumbs.get('1'), null);
});

test('after a failed request the same request is sent again', async () => {
  let times = 0;
  const thumbs = new Thumbs(
    () => {},
    async () => {
      times += 1;
      throw new Error('offline');
    },
  );
  thumbs.request('1');
  await new Promise(setImmediate);
  thumbs.request('1');
  await new Promise(setImmediate);
  assert.equal(times, 2);
  thumbs.close();
});

test('a busy server does not mean that there is no still', async (t) => {
  let status = 503;
  const fetched = t.mock.method(globalThis, 'fetch', async () => new Response('x', { status }));
  const thumbs = new Thumbs(() => {});
  t.after(() => thumbs.close());
  const request = async () => {
    thumbs.request('1');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  };
  await request();
  status = 404;
  await request();
  assert.equal(fetched.mock.callCount(), 2);
  await request();
  assert.equal(fetched.mock.callCount(), 2, 'the absence is remembered');
});
