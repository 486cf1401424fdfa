import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import type { ItemRecord } from '../room-record.ts';
import { checkLink } from './check-link.ts';
import { type NewItem, Playlist } from './playlist.ts';

const entry = (name: string, parent: string | null = null): NewItem => ({
  name,
  parent,
  signed: false,
  target: { kind: 'asset', asset: name },
});
const folder = (name: string, parent: string | null = null): NewItem => ({
  name,
  parent,
  signed: false,
  target: { kind: 'folder' },
});
const namesIn = (playlist: Playlist, parent: string | null = null) =>
  playlist.all.filter((item) => item.parent === parent).map(({ name }) => name);

test('entries are added in their order, at the end or before another', () => {
  const playlist = new Playlist([]);
  const [, b] = playlist.add([entry('a'), entry('b'), entry('c')], 'u1', 0);
  playlist.add([entry('x'), entry('y')], 'u1', 0, b!.id);
  assert.deepEqual(namesIn(playlist), ['a', 'x', 'y', 'b', 'c']);
});

test('after an entry comes the next one of its folder that can be played', () => {
  const playlist = new Playlist([]);
  const [a, f, b] = playlist.add([entry('a'), folder('f'), entry('b')], 'u1', 0);
  const [inner] = playlist.add([entry('inner', f!.id)], 'u1', 0);
  assert.equal(playlist.after(a!.id)?.id, b!.id);
  assert.equal(playlist.after(b!.id), undefined);
  assert.equal(playlist.after(inner!.id), undefined);
});

test('a folder is not moved into itself, and folders are not deeper than five', () => {
  const playlist = new Playlist([]);
  let parent: string | null = null;
  const ids: string[] = [];
  for (let depth = 0; depth < 5; depth++) {
    const [made]: readonly ItemRecord[] = playlist.add([folder(`f${depth}`, parent)], 'u1', 0);
    parent = made!.id;
    ids.push(made!.id);
  }
  assert.throws(() => playlist.add([folder('deep', parent)], 'u1', 0), { code: 'limit-reached' });
  assert.throws(() => playlist.move([ids[0]!], { parent: ids[2]!, before: null }), { code: 'bad-request' });
  const [other] = playlist.add([folder('other')], 'u1', 0);
  assert.throws(() => playlist.move([other!.id], { parent, before: null }), { code: 'limit-reached' });
});

test('a folder is removed with everything in it', () => {
  const playlist = new Playlist([]);
  const [f, a] = playlist.add([folder('f'), entry('a')], 'u1', 0);
  const [g] = playlist.add([folder('g', f!.id)], 'u1', 0);
  playlist.add([entry('b', g!.id), entry('c', f!.id)], 'u1', 0);
  assert.equal(playlist.remove([f!.id]).length, 4);
  assert.deepEqual(
    playlist.all.map(({ id }) => id),
    [a!.id],
  );
});

test('a playlist has 2,000 entries at most', () => {
  const playlist = new Playlist([]);
  for (let at = 0; at < 10; at++)
    playlist.add(
      Array.from({ length: 200 }, () => entry('a')),
      'u1',
      0,
    );
  assert.throws(() => playlist.add([entry('b')], 'u1', 0), { code: 'limit-reached' });
});

test('what could not be written is written the next time', async () => {
  const playlist = new Playlist([]);
  const [a, b] = playlist.add([entry('a'), entry('b')], 'u1', 0);
  playlist.remove([b!.id]);
  await assert.rejects(playlist.save(() => Promise.reject(new Error('disk'))));
  const written: unknown[] = [];
  await playlist.save(
    async (changed, removed) =>
      void written.push(
        changed.map(({ id }) => id),
        removed,
      ),
  );
  assert.deepEqual(written, [[a!.id], [b!.id]]);
});

for (let seed = 1; seed <= 10; seed++) {
  test(`however entries are moved, the order is that of a list (seed ${seed})`, () => {
    const random = seeded(seed);
    const playlist = new Playlist([]);
    const model = playlist
      .add(
        Array.from({ length: 12 }, (_, at) => entry(`e${at}`)),
        'u1',
        0,
      )
      .map(({ id }) => id);
    for (let step = 0; step < 300; step++) {
      const moving = [...new Set([model[random(12)]!, model[random(12)]!])];
      const before = random(4) === 0 ? null : model[random(12)]!;
      playlist.move(moving, { parent: null, before });
      const stays = before === null ? undefined : model.slice(model.indexOf(before)).find((id) => !moving.includes(id));
      const rest = model.filter((id) => !moving.includes(id));
      rest.splice(stays === undefined ? rest.length : rest.indexOf(stays), 0, ...moving);
      model.splice(0, model.length, ...rest);
      assert.deepEqual(
        playlist.all.map(({ id }) => id),
        model,
      );
    }
  });
}

test('links are http or https, and set no header of the connection', () => {
  const link = { kind: 'link', url: 'https://a.example/x.mp4' } as const;
  checkLink({ ...link, proxy: true, headers: { Referer: 'https://a.example/' } });
  for (const url of ['file:///etc/passwd', 'javascript:alert(1)', 'ftp://a.example/x', '//a.example/x', 'x'])
    assert.throws(() => checkLink({ ...link, url }), { code: 'bad-request' });
  for (const headers of [
    { Host: 'b' },
    { 'transfer-encoding': 'chunked' },
    { 'a b': 'c' },
    { Referer: 'a\r\nHost: b' },
  ])
    assert.throws(() => checkLink({ ...link, proxy: true, headers: headers as Record<string, string> }), {
      code: 'bad-request',
    });
  assert.throws(() => checkLink({ ...link, subtitles: [{ name: 'en', url: 'data:text/vtt,' }] }), {
    code: 'bad-request',
  });
  assert.throws(() => checkLink({ ...link, headers: { Referer: 'x' } }), { code: 'bad-request' });
});
