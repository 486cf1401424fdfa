import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomPermission } from '../../../api/room/permissions.ts';
import { asAdmin } from '../../../http/fixture.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { insertRoom, testChats, testRoom, testSender } from '../chat/chat.fixture.ts';
import type { Room } from '../room.ts';
import { startRoomServer } from '../room-server.fixture.ts';
import type { Rooms } from '../rooms.ts';

const T = 1_795_000_000_000;

test('history and replay are read by pages that lose and repeat nothing; polls over the API', async () => {
  await using store = await openTemporaryStore();
  await insertRoom(store.db);
  await using chats = testChats(store.db);
  const room = testRoom();
  const chat = await chats.open(room);
  const members = [testSender('ann'), testSender('ben'), testSender('cid')];
  const admin = testSender('admin', ['moderate']);
  const may = (_user: unknown, permission: RoomPermission) => admin.may(permission);
  const state = { record: { id: 'cinema' }, members: { find: () => undefined }, may };
  const fake = { state, assertHere() {}, admit() {} } as unknown as Room;
  await using server = await startRoomServer({ chats, rooms: { get: async () => fake } as unknown as Rooms });
  const ask = async (path: string, method = 'GET', body?: object) => {
    const reply = await fetch(`${server.url}/api/v1/rooms/cinema/${path}`, {
      method,
      headers: { ...asAdmin, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) };
  };

  for (let n = 0; n < 12; n++) {
    const sender = members[n % 3]!;
    room.at = { item: 'i', target: { kind: 'link', url: 'https://a.example/' }, positionMs: n * 500 };
    const what = n % 4 === 3 ? ({ t: 'danmaku', atMs: n * 500 } as const) : ({ t: 'chat' } as const);
    chat.receive({ ...what, id: `message-${n}`, text: `${n}` }, sender);
    await sender.answer('ack', `message-${n}`);
  }
  const texts = ({ items }: { items: { text: string }[] }) => items.map(({ text }) => text).join();
  const newest = (await ask('messages?limit=5')).body;
  assert.deepEqual([texts(newest), newest.hasMore], ['5,6,8,9,10', true]);
  const older = (await ask(`messages?limit=5&before=${newest.items[0].seq}`)).body;
  assert.deepEqual([texts(older), older.hasMore], ['0,1,2,4', false]);

  let seen = '';
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { status: number; body: { items: { text: string }[]; nextCursor: string | null } } = await ask(
      `replay?item=i&from=500&to=5000&limit=4${cursor && `&cursor=${cursor}`}`,
    );
    assert.equal(page.status, 200);
    seen += `${texts(page.body)};`;
    cursor = page.body.nextCursor;
  }
  assert.equal(seen, '1,2,3,4;5,6,7,8;9;');
  assert.deepEqual((await ask(`replay?item=none&from=0&to=${T}`)).body, { items: [], nextCursor: null });
  for (const query of ['item=i&from=5&to=5', 'item=i&from=a&to=5', 'item=i&from=1&to=5&limit=0', 'from=1&to=5']) {
    assert.equal((await ask(`replay?${query}`)).status, 400, query);
  }

  const poll = await ask('polls', 'POST', { question: 'Next?', choices: ['a', 'b'] });
  assert.deepEqual([poll.status, poll.body.own], [201, []]);
  assert.equal((await ask('polls')).body.items.length, 1);
  assert.equal((await ask('polls', 'POST', { question: 'Next?', choices: ['a'] })).status, 400);
  assert.equal((await ask(`polls/${poll.body.id}/close`, 'POST')).body.closed, true);
  assert.equal((await ask(`polls/${poll.body.id}`, 'DELETE')).status, 204);
  assert.equal((await ask(`polls/${poll.body.id}`, 'DELETE')).status, 404);
  assert.equal((await fetch(`${server.url}/api/v1/rooms/cinema/messages`)).status, 401);
  await chat.close();
});
