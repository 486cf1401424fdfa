import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_LISTED } from '../../../api/room/limits.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import type { Room } from '../room.ts';
import type { EnteredConnection } from '../room-deps.ts';
import { aConnection, aUser, openTestRooms, type TestConnection, type TestRooms } from '../rooms.fixture.ts';

const CROWD = 1000;

/** A room with a capacity for a crowd. */
async function openRoom(rooms: TestRooms): Promise<Room> {
  rooms.settings.capacity = 2 * CROWD;
  return rooms.rooms.create(aUser('u1'), { name: 'Stadium' });
}

const bytesOf = (messages: readonly ServerMessage[]) =>
  messages.reduce((sum, message) => sum + JSON.stringify(message).length, 0);

/** The list of a client, as the interface keeps it. */
function listOf({ got }: TestConnection): string[] {
  const list = new Set<string>();
  for (const message of got) {
    if (message.t === 'welcome') for (const { user } of message.members) list.add(user);
    else if (message.t === 'member') list.add(message.member.user);
    else if (message.t === 'left') list.delete(message.user);
    else if (message.t === 'members') {
      for (const user of message.left) list.delete(user);
      for (const { user } of message.members) list.add(user);
    }
  }
  return [...list].sort();
}

/** Enters people over a second. */
function enter(test: TestRooms, room: Room, count: number, prefix = 'g') {
  const peers: TestConnection[] = [];
  const seats: EnteredConnection[] = [];
  for (let i = 0; i < count; i++) {
    const peer = aConnection(aUser(`${prefix}${i}`, 'guest'));
    peers.push(peer);
    seats.push(room.enter(peer));
    test.clock.advance(1000 / count);
    if (i % (count / 20) === 0) test.rooms.tick();
  }
  return { peers, seats };
}

function settle(test: TestRooms): void {
  for (let i = 0; i < 30; i++) {
    test.clock.advance(50);
    test.rooms.tick();
  }
}

test('a thousand people who enter within a second cost each connection some messages, and not one for each person', async () => {
  await using test = await openTestRooms();
  const room = await openRoom(test);
  const first = aConnection(aUser('first'));
  room.enter(first);
  const { peers } = enter(test, room, CROWD);
  settle(test);
  const { length } = first.got;
  assert.ok(length < 50, `${length} messages`);
  for (const peer of [first, ...peers]) {
    const bytes = bytesOf(peer.got);
    assert.ok(bytes < 2 * MAX_LISTED * 200, `${bytes} bytes`); // a person is about 165
    assert.ok(listOf(peer).includes(peer.user.id));
  }
  assert.deepEqual(listOf(first), listOf(peers.at(-1)!).slice(0, -1), 'who is listed is the same for everyone');
  assert.equal(first.of('room').at(-1)?.room.present, CROWD + 1);
});

test('when a crowd goes, those who stay are listed in place of those who went', async () => {
  await using test = await openTestRooms();
  const room = await openRoom(test);
  const first = aConnection(aUser('first'));
  room.enter(first);
  const { peers, seats } = enter(test, room, CROWD);
  settle(test);
  for (const seat of seats.slice(0, -100)) {
    seat.leave();
    test.clock.advance(1);
    test.rooms.tick();
  }
  settle(test);
  const here = ['first', ...peers.slice(-100).map(({ user }) => user.id)].sort();
  assert.deepEqual(listOf(first), here);
  for (const peer of peers.slice(-100)) assert.deepEqual(listOf(peer), here);
  assert.equal(first.of('room').at(-1)?.room.present, here.length);
  const { length } = first.got;
  const late = aConnection(aUser('late'));
  const seat = room.enter(late);
  assert.equal(first.of('member').at(-1)?.member.user, 'late', 'one by one again, and at once');
  seat.leave();
  assert.equal(first.of('left').at(-1)?.user, 'late');
  assert.equal(first.got.length, length + 2);
});

test('in a crowd those who moderate are listed, and only offsets of listed people are sent', async () => {
  await using test = await openTestRooms();
  const room = await openRoom(test);
  const { peers, seats } = enter(test, room, CROWD);
  const [moderator, owner] = [aConnection(aUser('mo')), aConnection(aUser('u1'))];
  room.enter(owner);
  room.enter(moderator);
  room.changes.member({ ...room.state.members.find('mo')!, role: 'moderator' });
  settle(test);
  for (const who of ['mo', 'u1']) assert.ok(listOf(peers[0]!).includes(who), who);
  for (const seat of seats) seat.receive({ t: 'report', rev: 0, offsetMs: 40, buffering: false });
  settle(test);
  const offsets = peers[0]!.of('offsets').flatMap((message) => message.offsets);
  assert.ok(offsets.length > 0 && offsets.length <= MAX_LISTED + 2, String(offsets.length));
  room.disconnect('mo', 'kicked', '');
  settle(test);
  assert.ok(!listOf(peers[0]!).includes('mo'));
});
