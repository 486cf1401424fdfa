import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import { PinTable } from '../pin-table.ts';
import { type PinnedRange, windowsOver } from '../pinned-windows.ts';
import { WINDOW_US } from '../window.ts';
import { KeptWindows } from './kept-windows.ts';

const span = (first: number, last: number) => ({ fromUs: first * WINDOW_US + 1, toUs: last * WINDOW_US + 2 });

test('windows of pins and of keepers are kept together, and each as long as one of them has it', async () => {
  await using database = await openTemporaryStore();
  const pins = await PinTable.open(database.db);
  const kept = new KeptWindows(pins);
  let windows: readonly PinnedRange[] = [];
  kept.add({
    ranges: (streamId) => (streamId === 's' ? windows : []),
    over: () => [{ id: 'a', title: '' }],
    lose: async () => {},
    forget: async () => {},
    reload: async () => {},
  });
  const seen = () => kept.ranges('s').map(({ fromUs, toUs }) => [fromUs / WINDOW_US, toUs / WINDOW_US]);
  windows = windowsOver([span(7, 7)]);
  assert.deepEqual(seen(), [[7, 8]]);
  const { id: pin } = await pins.add('s', { ...span(1, 2), text: '' });
  windows = windowsOver([span(7, 7), span(2, 3)]);
  assert.deepEqual(seen(), [
    [1, 4],
    [7, 8],
  ]);
  assert.equal(kept.ranges('s'), kept.ranges('s'), 'joined once');
  assert.deepEqual(kept.ranges('other'), []);
  windows = windowsOver([span(2, 3)]);
  assert.deepEqual(seen(), [[1, 4]]);
  await pins.remove('s', pin);
  assert.deepEqual(seen(), [[2, 4]]);
});
