/*
 * Rooms of a whole server: what is written to media ends with it, and a guest who gets an account keeps the
 * place.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { MeView } from '../../src/api/account/access-shapes.ts';
import type { RoomMessage } from '../../src/api/room/messages.ts';
import { type JoinedRecording, recordOverMarks } from '../fixtures/joined-recording.ts';
import { need } from '../fixtures/need.ts';
import { createRoom, enterAsGuest, LastingMember } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'a-token-for-this-test';
const password = 'correct horse battery';

type RoomState = { readonly state: { readonly rev: number; readonly anchorServer: number } };

suite('rooms of a whole server', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let server: Server;
  let recording: JoinedRecording;

  before(async () => {
    folder = await openFolder('rooms');
    recording = await recordOverMarks(folder.path, 4);
    server = await startServer({
      data: folder.path,
      sample: false,
      adminToken: TOKEN,
      args: ['--accounts-sign-up', 'open'],
    });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function send<T>(method: string, path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
    const response = await server.fetch(path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
  const textsOf = async (path: string) =>
    (await server.json<{ items: readonly RoomMessage[] }>(path)).items.map(({ text }) => text);

  test('`may.createRooms` follows `rooms.create`: an administrator may, a guest may not', async () => {
    const guest = await enterAsGuest(server.url, 'Ana');
    const mayCreate = async (headers: Record<string, string>) => {
      const me = await fetch(`${server.url}/api/v1/me`, { headers });
      return ((await me.json()) as MeView).may.createRooms;
    };
    assert.equal(await mayCreate({ authorization: `Bearer ${TOKEN}` }), true);
    assert.equal(await mayCreate(guest), false);
  });

  test('retention deletes the chat with its media, for open pages too; a room may keep it', async () => {
    const { overMarks, newest } = recording;
    const guest = await enterAsGuest(server.url, 'Ben');
    async function openRoom(keepChat: boolean) {
      const id = await createRoom(server, { options: { keepChat } });
      const target = { kind: 'stream', stream: 'joined' };
      const added = await send<{ items: { id: string }[] }>('POST', `/api/v1/rooms/${id}/items`, {
        items: [{ target }],
      });
      const item = added.items[0]!.id;
      const member = new LastingMember(server.url, id, guest);
      for (const [text, command] of [
        ['then', { do: 'item', item, positionMs: overMarks[0].fromMs + 1000 }],
        ['now', { do: 'seek', positionMs: newest.fromMs + 1000 }],
      ] as const) {
        const { state } = await server.json<RoomState>(`/api/v1/rooms/${id}/state`);
        await send('POST', `/api/v1/rooms/${id}/commands`, { ...command, rev: state.rev });
        // A command takes effect in a moment; what is written before that belongs to the picture before it.
        const { state: next } = await server.json<RoomState>(`/api/v1/rooms/${id}/state`);
        await until('the command takes effect', () => Date.now() >= next.anchorServer);
        member.write(`message-${text}`, text);
        await until('the message is committed', () => member.acked.has(`message-${text}`));
      }
      return { id, item, member };
    }
    const rooms = [await openRoom(false), await openRoom(true)] as const;
    using _ = rooms[0].member;
    using __ = rooms[1].member;
    const history = ({ id }: (typeof rooms)[0]) => textsOf(`/api/v1/rooms/${id}/messages`);
    const replay = ({ id, item }: (typeof rooms)[0]) =>
      textsOf(`/api/v1/rooms/${id}/replay?item=${item}&from=${overMarks[0].fromMs}&to=${overMarks[0].toMs}`);
    for (const room of rooms) assert.deepEqual([await history(room), await replay(room)], [['then', 'now'], ['then']]);

    // Windows of ten minutes are deleted as a whole: those before the second mark, however late it is now.
    const keepS = Math.floor((Date.now() - (overMarks[1].fromMs + overMarks[1].toMs) / 2) / 1000);
    await send('PATCH', '/api/v1/streams/joined', { keep: `${keepS}s` });
    await until('the chat is gone with its media', async () => (await history(rooms[0])).length === 1);
    const { spans } = await server.timeline('joined');
    assert.ok(Date.parse(spans[0]!.from) > overMarks[0].toMs, 'the media is gone');
    assert.deepEqual([await history(rooms[0]), await replay(rooms[0])], [['now'], []]);
    assert.deepEqual([await history(rooms[1]), await replay(rooms[1])], [['then', 'now'], ['then']]);
    // Who enters now, into the room that is open, does not get it either.
    using late = new LastingMember(server.url, rooms[0].id, await enterAsGuest(server.url, 'Late'));
    await until('the welcome', () => late.welcomes === 1);
    assert.deepEqual(
      [...late.shown.values()].map(({ text }) => text),
      ['now'],
    );
  });

  test('a guest who signs up keeps the place and the messages; a banned one keeps the ban', async () => {
    const id = await createRoom(server);
    const [ben, eve] = [await enterAsGuest(server.url, 'Ben'), await enterAsGuest(server.url, 'Eve')];
    for (const [name, headers] of Object.entries({ Ben: ben, Eve: eve })) {
      using member = new LastingMember(server.url, id, headers);
      member.write(`message-${name}`, `of ${name}`);
      await until('the message is committed', () => member.acked.has(`message-${name}`));
    }
    type Members = { items: readonly { user: string; name: string; allow: number; role: string; state: string }[] };
    const members = async () => (await server.json<Members>(`/api/v1/rooms/${id}/members`)).items;
    const idOf = async (name: string) => (await members()).find((one) => one.name === name)!.user;
    await send('PATCH', `/api/v1/rooms/${id}/members/${await idOf('Ben')}`, { allow: 2 });
    await send('PATCH', `/api/v1/rooms/${id}/members/${await idOf('Eve')}`, { state: 'banned' });

    const signUp = async (name: string, headers: Record<string, string>) => {
      const response = await fetch(`${server.url}/api/v1/users`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ name, password }),
      });
      const text = await response.text();
      assert.equal(response.status, 201, text);
      const { id: user } = JSON.parse(text) as { id: string };
      return { user, headers: { cookie: response.headers.get('set-cookie')!.split(';')[0]!, origin: server.url } };
    };
    const benjamin = await signUp('Benjamin', ben);
    const evelyn = await signUp('Evelyn', eve);
    const known = new Map((await members()).map((one) => [one.name, one]));
    assert.deepEqual(
      [...known.keys()].filter((name) => name === 'Ben' || name === 'Eve'),
      [],
    );
    const { user, role, allow } = known.get('Benjamin')!;
    assert.deepEqual([user, role, allow], [benjamin.user, 'member', 2]);
    assert.equal(known.get('Evelyn')!.state, 'banned');
    const { items } = await server.json<{ items: readonly RoomMessage[] }>(`/api/v1/rooms/${id}/messages`);
    assert.deepEqual(
      items.map(({ author, name, text }) => [author, name, text]),
      [
        [benjamin.user, 'Benjamin', 'of Ben'],
        [evelyn.user, 'Evelyn', 'of Eve'],
      ],
    );
    const join = (headers: Record<string, string>) =>
      fetch(`${server.url}/api/v1/rooms/${id}/join`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{}',
      });
    assert.equal((await join(benjamin.headers)).status, 200);
    const refused = await join(evelyn.headers);
    assert.equal(((await refused.json()) as { code: string }).code, 'room-banned');
  });
});
