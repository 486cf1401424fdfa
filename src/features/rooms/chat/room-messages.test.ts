/** The chat of a room on a database: order, acknowledgement, repetition, limits, moderation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomMessage } from '../../../api/room/messages.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { insertItem, insertRoom, type TestRoom, testChats, testRoom, testSender } from './chat.fixture.ts';

const ID = 'message-';
const shown = (room: TestRoom): RoomMessage[] => room.sent.flatMap((one) => (one.t === 'message' ? [one.message] : []));
const changed = (room: TestRoom): RoomMessage[] =>
  room.sent.flatMap((one) => (one.t === 'changed' ? [one.message] : []));

async function openRoom() {
  const store = await openTemporaryStore();
  await insertRoom(store.db);
  const clock = createManualClock();
  const chats = testChats(store.db, clock);
  const room = testRoom();
  const chat = await chats.open(room);
  return {
    store,
    clock,
    chats,
    room,
    chat,
    async [Symbol.asyncDispose]() {
      await chat.close();
      await chats[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

test('a message is delivered at once, in order, and acknowledged when it is stored', async () => {
  await using open = await openRoom();
  const { chat, room, chats } = open;
  const ann = testSender();
  for (let n = 0; n < 5; n++) chat.receive({ t: 'chat', id: `${ID}${n}`, text: `line ${n}` }, ann);
  assert.deepEqual(
    shown(room).map(({ text }) => text),
    ['line 0', 'line 1', 'line 2', 'line 3', 'line 4'],
  );
  assert.equal(ann.got.length, 0, 'nothing is acknowledged before the commit');
  await ann.answer('ack', `${ID}4`);
  const stored = await chats.before('cinema', Number.MAX_SAFE_INTEGER, 10);
  assert.deepEqual(stored, shown(room));
  assert.deepEqual(
    ann.got.map((one) => one.t === 'ack' && one.seq),
    shown(room).map(({ seq }) => seq),
  );
});

test('a message that is sent again gets the same number and is shown once, before and after its commit', async () => {
  await using open = await openRoom();
  const { chat, room } = open;
  const [ann, again] = [testSender(), testSender()];
  chat.receive({ t: 'chat', id: `${ID}a`, text: 'hello' }, ann);
  chat.receive({ t: 'chat', id: `${ID}a`, text: 'hello', again: true }, again);
  const first = await ann.answer('ack');
  assert.deepEqual(await again.answer('ack'), first);
  const third = testSender();
  chat.receive({ t: 'chat', id: `${ID}a`, text: 'hello' }, third);
  assert.deepEqual(await third.answer('ack'), first);
  assert.equal(shown(room).length, 1);
  const ben = testSender('ben');
  chat.receive({ t: 'chat', id: `${ID}a`, text: 'mine' }, ben);
  await ben.answer('ack');
  assert.equal(shown(room).length, 2, 'another author may use the same id');
});

test('a message of long ago that is sent again is found in the table, and later ones of its author wait for it', async () => {
  await using open = await openRoom();
  const { store, chat, clock } = open;
  const ann = testSender();
  chat.receive({ t: 'chat', id: `${ID}old`, text: 'old' }, ann);
  const { seq } = (await ann.answer('ack')) as { seq: number };
  for (let n = 0; n < 1100; n++) {
    const other = testSender(`other${n}`);
    chat.receive({ t: 'chat', id: `${ID}${n}`, text: 'x' }, other);
    if (n % 300 === 0) await other.answer('ack');
  }
  clock.advance(10_000);
  await chat.close();
  const chats = testChats(store.db, clock);
  const room = testRoom();
  const reopened = await chats.open(room);
  reopened.receive({ t: 'chat', id: `${ID}old`, text: 'old', again: true }, ann);
  reopened.receive({ t: 'chat', id: `${ID}new`, text: 'new' }, ann);
  assert.equal(shown(room).length, 0);
  await ann.answer('ack', `${ID}new`);
  assert.deepEqual(
    ann.got.map((one) => one.t === 'ack' && one.seq),
    [seq, seq, shown(room)[0]!.seq],
  );
  assert.deepEqual(
    shown(room).map(({ text }) => text),
    ['new'],
  );
  // A client that does not say `again`: the table refuses it, and what was delivered is withdrawn.
  const careless = testSender();
  reopened.receive({ t: 'chat', id: `${ID}0`, text: 'x' }, { ...careless, user: testSender('other0').user });
  assert.equal(((await careless.answer('ack')) as { seq: number }).seq, seq + 1);
  assert.deepEqual(
    changed(room).map(({ deleted, text }) => [deleted, text]),
    [[true, '']],
  );
  await reopened.close();
  await chats[Symbol.asyncDispose]();
});

test('a connection resumes after a number: up to 200 messages, and a gap if there were more', async () => {
  await using open = await openRoom();
  const { chat, room } = open;
  let last = testSender();
  for (let n = 0; n < 250; n++) {
    last = testSender(`p${n}`);
    chat.receive({ t: 'chat', id: `${ID}${n}`, text: `${n}` }, last);
  }
  await last.answer('ack');
  const seqs = shown(room).map(({ seq }) => seq);
  const near = chat.history(seqs[99], 'u');
  assert.deepEqual([near.messages.length, near.gap, near.messages[0]!.text], [150, false, '100']);
  const far = chat.history(seqs[0], 'u');
  assert.deepEqual([far.messages.length, far.gap, far.messages[0]!.text], [200, true, '50']);
  const fresh = chat.history(undefined, 'u');
  assert.deepEqual([fresh.messages.length, fresh.gap, fresh.lastSeq], [100, false, seqs.at(-1)]);
  assert.deepEqual(chat.history(fresh.lastSeq, 'u').messages, []);
});

test('slow mode refuses the second message with the time to wait; moderators and danmaku are exempt', async () => {
  await using open = await openRoom();
  const { chat, room, clock } = open;
  room.slowModeSeconds = 30;
  const ann = testSender();
  const moderator = testSender('mod', ['moderate']);
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a' }, ann);
  clock.advance(10_000);
  chat.receive({ t: 'chat', id: `${ID}2`, text: 'b' }, ann);
  const refused = await ann.answer('refused', `${ID}2`);
  assert.deepEqual(refused, {
    t: 'refused',
    id: `${ID}2`,
    code: 'slow-mode',
    detail: 'Slow mode: one message in 30 s.',
    retryAfterMs: 20_000,
  });
  for (let n = 0; n < 3; n++) chat.receive({ t: 'chat', id: `${ID}m${n}`, text: 'm' }, moderator);
  chat.receive({ t: 'danmaku', id: `${ID}d`, text: 'd', atMs: 0 }, ann);
  clock.advance(20_000);
  chat.receive({ t: 'chat', id: `${ID}2`, text: 'b' }, ann);
  await ann.answer('ack', `${ID}2`);
  assert.equal(shown(room).length, 6);
});

test('a clock that is set back holds up no one who writes', async () => {
  await using open = await openRoom();
  const { chat, room, clock } = open;
  room.slowModeSeconds = 5;
  const ann = testSender();
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a' }, ann);
  for (let n = 0; n < 4; n++) chat.receive({ t: 'danmaku', id: `${ID}d${n}`, text: 'd', atMs: 0 }, ann);
  clock.step(-3_600_000);
  clock.advance(6000);
  chat.receive({ t: 'chat', id: `${ID}2`, text: 'b' }, ann);
  chat.receive({ t: 'danmaku', id: `${ID}d9`, text: 'd', atMs: 0 }, ann);
  await ann.answer('ack', `${ID}2`);
  await ann.answer('ack', `${ID}d9`);
});

test('muted members, members without the permission and floods are refused', async () => {
  await using open = await openRoom();
  const { chat, room, clock } = open;
  const ann = testSender();
  ann.mutedUntilMs = clock.nowMs() + 5000;
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a' }, ann);
  chat.receive({ t: 'danmaku', id: `${ID}2`, text: 'a', atMs: 0 }, ann);
  assert.deepEqual(
    ann.got.map((one) => one.t === 'refused' && one.code),
    ['muted', 'muted'],
  );
  const silent = { ...testSender('sid'), may: () => false };
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a' }, silent);
  assert.equal(silent.got[0]!.t === 'refused' && silent.got[0].code, 'forbidden');
  const ben = testSender('ben');
  for (let n = 0; n < 50; n++) chat.receive({ t: 'chat', id: `${ID}f${n}`, text: 'f' }, ben);
  assert.equal(ben.got.filter((one) => one.t === 'refused' && one.code === 'too-many-requests').length, 42);
  for (let n = 0; n < 100; n++) {
    chat.receive({ t: 'danmaku', id: `${ID}d${n}`, text: 'd', atMs: 0 }, testSender(`p${n % 50}`));
  }
  assert.equal(shown(room).filter(({ kind }) => kind === 'danmaku').length, 20, 'danmaku of a room at a time');
});

test('authors and moderators delete a message; its text leaves the table', async () => {
  await using open = await openRoom();
  const { chat, room, chats } = open;
  const [ann, ben, moderator] = [testSender(), testSender('ben'), testSender('mod', ['moderate'])];
  for (const id of ['1', '2']) chat.receive({ t: 'chat', id: `${ID}${id}`, text: 'secret @ben' }, ann);
  await ann.answer('ack', `${ID}2`);
  const [first, second] = shown(room);
  assert.deepEqual(first!.mentions, ['u-ben']);
  chat.receive({ t: 'delete', seq: first!.seq }, ben);
  assert.equal(((await ben.answer('refused')) as { code: string }).code, 'forbidden');
  chat.receive({ t: 'delete', seq: first!.seq }, ann);
  chat.receive({ t: 'delete', seq: second!.seq }, moderator);
  chat.receive({ t: 'delete', seq: 99_999 }, moderator);
  assert.equal(((await moderator.answer('refused')) as { code: string }).code, 'message-unknown');
  assert.deepEqual(
    changed(room).map(({ seq, text, deleted }) => [seq, text, deleted]),
    [
      [first!.seq, '', true],
      [second!.seq, '', true],
    ],
  );
  chat.receive({ t: 'chat', id: `${ID}3`, text: 'next' }, ann);
  await ann.answer('ack', `${ID}3`);
  const stored = await chats.before('cinema', Number.MAX_SAFE_INTEGER, 10);
  assert.deepEqual(
    stored.map(({ text, deleted, mentions }) => [text, deleted, mentions]),
    [
      ['', true, undefined],
      ['', true, undefined],
      ['next', undefined, undefined],
    ],
  );
});

test('reactions count once for each user and emoji, and only emoji are reactions', async () => {
  await using open = await openRoom();
  const { chat, room, chats } = open;
  const [ann, ben] = [testSender(), testSender('ben')];
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a' }, ann);
  await ann.answer('ack');
  const { seq } = shown(room)[0]!;
  for (const sender of [ann, ben, ben]) chat.receive({ t: 'react', seq, emoji: '👍', on: true }, sender);
  chat.receive({ t: 'react', seq, emoji: '🎉', on: true }, ann);
  chat.receive({ t: 'react', seq, emoji: '🎉', on: false }, ann);
  chat.receive({ t: 'react', seq, emoji: 'no', on: true }, ben);
  assert.equal(((await ben.answer('refused')) as { code: string }).code, 'bad-request');
  chat.receive({ t: 'chat', id: `${ID}2`, text: 'b' }, ann);
  await ann.answer('ack', `${ID}2`);
  const [stored] = await chats.before('cinema', Number.MAX_SAFE_INTEGER, 10);
  assert.deepEqual(stored!.reactions, { '👍': ['u-ann', 'u-ben'] });
  assert.deepEqual(changed(room)[0]!.seq, seq);
});

test('a message has the place in its media; a position that cannot be right is replaced by that of the room', async () => {
  await using open = await openRoom();
  const { chat, room, chats } = open;
  room.at = { item: 'i1', target: { kind: 'stream', stream: 'door' }, positionMs: 1_795_000_000_000 };
  const ann = testSender();
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a', atMs: 1_794_999_998_000 }, ann);
  chat.receive({ t: 'danmaku', id: `${ID}2`, text: 'b', atMs: 5 }, ann);
  room.at = { item: 'i2', target: { kind: 'asset', asset: 'film' }, positionMs: 2000 };
  chat.receive({ t: 'chat', id: `${ID}3`, text: 'c' }, ann);
  await ann.answer('ack', `${ID}3`);
  assert.deepEqual(
    shown(room).map(({ item, atMs }) => [item, atMs]),
    [
      ['i1', 1_794_999_998_000],
      ['i1', 1_795_000_000_000],
      ['i2', 2000],
    ],
  );
  await insertItem(open.store.db, 'i1', { kind: 'stream', stream: 'door' });
  await insertItem(open.store.db, 'i9', { kind: 'range', stream: 'door', fromMs: 0, toMs: 1 });
  const us = 1_795_000_000_000_000;
  for (const item of ['i1', 'i9']) {
    const live = await chats.replay('cinema', item, { fromUs: us - 5_000_000, toUs: us + 1, limit: 10 });
    assert.deepEqual(
      live.map(({ text }) => text),
      ['a', 'b'],
      `${item}: messages belong to the stream, not to the entry`,
    );
  }
  await insertItem(open.store.db, 'i2', { kind: 'asset', asset: 'film' });
  const film = await chats.replay('cinema', 'i2', { fromUs: 0, toUs: 3_000_000, limit: 10 });
  assert.deepEqual(
    film.map(({ text }) => text),
    ['c'],
  );
});

test('a transaction that fails refuses its messages and withdraws them; the client may send them again', async () => {
  await using open = await openRoom();
  const { store, room } = open;
  const failures: unknown[] = [];
  const { Chats } = await import('./chats.ts');
  const broken = new Chats({
    db: store.db,
    clock: open.clock,
    streamId: () => undefined,
    failed: (error) => failures.push(error),
  });
  const chat = await broken.open(room);
  await store.db.schema.alterTable('room_message').renameTo('gone').execute();
  const ann = testSender();
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a' }, ann);
  const refused = await ann.answer('refused', `${ID}1`);
  assert.equal(refused.t === 'refused' && refused.code, 'not-ready');
  assert.equal(failures.length, 1);
  assert.deepEqual(
    changed(room).map(({ deleted }) => deleted),
    [true],
  );
  assert.deepEqual(chat.history(undefined, 'u').messages, []);
  await store.db.schema.alterTable('gone').renameTo('room_message').execute();
  chat.receive({ t: 'chat', id: `${ID}1`, text: 'a', again: true }, ann);
  await ann.answer('ack', `${ID}1`);
  assert.equal(shown(room).length, 2);
  await chat.close();
  await broken[Symbol.asyncDispose]();
});
