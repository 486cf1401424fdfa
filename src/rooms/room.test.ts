import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aPeer, aUser, openTestRooms } from './rooms.fixture.ts';

test('who enters gets the room as it is, and the others learn of it', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(aUser('u1'), { name: 'Film night' });
  const one = aPeer(aUser('u1'));
  room.enter(one);
  const two = aPeer(aUser('u2'));
  const seat = room.enter(two);
  const [welcome] = two.of('welcome');
  assert.equal(welcome?.room.name, 'Film night');
  assert.deepEqual(welcome?.members.map(({ user }) => user).sort(), ['u1', 'u2']);
  assert.equal(one.of('member').at(-1)?.member.user, 'u2');
  seat.leave();
  seat.leave();
  assert.deepEqual(
    one.of('left').map(({ user }) => user),
    ['u2'],
  );
});

test('a message is sent to all and acknowledged to its author', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(aUser('u1'), {});
  const [one, two] = [aPeer(aUser('u1')), aPeer(aUser('u2'))];
  const seat = room.enter(one);
  room.enter(two);
  seat.receive({ t: 'chat', id: 'abcdefgh', text: 'hello' });
  assert.deepEqual(
    [one, two].map((peer) => peer.of('message').map(({ message }) => message.text)),
    [['hello'], ['hello']],
  );
  assert.deepEqual([one.of('ack').length, two.of('ack').length], [1, 0]);
});
