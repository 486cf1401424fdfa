import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { withItemChanges } from '../../../api/room/item-changes.ts';
import type { ItemTarget, RoomItem } from '../../../api/room/item-shapes.ts';
import { permissionBits } from '../../../api/room/permissions.ts';
import { openTarget, targetColumn } from '../../../store/sealed/sealed-columns.ts';
import { editRoom } from '../edit-room.ts';
import { addItems, editItem, removeItems } from '../playlist/edit-playlist.ts';
import { chatSenderOf } from '../room-chat.ts';
import { aConnection, aMember, aRoom, aUser, openTestRooms, type TestConnection } from '../rooms.fixture.ts';
import { Members } from './members.ts';
import { changeMember, kick, leaveRoom } from './moderation.ts';

const people = {
  admin: aUser('a1', 'admin'),
  owner: aUser('u1'),
  moderator: aUser('m1'),
  other: aUser('m2'),
  member: aUser('u2'),
  guest: aUser('g1', 'guest'),
};
type Person = keyof typeof people;

async function openRoom() {
  const test = await openTestRooms();
  const room = await test.rooms.create(people.owner, { name: 'Room' });
  const peers = new Map<Person, ReturnType<typeof aConnection>>();
  for (const [name, user] of Object.entries(people) as [Person, (typeof people)[Person]][]) {
    const peer = aConnection(user, name === 'guest' ? '198.51.100.7' : '192.0.2.1');
    peers.set(name, peer);
    room.enter(peer);
    if (name === 'moderator' || name === 'other')
      room.changes.member({ ...room.state.members.find(user.id)!, role: 'moderator' });
  }
  return { test, room, peers, rooms: test.rooms };
}

/** The playlist as a connection knows it. */
function itemsOf({ got }: ReturnType<typeof aConnection>): readonly RoomItem[] {
  return got.reduce<readonly RoomItem[]>((items, message) => {
    if (message.t === 'welcome' || message.t === 'items') return message.items;
    return message.t === 'item-changes' ? withItemChanges(items, message) : items;
  }, []);
}

const refusedAs = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

suite('who may act on which people', () => {
  const below: Readonly<Record<Person, readonly Person[]>> = {
    admin: ['owner', 'moderator', 'member', 'guest'],
    owner: ['moderator', 'member', 'guest'],
    moderator: ['member', 'guest'],
    other: [],
    member: [],
    guest: [],
  };
  for (const by of ['admin', 'owner', 'moderator', 'member', 'guest'] as const) {
    test(`${by}: ${below[by].join(', ') || 'no one'}`, async () => {
      for (const on of ['owner', 'other', 'member', 'guest'] as const) {
        const { test, room } = await openRoom();
        await using _ = test;
        const expected = below[by].includes(on === 'other' ? 'moderator' : on) ? 'done' : 'room-forbidden';
        const user = people[on].id;
        const mute = { mutedUntilMs: 9e12 };
        assert.equal(await refusedAs(() => changeMember(room, people[by], user, mute)), expected, `mutes ${on}`);
        assert.equal(await refusedAs(() => kick(room, people[by], user)), expected, `kicks ${on}`);
        const ban = { state: 'banned' } as const;
        assert.equal(await refusedAs(() => changeMember(room, people[by], user, ban)), expected, `bans ${on}`);
      }
    });
  }

  test('a moderator makes no moderators, gives no permission that is not theirs, and does not take over the room', async () => {
    const { test, room } = await openRoom();
    await using _ = test;
    const change = (by: Person, what: Parameters<typeof changeMember>[3]) =>
      refusedAs(() => changeMember(room, people[by], 'u2', what));
    assert.equal(await change('moderator', { role: 'moderator' }), 'room-forbidden');
    assert.equal(await change('moderator', { role: 'owner' }), 'room-forbidden');
    assert.equal(await change('moderator', { allow: permissionBits.deleteRoom }), 'room-forbidden');
    assert.equal(await change('moderator', { allow: permissionBits.editItems }), 'done');
    assert.equal(await change('owner', { role: 'moderator' }), 'done');
    assert.equal(await change('owner', { role: 'owner' }), 'done');
    assert.deepEqual([room.state.record.owner, room.state.members.roleOf(people.owner)], ['u2', 'moderator']);
  });

  test('moderators do not give themselves permissions by the masks of the room', async () => {
    const { test, room, rooms } = await openRoom();
    await using _ = test;
    const { masks } = room.state.record.options;
    const edit = (by: Person, change: Partial<typeof masks>) =>
      refusedAs(() => editRoom(room, people[by], { options: { masks: { ...masks, ...change } } }, rooms.passwords));
    assert.equal(await edit('moderator', { moderator: masks.moderator | permissionBits.deleteRoom }), 'room-forbidden');
    assert.equal(await edit('moderator', { guest: masks.guest | permissionBits.deleteRoom }), 'room-forbidden');
    assert.equal(await edit('member', { guest: 0 }), 'room-forbidden');
    assert.equal(await edit('owner', { guest: 0 }), 'done');
    assert.equal(room.state.may(people.guest, 'chat'), false);
  });
});

test('a person without the permission `list` gets the entry that plays, and no other', async () => {
  const { test, room, peers } = await openRoom();
  await using _ = test;
  const { masks } = room.state.record.options;
  await editRoom(room, people.owner, { options: { masks: { ...masks, guest: 0 } } }, test.rooms.passwords);
  const links = ['a', 'b'].map((name) => ({ target: { kind: 'link' as const, url: `https://${name}.example/x.mp4` } }));
  const [first] = await addItems(room, people.owner, links, { nowMs: 0 });
  const seen = () => {
    test.clock.advance(1000);
    test.rooms.tick();
    return (['guest', 'member'] as const).map((name) => itemsOf(peers.get(name)!).length);
  };
  assert.deepEqual(seen(), [0, 2]);
  assert.deepEqual(peers.get('guest')!.of('item-changes'), []);
  await room.state.command({ do: 'item', item: first!.id, rev: room.state.playback.state.rev }, people.owner);
  assert.deepEqual(seen(), [1, 2]);
  // Who may see the playlist from now on gets all of it, and changes; who may no longer gets what plays.
  await changeMember(room, people.owner, 'g1', { allow: permissionBits.list });
  assert.deepEqual(seen(), [2, 2]);
  await changeMember(room, people.owner, 'u2', { deny: permissionBits.list });
  assert.deepEqual(seen(), [2, 1]);
  await addItems(room, people.owner, links, { nowMs: 0 });
  assert.deepEqual(seen(), [4, 1]);
});

test('a banned guest does not come back under another name from the same address, until the ban ends', async () => {
  const { test, room, peers } = await openRoom();
  await using _ = test;
  await changeMember(room, people.owner, 'g1', { state: 'banned' });
  assert.deepEqual(peers.get('guest')?.closed, ['banned']);
  const again = aConnection(aUser('g2', 'guest'), '198.51.100.7');
  assert.throws(() => room.enter(again), { code: 'room-banned' });
  room.enter(aConnection(aUser('u9'), '198.51.100.7'));
  await changeMember(room, people.owner, 'g1', { state: 'active' });
  room.enter(again);
});

test('a ban covers the address that a guest used last, also if it has no connection', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(people.owner, { name: 'Room' });
  const other = (address: string) => () => room.admit(aUser('g2', 'guest'), address);
  room.admit(people.guest, '198.51.100.7');
  room.admit(people.guest, '198.51.100.8');
  await changeMember(room, people.owner, 'g1', { state: 'banned' });
  assert.throws(other('198.51.100.8'), { code: 'room-banned' });
  other('198.51.100.7')();

  await changeMember(room, people.owner, 'g1', { state: 'active' });
  const seat = room.enter(aConnection(people.guest, '198.51.100.9'));
  seat.leave();
  await changeMember(room, people.owner, 'g1', { state: 'banned' });
  assert.throws(other('198.51.100.9'), { code: 'room-banned' });
  other('198.51.100.8')();

  await editRoom(room, people.owner, { options: { approve: true } }, test.rooms.passwords);
  assert.throws(() => room.admit(aUser('g3', 'guest'), '203.0.113.1'), { code: 'room-pending' });
  assert.throws(() => room.admit(aUser('g3', 'guest'), '203.0.113.2'), { code: 'room-pending' });
  await changeMember(room, people.owner, 'g3', { state: 'banned' });
  assert.throws(() => room.admit(aUser('g4', 'guest'), '203.0.113.2'), { code: 'room-banned' }, 'of one who waited');
});

test('a banned guest does not come back from another address of the same IPv6 network', async () => {
  await using test = await openTestRooms();
  const room = await test.rooms.create(people.owner, { name: 'Room' });
  room.enter(aConnection(people.guest, '2001:db8:1:2::7'));
  await changeMember(room, people.owner, 'g1', { state: 'banned' });
  const again = (address: string) => room.enter(aConnection(aUser('g2', 'guest'), address));
  assert.throws(() => again('2001:db8:1:2:aaaa::9'), { code: 'room-banned' });
  again('2001:db8:1:3::7');
});

test('someone who has left the room can still be banned and muted; a guest with the address that it used last', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  const others = (address: string) => () => room.admit(aUser('g2', 'guest'), address);
  await leaveRoom(room, 'g1');
  const banned = await changeMember(room, people.moderator, 'g1', { state: 'banned' });
  assert.deepEqual([banned.name, banned.role, banned.state], [people.guest.name, 'guest', 'banned']);
  assert.throws(() => room.admit(people.guest, '203.0.113.5'), { code: 'room-banned' });
  assert.throws(others('198.51.100.7'), { code: 'room-banned' });
  others('198.51.100.8')();

  await leaveRoom(room, 'u2');
  assert.equal(await refusedAs(() => changeMember(room, people.guest, 'u2', { state: 'banned' })), 'room-forbidden');
  assert.equal(await refusedAs(() => changeMember(room, people.owner, 'u2', { role: 'moderator' })), 'member-unknown');
  await changeMember(room, people.owner, 'u2', { mutedUntilMs: 9e12 });
  room.enter(aConnection(people.member));
  assert.equal(chatSenderOf(room.state, people.member, () => {}).mutedUntilMs, 9e12);
});

test('the author of a message is banned also if the room was opened again after they left', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  const say = (text: string) =>
    room.chat.receive(
      { t: 'chat', id: 'message1', text },
      chatSenderOf(room.state, people.guest, () => {}),
    );
  await leaveRoom(room, 'g1');
  room.state.members.departed.delete('g1');
  const ban = () => refusedAs(() => changeMember(room, people.owner, 'g1', { state: 'banned' }, people.guest));
  assert.equal(await ban(), 'member-unknown', 'who never wrote');
  say('hello');
  assert.equal(await ban(), 'done');
  assert.throws(() => room.admit(people.guest, ''), { code: 'room-banned' });
});

test('those who wait come in once no one has to be let in any more', async () => {
  const { test, room, rooms } = await openRoom();
  await using _ = test;
  await editRoom(room, people.owner, { options: { approve: true } }, rooms.passwords);
  const late = aUser('u7');
  assert.throws(() => room.enter(aConnection(late)), { code: 'room-pending' });
  await editRoom(room, people.owner, { options: { approve: false } }, rooms.passwords);
  room.enter(aConnection(late));
  assert.equal(room.state.may(late, 'chat'), true);
});

test('who is turned away does not wait again before they ask to enter', async () => {
  const { test, room, rooms } = await openRoom();
  await using _ = test;
  await editRoom(room, people.owner, { options: { approve: true } }, rooms.passwords);
  const late = aUser('u7');
  assert.throws(() => room.enter(aConnection(late)), { code: 'room-pending' });
  kick(room, people.moderator, late.id);
  assert.throws(() => room.enter(aConnection(late)), { code: 'room-kicked' }, 'the page that still waits');
  assert.equal(room.state.members.find(late.id), undefined, 'they were never in the room');
  room.state.members.declined.delete(late.id);
  assert.throws(() => room.enter(aConnection(late)), { code: 'room-pending' });
});

test('who is in a room when it gets a password stays in it; others need the password', async () => {
  const { test, room, rooms } = await openRoom();
  await using _ = test;
  await editRoom(room, people.owner, { password: 'tea' }, rooms.passwords);
  room.admit(people.member, '');
  room.disconnect(people.member.id, 'left', '');
  assert.throws(() => room.admit(people.member, ''), { code: 'room-password' });
});

test('a flood of guests makes a room forget guests, but no ban, mute or withheld permission, and no account', async () => {
  const kept = [
    aMember('banned', { role: 'guest', state: 'banned', seenMs: 1 }),
    aMember('muted', { role: 'guest', mutedUntilMs: 5, seenMs: 1 }),
    aMember('denied', { role: 'guest', deny: 1, seenMs: 1 }),
    aMember('account', { seenMs: 1 }),
  ];
  const members = new Members(aRoom('r1'), kept);
  for (let i = 0; i < 10_100; i++) members.remember(aUser(`g${i}`, 'guest'), i % 2 === 0 ? 'pending' : 'active', i + 2);
  assert.equal([...members.all].length, 10_000);
  assert.deepEqual(
    kept.map(({ user }) => members.find(user)),
    kept,
  );
});

test('leaving is no way out of a ban or a mute', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  await changeMember(room, people.owner, 'u2', { mutedUntilMs: 9e12 });
  await leaveRoom(room, 'u2');
  room.enter(aConnection(people.member));
  assert.equal(chatSenderOf(room.state, people.member, () => {}).mutedUntilMs, 9e12);
  await changeMember(room, people.owner, 'u2', { state: 'banned' });
  await leaveRoom(room, 'u2');
  assert.throws(() => room.enter(aConnection(people.member)), { code: 'room-banned' });
});

test('who leaves is forgotten and their pages close as left; the owner stays until the room is handed over', async () => {
  const { test, room, peers } = await openRoom();
  await using _ = test;
  assert.equal(await refusedAs(() => leaveRoom(room, people.owner.id)), 'room-owner');
  assert.deepEqual(peers.get('owner')?.closed, []);
  await leaveRoom(room, 'u2');
  assert.deepEqual(peers.get('member')?.closed, ['left']);
  assert.equal(room.state.members.find('u2'), undefined);
  await changeMember(room, people.owner, people.moderator.id, { role: 'owner' });
  await leaveRoom(room, people.owner.id);
  assert.equal(room.state.members.find(people.owner.id), undefined);
  assert.equal(room.state.record.owner, people.moderator.id);
});

test('who waits gets in when a moderator agrees, and moderators learn of it', async () => {
  const { test, room, peers, rooms } = await openRoom();
  await using _ = test;
  await editRoom(room, people.owner, { options: { approve: true } }, rooms.passwords);
  const late = aUser('u7');
  assert.throws(() => room.enter(aConnection(late)), { code: 'room-pending' });
  assert.equal(peers.get('moderator')?.of('member').at(-1)?.member.state, 'pending');
  assert.equal(room.state.may(late, 'chat'), false);
  // A moderator who comes back sees who waits; others do not.
  const [back, other] = [aConnection(people.moderator), aConnection(people.member)];
  room.enter(back);
  room.enter(other);
  const waits = (peer: TestConnection) =>
    peer
      .of('welcome')[0]
      ?.members.filter(({ state }) => state === 'pending')
      .map(({ user }) => user);
  assert.deepEqual([waits(back), waits(other)], [['u7'], []]);
  const named = (name: Person) =>
    peers
      .get(name)!
      .of('member')
      .some(({ member }) => member.user === 'u7');
  assert.deepEqual([named('moderator'), named('member'), named('guest')], [true, false, false]);
  await changeMember(room, people.moderator, 'u7', { state: 'active' });
  room.enter(aConnection(late));
  room.enter(aConnection(people.member)); // who was in already does not wait
});

test('a token that acts for an administrator without administration has no more than a member, and takes nothing from the administrator', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  const demoted = { ...people.admin, role: 'user' } as const;
  assert.equal(room.state.may(people.admin, 'deleteRoom'), true);
  assert.equal(room.state.may(demoted, 'deleteRoom'), false);
  assert.equal(room.state.may(people.admin, 'deleteRoom'), true);
});

test('a change of a permission counts at once, and the person is notified', async () => {
  const { test, room, peers, rooms } = await openRoom();
  await using _ = test;
  assert.equal(room.state.may(people.member, 'control'), true);
  await editRoom(room, people.owner, { options: { control: 'moderators' } }, rooms.passwords);
  assert.equal(room.state.may(people.member, 'control'), false);
  await changeMember(room, people.owner, 'u2', { allow: permissionBits.control });
  assert.equal(room.state.may(people.member, 'control'), true);
  await changeMember(room, people.owner, 'u2', { deny: permissionBits.control | permissionBits.chat });
  assert.equal(room.state.may(people.member, 'control'), false);
  const last = peers.get('member')?.of('you').at(-1)?.permissions;
  assert.equal((last ?? 0) & (permissionBits.control | permissionBits.chat), 0);
});

test('one removes own entries, and those of others with a permission; headers of a link are for its author and moderators', async () => {
  const { test, room, peers } = await openRoom();
  await using _ = test;
  const headers = { Cookie: 'secret' };
  const target: ItemTarget = { kind: 'link', url: 'https://a.example/x.m3u8', proxy: true, headers };
  const [own] = await addItems(room, people.member, [{ target }], { nowMs: 0 });
  const [foreign] = await addItems(room, people.owner, [{ target }], { nowMs: 0 });
  test.clock.advance(1000);
  test.rooms.tick();
  for (const peer of peers.values()) assert.equal(JSON.stringify(peer.got).includes('secret'), false);
  const seen = (person: Person) => JSON.stringify(room.state.views.item(own!, people[person])).includes('secret');
  assert.deepEqual([seen('member'), seen('moderator'), seen('guest')], [true, true, false]);
  assert.equal(await refusedAs(() => removeItems(room, people.member, [foreign!.id])), 'room-forbidden');
  assert.equal(await refusedAs(() => removeItems(room, people.member, undefined)), 'room-forbidden');
  assert.equal(await refusedAs(() => removeItems(room, people.member, [own!.id])), 'done');
  assert.equal(await refusedAs(() => removeItems(room, people.moderator, undefined)), 'done');
});

test('a user name and password in a link are for its author and moderators, as a request header', async () => {
  const { test, room, peers } = await openRoom();
  await using _ = test;
  const links = [
    { url: 'https://ann:s3cret@a.example/x.m3u8' },
    {
      url: 'https://ann:s3cret@a.example/x.mp4',
      subtitles: [{ name: 'en', url: 'https://ann:s3cret@a.example/x.srt' }],
    },
    { url: 'http://s3cret@a.example/' },
    { url: 'https://:s3cret@a.example/x' },
    { url: 'https://a.example/x', subtitles: [{ name: 'en', url: 'https://s3cret@b.example/x.srt' }] },
  ];
  const targets: ItemTarget[] = links.map((link) => ({ kind: 'link', ...link }));
  const added = await addItems(
    room,
    people.member,
    targets.map((target) => ({ target })),
    { nowMs: 0 },
  );
  const [edited] = await addItems(room, people.member, [{ target: { kind: 'link', url: 'https://a.example/y' } }], {
    nowMs: 0,
  });
  await editItem(room, people.member, edited!.id, { target: targets[0]! });
  test.clock.advance(1000);
  test.rooms.tick();
  for (const peer of peers.values()) assert.doesNotMatch(JSON.stringify(peer.got), /s3cret|ann:/);
  const views = room.state.playlist.all.map((item) => JSON.stringify(room.state.views.item(item, people.guest)));
  assert.doesNotMatch(views.join(), /s3cret|YW5uO/);
  const target = added[0]!.target;
  assert.ok(target.kind === 'link');
  assert.deepEqual(target, {
    kind: 'link',
    url: 'https://a.example/x.m3u8',
    proxy: true,
    headers: { Authorization: `Basic ${Buffer.from('ann:s3cret').toString('base64')}` },
  });
});

test('an editor who does not see the headers of a link keeps them for its addresses, and for no others', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  const url = 'https://a.example/x.mp4';
  const subtitles = [{ name: 'en', url: 'https://a.example/en.srt' }];
  const link = { kind: 'link', url, proxy: true } as const;
  const target = { ...link, subtitles, headers: { 'X-Key': 'k', Referer: 'https://a.example/' } };
  const [added] = await addItems(room, people.owner, [{ target }], { nowMs: 0 });
  const headersAfter = async (change: Partial<Pick<typeof target, 'subtitles'> & { url: string }>) => {
    await editItem(room, people.owner, added!.id, { target });
    const { target: edited } = await editItem(room, people.moderator, added!.id, { target: { ...link, ...change } });
    return edited.kind === 'link' && edited.headers;
  };
  const kept = target.headers;
  for (const same of [{}, { subtitles }, { subtitles: [{ name: 'English', url: subtitles[0]!.url }] }])
    assert.deepEqual(await headersAfter(same), kept, JSON.stringify(same));
  for (const other of [
    { url: 'https://a.example/y.mp4' },
    { subtitles: [{ name: 'en', url: 'https://evil.example/en.srt' }] },
    { subtitles: [...subtitles, { name: 'de', url: 'https://a.example/private/de.srt' }] },
  ])
    assert.equal(await headersAfter(other), undefined, JSON.stringify(other));
});

test('an editor keeps what another key has sealed of the headers of a link, for its addresses', async () => {
  const { test, room } = await openRoom();
  await using _ = test;
  const link = { kind: 'link', url: 'https://a.example/x.mp4', proxy: true } as const;
  const column = JSON.stringify({ ...link, sealedHeaders: 'of-another-key' });
  const [added] = await addItems(room, people.owner, [{ target: openTarget(column, undefined) }], { nowMs: 0 });
  const { target: same } = await editItem(room, people.moderator, added!.id, { name: 'x', target: { ...link } });
  assert.equal(targetColumn(same, undefined), column);
  const { target: other } = await editItem(room, people.owner, added!.id, {
    target: { ...link, url: 'https://b.example/x.mp4' },
  });
  assert.doesNotMatch(targetColumn(other, undefined), /sealed/);
});
