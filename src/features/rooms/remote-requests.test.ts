import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editRoom } from './edit-room.ts';
import { aConnection, aUser, openTestRooms } from './rooms.fixture.ts';

const owner = aUser('u1');

test('a request for the remote reaches those who may give it, returns how many, and can be repeated after half a minute', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Room', options: { control: 'moderators' } });
  const [member, guest] = [aConnection(aUser('u2')), aConnection(aUser('g1', 'guest'))];
  const askOf = room.enter(guest).receive;
  room.enter(member);
  const ask = (id: string) => askOf({ t: 'ask', id, for: 'control' });
  ask('request-1');
  assert.deepEqual(guest.of('ack').at(-1), { t: 'ack', id: 'request-1', to: 0 });

  const ann = aConnection(owner);
  const second = aConnection(owner);
  room.enter(ann);
  room.enter(second);
  ask('request-2');
  assert.deepEqual(guest.of('ack').at(-1), { t: 'ack', id: 'request-2', to: 1 });
  for (const peer of [ann, second])
    assert.deepEqual(peer.of('asked'), [{ t: 'asked', user: 'g1', name: 'Name of g1', for: 'control' }]);
  assert.deepEqual(member.of('asked'), []);

  ask('request-3');
  const refused = guest.of('refused').at(-1);
  assert.deepEqual([refused?.id, refused?.code], ['request-3', 'too-many-requests']);
  assert.equal(ann.of('asked').length, 1);
  test.clock.advance(30_000);
  ask('request-4');
  assert.equal(ann.of('asked').length, 2);
});

test('who has the remote does not ask for it', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Room', options: { control: 'moderators' } });
  const [ann, member] = [aConnection(owner), aConnection(aUser('u2'))];
  room.enter(ann);
  const seat = room.enter(member);
  await editRoom(room, owner, { options: { control: 'everyone' } }, test.rooms.passwords);
  seat.receive({ t: 'ask', id: 'request-1', for: 'control' });
  assert.equal(member.of('refused')[0]?.code, 'bad-request');
  assert.deepEqual(ann.of('asked'), []);
});
