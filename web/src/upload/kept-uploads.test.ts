import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameFile, KeptUploads } from './kept-uploads.ts';

const entry = { name: 'a.mp4', bytes: 5, changedMs: 1000, uploadId: 'u1', assetId: 'a1', title: 'A' };

function open(text: string | null = null) {
  const store = {
    text,
    read: () => store.text,
    write(next: string) {
      store.text = next;
    },
  };
  return { store, kept: new KeptUploads(store, () => 'ada') };
}

test('uploads survive a reload, each once, until they are forgotten', () => {
  const { kept, store } = open();
  kept.keep(entry);
  kept.keep({ ...entry, title: 'B' });
  kept.keep({ ...entry, uploadId: 'u2' });
  const again = new KeptUploads(store, () => 'ada');
  assert.deepEqual(
    again.all().map(({ uploadId, title }) => [uploadId, title]),
    [
      ['u1', 'B'],
      ['u2', 'A'],
    ],
  );
  kept.keep({ ...entry, cut: 'c1' });
  assert.equal(again.all().at(-1)?.cut, 'c1', 'a cut is found again');
  again.forget('u1');
  assert.equal(kept.all().length, 1);
});

test('people who share a browser have their own uploads, and keep those of the others', () => {
  const { store, kept } = open(JSON.stringify([{ ...entry, uploadId: 'of an older version' }]));
  const other = new KeptUploads(store, () => '');
  kept.keep(entry);
  other.keep({ ...entry, uploadId: 'u2', cut: 'c2' });
  const ids = (list: KeptUploads) => list.all().map(({ uploadId }) => uploadId);
  assert.deepEqual(
    [ids(kept), ids(other)],
    [
      ['of an older version', 'u1'],
      ['of an older version', 'u2'],
    ],
  );
  kept.forget('u1');
  assert.deepEqual(
    kept.ofEveryone().flatMap(({ cut = [] }) => cut),
    ['c2'],
    'no cut of another person is removed',
  );
});

test('what another version has stored is ignored', () => {
  for (const text of ['{', '{}', '[null, {"name": "a"}]', JSON.stringify([{ ...entry, cut: 5 }])])
    assert.deepEqual(open(text).kept.all(), []);
});

test('a file that has changed is another file', () => {
  assert.equal(isSameFile(entry, { ...entry }), true);
  for (const other of [{ bytes: 6 }, { changedMs: 2 }, { name: 'b' }]) {
    assert.equal(isSameFile(entry, { ...entry, ...other }), false);
  }
});
