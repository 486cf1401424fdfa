import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aConnection, aUser, openTestRooms } from './rooms.fixture.ts';

const [owner, friend, guest] = [aUser('u1'), aUser('u2'), aUser('g1', 'guest')];

test('who enters gets the room as it is, and the others learn of it', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Film night' });
  const one = aConnection(owner);
  room.enter(one);
  const two = aConnection(friend);
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

test('a message is sent to all and acknowledged to the person of the connection, even if it names another author', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(owner, { name: 'Room' });
  const [one, two] = [aConnection(owner), aConnection(friend)];
  room.enter(one);
  const seat = room.enter(two);
  const forged = { t: 'chat', id: 'abcdefgh', text: 'hello', author: 'u1', name: 'Owner' } as const;
  seat.receive(forged);
  for (const peer of [one, two]) assert.deepEqual(peer.of('message')[0]?.message.author, 'u2');
  assert.deepEqual([one.of('ack').length, two.of('ack').length], [0, 1]);
});

suite('playing together', () => {
  test('everyone gets the same states, and a joiner changes nothing', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    const [item] = room.state.playlist.add(
      [{ name: 'Film', target: { kind: 'asset', asset: 'a' }, parent: null, signed: false }],
      'u1',
      0,
    );
    const [one, two, three] = [aConnection(owner), aConnection(friend), aConnection(aUser('u3'))];
    const seat = room.enter(one);
    room.enter(two);
    seat.receive({ t: 'command', id: 'command1', rev: 0, do: 'item', item: item!.id });
    await new Promise(setImmediate);
    assert.equal(one.of('ack')[0]?.rev, 1);
    test.clock.advance(5000);
    test.rooms.tick();
    room.enter(three);
    assert.deepEqual(one.of('state'), two.of('state'));
    assert.equal(one.of('state').length, 1);
    assert.deepEqual(three.of('welcome')[0]?.state, room.state.playback.state);
    assert.equal(room.state.playback.state.rev, 1);
    assert.equal(room.state.playback.positionMs, 4900);
  });

  test('a stale command gets the present state; one without permission is refused', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    const [one, two] = [aConnection(friend), aConnection(guest)];
    const seat = room.enter(one);
    const seatOfGuest = room.enter(two);
    seat.receive({ t: 'command', id: 'command1', rev: 7, do: 'seek', positionMs: 1 });
    seatOfGuest.receive({ t: 'command', id: 'command2', rev: 0, do: 'item', item: null });
    await new Promise(setImmediate);
    assert.deepEqual([one.of('refused')[0]?.code, one.of('state').length], ['state-stale', 1]);
    assert.deepEqual([two.of('refused')[0]?.code, two.of('state').length], ['room-forbidden', 0]);
  });

  test('after a restart the room plays on where it would be, and no rev is used twice', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    room.state.playlist.add(
      [{ name: 'Film', target: { kind: 'asset', asset: 'a' }, parent: null, signed: false }],
      'u1',
      0,
    );
    const item = room.state.playlist.all[0]!.id;
    await room.changes.items();
    const seat = room.enter(aConnection(owner));
    await room.state.command({ do: 'item', item, rev: 0 }, owner);
    const { rev } = room.state.playback.state;
    test.clock.advance(10_100);
    const rooms = await test.restart();
    test.clock.advance(3000);
    const again = await rooms.get(room.state.record.id);
    assert.equal(again.state.playback.positionMs, 13_000);
    assert.ok(again.state.playback.state.rev > rev);
    seat.leave();
  });

  test('a room that everyone left is found where it was left', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    room.state.playlist.add(
      [{ name: 'Film', target: { kind: 'asset', asset: 'a' }, parent: null, signed: false }],
      'u1',
      0,
    );
    await room.changes.items();
    const seat = room.enter(aConnection(owner));
    await room.state.command({ do: 'item', item: room.state.playlist.all[0]!.id, rev: 0 }, owner);
    test.clock.advance(10_100);
    seat.leave();
    await room.changes.save();
    const rooms = await test.restart();
    test.clock.advance(86_400_000);
    const again = await rooms.get(room.state.record.id);
    assert.deepEqual([again.state.playback.state.playing, again.state.playback.positionMs], [false, 10_000]);
  });

  test('offsets are sent together, once a second, and only those that changed', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    const [one, two] = [aConnection(owner), aConnection(friend)];
    const seats = [room.enter(one), room.enter(two)];
    for (const [at, seat] of seats.entries())
      seat.receive({ t: 'report', rev: 0, offsetMs: 12 + at * 20, buffering: false, roundTripMs: 40 });
    for (let ms = 0; ms < 3000; ms += 50) {
      test.clock.advance(50);
      test.rooms.tick();
    }
    assert.deepEqual(
      one.of('offsets').map(({ offsets }) => offsets),
      [
        [
          ['u1', 10, false],
          ['u2', 30, false],
        ],
      ],
    );
  });
});

suite('the door', () => {
  test('a password is given once, until it changes', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room', password: 'tea' });
    assert.throws(() => room.enter(aConnection(friend)), { code: 'room-password' });
    assert.equal(await test.rooms.givePassword(room, friend, 'coffee'), false);
    assert.equal(await test.rooms.givePassword(room, friend, 'tea'), true);
    room.enter(aConnection(friend)).leave();
    room.enter(aConnection(friend)).leave();
    room.state.members.askPasswordAgain();
    assert.throws(() => room.enter(aConnection(friend)), { code: 'room-password' });
    room.enter(aConnection(owner));
  });

  test('guests come in only where they may, and only those who moderate come into a full room', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room', capacity: 1, options: { guests: false } });
    assert.throws(() => room.enter(aConnection(guest)), { code: 'room-guests-off' });
    const seat = room.enter(aConnection(friend));
    room.enter(aConnection(friend));
    assert.throws(() => room.enter(aConnection(aUser('u3'))), { code: 'room-full' });
    room.enter(aConnection(owner));
    room.enter(aConnection(aUser('a1', 'admin')));
    seat.leave();
  });

  test('a person has ten connections at most', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    for (let count = 0; count < 10; count++) room.enter(aConnection(friend));
    assert.throws(() => room.enter(aConnection(friend)), { code: 'limit-reached' });
  });
});

suite('rooms', () => {
  test('who may create rooms, and how many, is a setting', async () => {
    await using test = await openTestRooms();
    const create = (user = friend) => test.rooms.create(user, { name: 'Room' });
    await assert.rejects(create(guest), { code: 'forbidden' });
    test.settings.create = 'everyone';
    await create(guest);
    test.settings.create = 'admins';
    await assert.rejects(create(), { code: 'forbidden' });
    test.settings.create = 'users';
    test.settings.perUser = 2;
    await create();
    await create();
    await assert.rejects(create(), { code: 'limit-reached' });
    test.settings.max = 3;
    await assert.rejects(create(aUser('a1', 'admin')), { code: 'limit-reached' });
  });

  test('a room is deleted when it expires, and when it was not used for long; who is in it is sent out', async () => {
    await using test = await openTestRooms();
    const expiresMs = test.clock.nowMs() + 1000;
    const expiring = await test.rooms.create(owner, { name: 'Room', expiresMs });
    const unused = await test.rooms.create(owner, { name: 'Room' });
    const peer = aConnection(friend);
    expiring.enter(peer);
    test.clock.advance(1000);
    await test.rooms.sweep();
    assert.deepEqual(peer.closed, ['gone']);
    await assert.rejects(test.rooms.get(expiring.state.record.id), { code: 'room-unknown' });
    test.clock.advance(31 * 86_400_000);
    await test.rooms.sweep();
    await assert.rejects(test.rooms.get(unused.state.record.id), { code: 'room-unknown' });
  });

  test('an empty room is closed, and opens again as it was', async () => {
    await using test = await openTestRooms();
    const room = await test.rooms.create(owner, { name: 'Room' });
    room.enter(aConnection(friend)).leave();
    test.clock.advance(121_000);
    test.rooms.tick();
    assert.equal(test.rooms.find(room.state.record.id), undefined);
    const again = await test.rooms.get(room.state.record.id);
    assert.notEqual(again, room);
    assert.equal(again.state.members.find('u2')?.name, 'Name of u2');
  });

  test('with an account its rooms go to a moderator, or are deleted; other rooms forget the person', async () => {
    await using test = await openTestRooms();
    const kept = await test.rooms.create(owner, { name: 'Kept' });
    const lost = await test.rooms.create(owner, { name: 'Lost' });
    const other = await test.rooms.create(friend, { name: 'Other' });
    kept.enter(aConnection(friend)).leave();
    kept.changes.member({ ...kept.state.members.find('u2')!, role: 'moderator' });
    await kept.changes.save();
    const peer = aConnection(owner);
    other.enter(peer);
    await other.changes.save();
    await test.rooms.forgetUser('u1');
    assert.equal(kept.state.record.owner, 'u2');
    await assert.rejects(test.rooms.get(lost.state.record.id), { code: 'room-unknown' });
    assert.deepEqual([peer.closed, other.state.members.find('u1')], [['signedOut'], undefined]);
    assert.deepEqual(await test.tables.knowing('u1'), []);
  });
});

test('rooms that are created and deleted are published, to administrators and their owner, without name or content', async () => {
  await using test = await openTestRooms();
  const owner = aUser('u1');
  const [kept, gone] = [
    await test.rooms.create(owner, { name: 'Secret party' }),
    await test.rooms.create(owner, { name: 'B' }),
  ];
  await test.rooms.remove(gone.state.record.id);
  await test.rooms.remove(gone.state.record.id); // nothing is there any more
  await test.rooms.forgetUser('u1');
  const data = ({ state: { record } }: typeof kept) => ({ id: record.id, owner: 'user:u1', visibility: 'unlisted' });
  assert.deepEqual(test.published, [
    { type: 'room.created', data: data(kept) },
    { type: 'room.created', data: data(gone) },
    { type: 'room.deleted', data: { ...data(gone), reason: 'request' } },
    { type: 'room.deleted', data: { ...data(kept), reason: 'owner-deleted' } },
  ]);
});
