/** The chat of all rooms: what leaves with media and accounts, and what a user gets of their own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../../lib/clock.ts';
import { RowChanges } from '../../../store/row-changes.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { insertRoom, testChats, testRoom, testSender } from './chat.fixture.ts';

const T = 1_795_000_000_000;

async function openRooms() {
  const store = await openTemporaryStore();
  for (const id of ['cinema', 'pub']) await insertRoom(store.db, id);
  const chats = testChats(store.db);
  const rooms = [testRoom('cinema'), testRoom('pub')] as const;
  const [cinema, pub] = await Promise.all([chats.open(rooms[0]), chats.open(rooms[1])]);
  return {
    store,
    chats,
    cinema,
    pub,
    rooms,
    async [Symbol.asyncDispose]() {
      await cinema.close();
      await pub.close();
      await chats[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

test('what was written to deleted media is gone for new members too, although the room is open', async () => {
  await using open = await openRooms();
  const { chats, cinema, rooms } = open;
  const ann = testSender();
  for (const [n, positionMs] of [T, T + 60_000].entries()) {
    rooms[0].at = { item: 'i', target: { kind: 'stream', stream: 'door' }, positionMs };
    cinema.receive({ t: 'chat', id: `message-${n}`, text: `${n}` }, ann);
    await ann.answer('ack', `message-${n}`);
  }
  assert.equal(await chats.removeBefore('id-door', (T + 60_000) * 1000, []), 1);
  assert.deepEqual(
    cinema.history(undefined, 'u').messages.map(({ text }) => text),
    ['1'],
  );
  assert.equal(await chats.removeBefore('id-other', (T + 90_000) * 1000, []), 0);
});

test('what was written to deleted media is gone in a room that another node has', async () => {
  await using store = await openTemporaryStore();
  await insertRoom(store.db, 'cinema');
  const clock = createManualClock();
  const nodes = ['of the stream', 'of the room'].map(() => {
    const changes = new RowChanges({ db: store.db, clock, failed: assert.ifError });
    return { changes, chats: testChats(store.db, clock, changes) };
  });
  const [streams, rooms] = [nodes[0]!, nodes[1]!];
  streams.changes.tellBy(() => rooms.changes.look());
  const room = testRoom('cinema');
  const cinema = await rooms.chats.open(room);
  room.at = { item: 'i', target: { kind: 'stream', stream: 'door' }, positionMs: T };
  const ann = testSender();
  cinema.receive({ t: 'chat', id: 'message-1', text: 'then' }, ann);
  await ann.answer('ack', 'message-1');
  assert.equal(cinema.history(undefined, 'u').messages.length, 1);
  assert.equal(await streams.chats.removeBefore('id-door', (T + 1) * 1000, []), 1);
  assert.deepEqual(cinema.history(undefined, 'u').messages, []);
  await cinema.close();
  for (const { chats } of nodes) await chats[Symbol.asyncDispose]();
});

test('a user exports what they wrote in all rooms; after the account is deleted it has no author', async () => {
  await using open = await openRooms();
  const { chats, cinema, pub } = open;
  const [ann, ben] = [testSender(), testSender('ben')];
  cinema.receive({ t: 'chat', id: 'message-1', text: 'in the cinema' }, ann);
  pub.receive({ t: 'danmaku', id: 'message-1', text: 'in the pub', atMs: 0 }, ann);
  pub.receive({ t: 'chat', id: 'message-1', text: 'of ben' }, ben);
  await Promise.all([ann.answer('ack'), ben.answer('ack')]);
  const own = await Array.fromAsync(chats.messagesOf('u-ann'));
  assert.deepEqual(
    own.map(({ room, kind, text }) => [room, kind, text]),
    [
      ['cinema', 'chat', 'in the cinema'],
      ['pub', 'danmaku', 'in the pub'],
    ],
  );
  // One that is delivered and not committed when the account is deleted loses its author as well.
  cinema.receive({ t: 'chat', id: 'message-2', text: 'the last word' }, ann);
  await chats.anonymize('u-ann');
  assert.deepEqual(await Array.fromAsync(chats.messagesOf('u-ann')), []);
  const stored = await chats.before('cinema', Number.MAX_SAFE_INTEGER, 10);
  assert.deepEqual(
    stored.map(({ author, name, text }) => [author, name, text]),
    [
      ['', '', 'in the cinema'],
      ['', '', 'the last word'],
    ],
  );
  assert.deepEqual(cinema.history(undefined, 'u').messages, stored);
});

test('a room that closes has committed everything: it may be deleted next', async () => {
  await using open = await openRooms();
  const { chats, cinema } = open;
  cinema.receive({ t: 'chat', id: 'message-1', text: 'x' }, testSender());
  await cinema.close();
  assert.equal((await chats.before('cinema', 1e9, 10)).length, 1);
});

/** Ann and a guest write, react, mention and vote; the cinema stays open, what is old is not in memory. */
async function withTraces(open: Awaited<ReturnType<typeof openRooms>>) {
  const { chats, cinema, pub } = open;
  const [ann, ben] = [testSender(), testSender('ben')];
  for (const room of [cinema, pub]) {
    room.receive({ t: 'chat', id: 'message-1', text: 'of ann, to @ben' }, ann);
    const sent = await ann.answer('ack');
    const seq = sent.t === 'ack' ? sent.seq! : 0;
    room.receive({ t: 'react', seq, emoji: '🎉', on: true }, ben);
    room.receive({ t: 'react', seq, emoji: '🎉', on: true }, ann);
    room.receive({ t: 'react', seq, emoji: '👍', on: true }, ben);
    ann.got.length = 0;
  }
  const polls = chats.polls('pub')!;
  const { id } = await polls.create(ben, { question: 'Tea?', choices: ['Yes', 'No'] });
  pub.receive({ t: 'vote', poll: id, choices: [0] }, ben);
  pub.receive({ t: 'vote', poll: id, choices: [1] }, ann);
  await ben.answer('poll');
  await cinema.close(); // committed, and no longer in memory
  return { poll: id };
}

test('after an account is deleted no message, reaction, mention, poll or vote has its id', async () => {
  await using open = await openRooms();
  const { chats, store, pub, rooms } = open;
  await withTraces(open);
  const before = JSON.stringify(await tables(store.db));
  assert.ok(before.includes('u-ben'));
  await chats.anonymize('u-ben');
  await pub.close();
  assert.ok(!JSON.stringify(await tables(store.db)).includes('u-ben'));
  const [message] = await chats.before('cinema', 1e9, 10);
  assert.deepEqual(message?.reactions, { '🎉': ['u-ann'] });
  const [poll] = (await chats.open(rooms[1])).history(undefined, 'u-ann').polls;
  assert.deepEqual([poll?.by, poll?.choices.map(({ votes }) => votes), poll?.own], ['', [0, 1], [1]]);
});

test('a guest who has an account now is its author, voter and mentioned person everywhere', async () => {
  await using open = await openRooms();
  const { chats, store, pub, rooms } = open;
  await withTraces(open);
  pub.receive({ t: 'chat', id: 'message-2', text: 'of ben' }, testSender('ben'));
  await chats.mergeGuest('u-ben', { id: 'u-carl', name: 'Carl' }, ['cinema', 'pub']);
  await pub.close();
  assert.ok(!JSON.stringify(await tables(store.db)).includes('u-ben'));
  assert.deepEqual((await chats.before('cinema', 1e9, 10))[0]?.reactions, {
    '🎉': ['u-carl', 'u-ann'],
    '👍': ['u-carl'],
  });
  assert.deepEqual(
    (await chats.before('pub', 1e9, 10)).map(({ author, name, mentions }) => [author, name, mentions]),
    [
      ['u-ann', 'ann', ['u-carl']],
      ['u-carl', 'Carl', undefined],
    ],
  );
  const [poll] = (await chats.open(rooms[1])).history(undefined, 'u-carl').polls;
  assert.deepEqual([poll?.by, poll?.own], ['u-carl', [0]]);
});

async function tables(db: Awaited<ReturnType<typeof openTemporaryStore>>['db']): Promise<unknown> {
  return [
    await db.selectFrom('room_message').selectAll().execute(),
    await db.selectFrom('room_poll').selectAll().execute(),
  ];
}
