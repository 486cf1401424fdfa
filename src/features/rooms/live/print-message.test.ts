import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomItem } from '../../../api/room/item-shapes.ts';
import { nothingPlays } from '../../../api/room/playback.ts';
import { addItems, editItem } from '../playlist/edit-playlist.ts';
import { aConnection, aUser, openTestRooms } from '../rooms.fixture.ts';
import { printMessage } from './print-message.ts';

test('the playlist is printed once for all who enter within a second, and again after a change', async () => {
  await using test = await openTestRooms();
  const owner = aUser('u1');
  const room = await test.rooms.create(owner, { name: 'Room' });
  const [item] = await addItems(room, owner, [{ target: { kind: 'asset', asset: 'a' }, name: 'é "1"' }], { nowMs: 0 });
  let prints = 0;
  /** Counts how often an entry is printed. */
  const enter = (user: string) => {
    const peer = aConnection(aUser(user));
    room.enter(peer);
    const welcome = peer.of('welcome')[0]!;
    const [first] = welcome.items as (RoomItem & { toJSON?: () => unknown })[];
    const plain = { ...first };
    const print = () => {
      prints++;
      return plain;
    };
    if (!first!.toJSON) Object.defineProperty(first, 'toJSON', { value: print });
    const frame = printMessage(welcome) as Buffer;
    const text = frame.subarray(frame[1]! === 126 ? 4 : 2).toString();
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify({ ...welcome, items: [plain] })));
    return (JSON.parse(text) as { items: RoomItem[] }).items[0]!.name;
  };
  for (const user of ['u2', 'u3', 'u4']) assert.equal(enter(user), 'é "1"');
  assert.equal(prints, 1);
  await editItem(room, owner, item!.id, { name: '2' });
  assert.deepEqual([enter('u5'), enter('u6'), prints], ['2', '2', 2]);
  for (let ms = 0; ms < 1100; ms += 50) {
    test.clock.advance(50);
    test.rooms.tick();
  }
  assert.deepEqual([enter('u7'), prints], ['2', 3], 'the print is not kept');
});

test('messages without a playlist are plain JSON', () => {
  const message = { t: 'state', state: nothingPlays } as const;
  assert.deepEqual(JSON.parse(String((printMessage(message) as Buffer).subarray(2))), message);
});
