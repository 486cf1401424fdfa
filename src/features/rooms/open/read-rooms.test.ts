import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nothingPlays } from '../../../api/room/playback.ts';
import { type ItemRecord, type RoomRecord, usualOptions } from '../room-record.ts';
import { RoomRules } from '../room-rules.ts';
import { createRoomReading } from './read-rooms.ts';

const NOW_MS = 1_795_000_000_000;
const record: RoomRecord = {
  id: 'r',
  name: 'Night',
  owner: 'admin',
  visibility: 'unlisted',
  password: null,
  capacity: null,
  options: usualOptions,
  createdMs: 0,
  expiresMs: null,
};
const item: ItemRecord = {
  id: 'i',
  parent: null,
  rank: 0,
  name: 'Film',
  target: { kind: 'asset', asset: 'film' },
  addedBy: 'admin',
  signed: false,
  createdMs: 0,
};

/** The reading of a room that another process has open, or that is closed. */
function readingOf(room: RoomRecord | undefined, usedMs: number) {
  const state = { ...nothingPlays, item: item.id, playing: true };
  return createRoomReading({
    rooms: { find: () => undefined },
    tables: { find: async () => room && { room, state, usedMs } },
    findItem: async (id) => (id === item.id ? item : undefined),
    rules: new RoomRules(),
    clock: { nowMs: () => NOW_MS },
  });
}

suite('reading a room that is not open here', () => {
  test('another process has stored what it plays', async () => {
    const read = await readingOf(record, NOW_MS - 30_000).read('r');
    assert.deepEqual([read?.item?.name, read?.state.playing, read?.isHere, read?.isOpen], ['Film', true, false, true]);
  });

  test('a room that was empty for two minutes plays nothing, and a deleted one is none', async () => {
    const read = await readingOf(record, NOW_MS - 121_000).read('r');
    assert.deepEqual([read?.item, read?.state.playing, read?.isEmpty], [undefined, false, true]);
    assert.equal(await readingOf(undefined, 0).read('r'), undefined);
  });

  test('a room is open to all without a password, an approval, and with guests', async () => {
    const isOpen = async (room: Partial<RoomRecord>) =>
      (await readingOf({ ...record, ...room }, NOW_MS).read('r'))?.isOpen;
    assert.equal(await isOpen({ password: 'hash' }), false);
    assert.equal(await isOpen({ options: { ...usualOptions, approve: true } }), false);
    assert.equal(await isOpen({ options: { ...usualOptions, guests: false } }), false);
  });
});
