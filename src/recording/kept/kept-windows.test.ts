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

test('each keeper is notified of media that is lost, of deleted streams, and of rows that changed elsewhere', async () => {
  const calls: string[] = [];
  const kept = new KeptWindows({ ranges: () => [] });
  for (const name of ['a', 'b'])
    kept.add({
      ranges: () => [],
      over: () => [{ id: name, title: '' }],
      lose: async (streamId, _range, reason) => void calls.push(`${name} loses ${streamId}: ${reason}`),
      forget: async ({ id }) => void calls.push(`${name} forgets ${id}`),
      reload: async (streams) => void calls.push(`${name} reloads ${streams.join()}`),
    });
  assert.deepEqual(
    kept.over('s', span(1, 2)).map(({ id }) => id),
    ['a', 'b'],
  );
  await kept.lose('s', span(1, 2), 'disk');
  await kept.forget({ id: 's', name: 'door', visibility: 'public' });
  await kept.reload(['s']);
  assert.deepEqual(calls, [
    'a loses s: disk',
    'b loses s: disk',
    'a forgets s',
    'b forgets s',
    'a reloads s',
    'b reloads s',
  ]);
});
