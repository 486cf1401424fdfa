import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permissionBits } from '../../../api/room/permissions.ts';
import { editRoom } from '../edit-room.ts';
import { addItems } from '../playlist/edit-playlist.ts';
import { chatSenderOf } from '../room-chat.ts';
import { aConnection, aUser, openTestRooms } from '../rooms.fixture.ts';
import { changeMember } from './moderation.ts';

const owner = aUser('u1');
const guest = aUser('g1', 'guest');
const ann = aUser('u2');

async function openRoom() {
  const test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Room' });
  const peer = aConnection(guest);
  room.enter(peer);
  return { test, room, peer };
}

test('a guest who signs in keeps permissions, mute, entries and the place behind a password', async () => {
  const { test, room, peer } = await openRoom();
  await using _ = test;
  await editRoom(room, owner, { password: 'tea' }, test.rooms.passwords);
  await test.rooms.givePassword(room, guest, 'tea');
  await changeMember(room, owner, 'g1', { allow: permissionBits.addItems, deny: permissionBits.danmaku });
  await changeMember(room, owner, 'g1', { mutedUntilMs: 9e12 });
  await addItems(room, guest, [{ target: { kind: 'asset', asset: 'a' } }], { nowMs: 0 });

  assert.deepEqual(await test.rooms.mergeGuest('g1', ann), [room.state.record.id]);
  assert.deepEqual(peer.closed, ['signedOut']);
  assert.equal(room.state.members.find('g1'), undefined);
  room.enter(aConnection(ann));
  assert.equal(room.state.may(ann, 'addItems'), true);
  assert.equal(room.state.may(ann, 'danmaku'), false);
  assert.equal(chatSenderOf(room.state, ann, () => {}).mutedUntilMs, 9e12);
  assert.equal(room.state.members.roleOf(ann), 'member');
  const { id } = room.state.record;
  const reopened = await (await test.restart()).get(id);
  assert.equal(reopened.state.playlist.all[0]?.addedBy, 'u2');
  assert.deepEqual([...reopened.state.members.all].map(({ user }) => user).sort(), ['u1', 'u2']);
});

test('a banned guest does not lose the ban by signing in, and their address stays banned', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  const known = aConnection(ann, '198.51.100.9');
  room.enter(known);
  await changeMember(room, owner, 'g1', { state: 'banned' });
  await test.rooms.mergeGuest('g1', ann);
  assert.deepEqual(known.closed, ['banned']);
  assert.throws(() => room.enter(aConnection(ann, '198.51.100.9')), { code: 'room-banned' });
  assert.throws(() => room.enter(aConnection(aUser('g2', 'guest'))), { code: 'room-banned' });
});

test('an account that moderates or owns the room is not bound by what was done to it as a guest', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  room.enter(aConnection(ann));
  await changeMember(room, owner, 'u2', { role: 'moderator' });
  await changeMember(room, owner, 'g1', { state: 'banned' });
  await test.rooms.mergeGuest('g1', ann);
  room.enter(aConnection(ann));
  assert.equal(room.state.members.roleOf(ann), 'moderator');
});

test('a guest who owns a room owns it with the account', async () => {
  await using test = await openTestRooms();
  test.settings.create = 'everyone';
  const room = await test.rooms.create(guest, { name: 'Room' });
  await test.rooms.mergeGuest('g1', ann);
  assert.equal(room.state.record.owner, 'u2');
  assert.equal(room.state.members.roleOf(ann), 'owner');
});
