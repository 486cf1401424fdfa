import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomItem } from '../../../../src/api/room/item-shapes.ts';
import { moveBy, moveOnto, nextOf, rowsOf } from './tree.ts';

const entry = (id: string, parent: string | null = null, folder = false): RoomItem => ({
  id,
  parent,
  name: id,
  addedBy: '',
  addedByName: '',
  address: null,
  target: folder ? { kind: 'folder' } : { kind: 'asset', asset: id },
});
/** a, f(b, c, g(d)), e */
const items = [
  ...[entry('a'), entry('f', null, true), entry('b', 'f'), entry('c', 'f')],
  ...[entry('g', 'f', true), entry('d', 'g'), entry('e')],
];
const text = (closed: string[] = []) =>
  rowsOf(items, new Set(closed))
    .map(({ item, depth }) => `${item.id}${depth}`)
    .join(' ');

test('the entries of a folder are below it, and hidden while it is closed', () => {
  assert.equal(text(), 'a0 f0 b1 c1 g1 d2 e0');
  assert.equal(text(['f']), 'a0 f0 e0');
  assert.equal(rowsOf(items, new Set(['f']))[1]!.count, 3);
});

test('an entry moves one place within its folder, and not beyond it', () => {
  assert.deepEqual(moveBy(items, 'f', -1), { parent: null, before: 'a' });
  assert.deepEqual(moveBy(items, 'a', 1), { parent: null, before: 'e' });
  assert.deepEqual(moveBy(items, 'f', 1), { parent: null, before: null });
  assert.deepEqual(moveBy(items, 'c', -1), { parent: 'f', before: 'b' });
  assert.equal(moveBy(items, 'a', -1), undefined);
  assert.equal(moveBy(items, 'e', 1), undefined);
});

test('an entry is dropped before, after or into another', () => {
  assert.deepEqual(moveOnto(items, 'e', 'b', 'before'), { parent: 'f', before: 'b' });
  assert.deepEqual(moveOnto(items, 'e', 'b', 'after'), { parent: 'f', before: 'c' });
  assert.deepEqual(moveOnto(items, 'a', 'e', 'after'), { parent: null, before: null });
  assert.deepEqual(moveOnto(items, 'e', 'f', 'into'), { parent: 'f', before: null });
  assert.equal(moveOnto(items, 'e', 'a', 'into'), undefined);
});

test('a folder never gets into itself', () => {
  assert.equal(moveOnto(items, 'f', 'f', 'into'), undefined);
  assert.equal(moveOnto(items, 'f', 'd', 'before'), undefined);
  assert.equal(moveOnto(items, 'f', 'g', 'into'), undefined);
});

test('the next entry is that of the same folder', () => {
  assert.equal(nextOf(items, 'a')?.id, 'e');
  assert.equal(nextOf(items, 'b')?.id, 'c');
  assert.equal(nextOf(items, 'c'), undefined);
  assert.equal(nextOf(items, null), undefined);
});
