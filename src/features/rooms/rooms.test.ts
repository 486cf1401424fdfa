import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { editRoom } from './edit-room.ts';
import { changeMember } from './members/moderation.ts';
import { addItems } from './playlist/edit-playlist.ts';
import { aConnection, aUser, openTestRooms } from './rooms.fixture.ts';

const owner = aUser('u1');
const friend = aUser('u2');

suite('a room that is deleted', () => {
  test('does not open again meanwhile', async () => {
    await using test = await openTestRooms();
    const { id } = (await test.rooms.create(owner, { name: 'Room' })).state.record;
    const removed = test.rooms.remove(id);
    await assert.rejects(test.rooms.get(id), { code: 'room-unknown' });
    await removed;
    assert.equal(test.rooms.find(id), undefined);
  });

  test('leaves nothing behind, neither of a write in progress nor of a request that comes late', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    const { id } = room.state.record;
    room.enter(aConnection(friend));
    await Promise.allSettled([room.changes.save(), test.rooms.remove(id)]);
    const link = { kind: 'link', url: 'https://films.example/a.mp4' } as const;
    await assert.rejects(addItems(room, owner, [{ target: link }], { nowMs: 0 }), { code: 'room-unknown' });
    assert.deepEqual([await test.tables.members(id), await test.tables.items(id)], [[], []]);
  });

  test('is no failure of the periodic write that it interrupts', async () => {
    const failures: unknown[] = [];
    await using test = await openTestRooms({ failed: (error) => void failures.push(error) });
    const room = await test.rooms.create(owner, { name: 'Room' });
    room.enter(aConnection(friend));
    test.clock.advance(1000);
    test.rooms.tick(); // writes it
    await test.rooms.remove(room.state.record.id);
    assert.deepEqual(failures, []);
  });

  test('is deleted after the close that writes it', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    const { id } = room.state.record;
    room.enter(aConnection(friend)).leave();
    test.clock.advance(121_000);
    test.rooms.tick(); // closes it
    await test.rooms.remove(id);
    assert.deepEqual(await test.tables.members(id), []);
  });
});

suite('a room that opens', () => {
  test('is announced when it opens, and when it opens again', async () => {
    let openings = 0;
    await using test = await openTestRooms({ onOpen: () => void openings++ });
    const room = await test.rooms.create(owner, { name: 'Room' });
    const { id } = room.state.record;
    room.enter(aConnection(friend)).leave();
    assert.equal(openings, 1);
    test.clock.advance(121_000);
    test.rooms.tick(); // closes it
    assert.notEqual(await test.rooms.get(id), room);
    assert.equal(openings, 2);
  });
});

suite('what several people change at once', () => {
  test('is all changed', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    await Promise.all([
      editRoom(room, owner, { name: 'Friday' }, test.rooms.passwords),
      editRoom(room, owner, { options: { approve: true }, password: 'open sesame' }, test.rooms.passwords),
      editRoom(room, owner, { options: { guests: false } }, test.rooms.passwords),
    ]);
    const { name, options, password } = room.state.record;
    assert.deepEqual([name, options.approve, options.guests, password === null], ['Friday', true, false, false]);
    assert.deepEqual((await test.tables.find(room.state.record.id))?.room, room.state.record);
  });

  test('does not undo that the room was handed over, and it is handed over once', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    for (const user of [friend, aUser('u3')]) room.enter(aConnection(user));
    const handOver = (to: string) => changeMember(room, owner, to, { role: 'owner' });
    const [first, second] = await Promise.allSettled([
      handOver('u2'),
      handOver('u3'),
      editRoom(room, owner, { name: 'Friday' }, test.rooms.passwords),
    ]);
    assert.deepEqual([first!.status, second!.status], ['fulfilled', 'rejected']);
    assert.deepEqual([room.state.record.owner, room.state.record.name], ['u2', 'Friday']);
  });
});

test('rooms that are created at once do not exceed the limit of a person', async () => {
  await using test = await openTestRooms();
  test.settings.perUser = 2;
  const created = await Promise.allSettled(Array.from({ length: 5 }, () => test.rooms.create(owner, { name: 'Room' })));
  assert.equal(created.filter(({ status }) => status === 'fulfilled').length, 2);
});

test('an account is forgotten also where a room of its list was deleted meanwhile', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(friend, { name: 'Room' });
  room.enter(aConnection(owner));
  await room.changes.save();
  const knowing = test.tables.knowing.bind(test.tables);
  test.tables.knowing = async (user) => ['deleted', ...(await knowing(user))];
  assert.deepEqual(await test.rooms.forgetUser('u1'), ['deleted', room.state.record.id]);
  assert.deepEqual(await knowing('u1'), []);
});
