import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { WINDOW_US } from '../window.ts';
import { openKept } from './kept-windows.ts';

test('windows of pins and of clips are kept together, and each as long as one of them has it', async () => {
  await using database = await openTemporaryStore();
  const { pins, clips, kept } = await openKept(database.db);
  const span = (first: number, last: number) => ({ fromUs: first * WINDOW_US + 1, toUs: last * WINDOW_US + 2 });
  const seen = () => kept.ranges('s').map(({ fromUs, toUs }) => [fromUs / WINDOW_US, toUs / WINDOW_US]);
  const clip = { streamId: 's', title: '', visibility: 'public', owner: 'admin', createdUs: 1 } as const;
  const { id: late } = await clips.add({ ...clip, ...span(7, 7) });
  assert.deepEqual(seen(), [[7, 8]]);
  const { id: pin } = await pins.add('s', { ...span(1, 2), text: '' });
  await clips.add({ ...clip, ...span(2, 3) });
  assert.deepEqual(seen(), [
    [1, 4],
    [7, 8],
  ]);
  assert.equal(kept.ranges('s'), kept.ranges('s'), 'joined once');
  assert.deepEqual(kept.ranges('other'), []);
  await clips.remove(late);
  assert.deepEqual(seen(), [[1, 4]]);
  await pins.remove('s', pin);
  assert.deepEqual(seen(), [[2, 4]]);
});
