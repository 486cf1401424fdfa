import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { withItemChanges } from '../../../api/room/item-changes.ts';
import type { RoomItem } from '../../../api/room/item-shapes.ts';
import { aConnection, aUser, openTestRooms, type TestConnection } from '../rooms.fixture.ts';
import { addItems, editItem, moveItems, removeItems } from './edit-playlist.ts';

const owner = aUser('u1');
const target = { kind: 'asset', asset: 'a' } as const;

function itemsOf({ got }: TestConnection): readonly RoomItem[] {
  return got.reduce<readonly RoomItem[]>((items, message) => {
    if (message.t === 'welcome' || message.t === 'items') return message.items;
    return message.t === 'item-changes' ? withItemChanges(items, message) : items;
  }, []);
}

test('after any changes a client has the list of the room in its exact order, also one that entered in between', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Room' });
  const peers = [aConnection(owner)];
  room.enter(peers[0]!);
  const below = seeded(11);
  const random = () => below(1000) / 1000;
  const some = <T>(list: readonly T[]): T | undefined => list[below(Math.max(1, list.length))];
  for (let step = 0; step < 300; step++) {
    const item = some(room.state.playlist.all);
    const folder = some(room.state.playlist.all.filter((one) => one.target.kind === 'folder'))?.id ?? null;
    const parent = random() < 0.3 ? folder : null;
    const before = some(room.state.playlist.all.filter((one) => one.parent === parent))?.id ?? null;
    const what = random();
    const work =
      what < 0.35 || !item
        ? addItems(room, owner, [{ target: random() < 0.2 ? { kind: 'folder' } : target, name: `n${step}`, parent }], {
            before: random() < 0.5 ? before : null,
            nowMs: 0,
          })
        : what < 0.75
          ? moveItems(room, owner, [item.id], { parent, before })
          : what < 0.9
            ? editItem(room, owner, item.id, { name: `r${step}` })
            : removeItems(room, owner, [item.id]);
    await work.catch(() => {}); // a folder into itself, or too deep
    if (step % 40 === 20) {
      peers.push(aConnection(aUser(`u${peers.length + 1}`)));
      room.enter(peers.at(-1)!);
    }
    if (random() < 0.5) continue;
    test.clock.advance(1000);
    test.rooms.tick();
    for (const peer of peers) assert.deepEqual(itemsOf(peer), room.state.views.items(), `step ${step}`);
  }
  assert.equal(peers[0]!.of('items').length, 0, 'the whole list was sent once');
});

test('a change of one entry of two thousand is one entry', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Room' });
  for (let added = 0; added < 2000; added += 200)
    await addItems(
      room,
      owner,
      Array.from({ length: 200 }, (_, n) => ({ target, name: `n${n}` })),
      { nowMs: 0 },
    );
  const peer = aConnection(owner);
  room.enter(peer);
  test.clock.advance(1000);
  test.rooms.tick();
  const before = peer.of('item-changes').length;
  await moveItems(room, owner, [room.state.playlist.all[1500]!.id], {
    parent: null,
    before: room.state.playlist.all[3]!.id,
  });
  test.clock.advance(1000);
  test.rooms.tick();
  const [change] = peer.of('item-changes').slice(before);
  assert.deepEqual([change?.set.length, change?.removed.length], [1, 0]);
  assert.ok(JSON.stringify(change).length < 500);
});
