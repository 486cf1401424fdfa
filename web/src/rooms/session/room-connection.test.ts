import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { roomCloseCodes, type ServerMessage } from '../../../../src/api/room/messages.ts';
import { FakeSocket, welcome } from './room.fixture.ts';
import { pauseBefore, RoomConnection, type RoomStatus } from './room-connection.ts';

/** A connection whose pauses the test ends. */
function setUp(context: { after(end: () => void): void }) {
  const sockets: FakeSocket[] = [];
  const statuses: RoomStatus[] = [];
  const received: ServerMessage[] = [];
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  const connection = new RoomConnection({
    openSocket: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    hello: () => ({ t: 'hello' }),
    onMessage: (message) => received.push(message),
    onStatus: (status) => statuses.push(status),
    random: () => 1,
    pause: (ms, signal) =>
      new Promise((resolve) => {
        pauses.push({ ms, end: resolve });
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
  });
  const ends = new AbortController();
  context.after(() => ends.abort());
  const kept = connection.keep(ends.signal);
  const open = () => {
    sockets.at(-1)!.opened();
    sockets.at(-1)!.says(welcome());
  };
  return { connection, sockets, statuses, received, pauses, ends, kept, open };
}

test('a member is back within 5 s of a restart, and not all at the same moment', () => {
  for (let failed = 0; failed < 40; failed++) assert.ok(pauseBefore(failed, 1) <= 4_000);
  assert.equal(pauseBefore(0, 1), 200);
  assert.ok(pauseBefore(0, 0) < pauseBefore(0, 1));
});

test('for ten seconds it is tried often: another node takes a room over within seconds', () => {
  let triedForMs = 0;
  for (let failed = 0; triedForMs < 10_000; failed++) {
    assert.ok(pauseBefore(failed, 1) <= 1_200);
    triedForMs += pauseBefore(failed, 1);
  }
  assert.equal(pauseBefore(40, 1), 4_000);
});

test('a room that has moved to another node is opened again without a request of the viewer', async (context) => {
  const { sockets, statuses, open } = setUp(context);
  open();
  sockets[0]!.says({ t: 'bye', reason: 'moved', detail: 'The room is on another node now.' });
  sockets[0]!.closed(roomCloseCodes.moved);
  await turn();
  assert.deepEqual(statuses.at(-1), { is: 'waiting', failed: 0, inMs: 200, pending: false });
});

test('each connection begins with a hello, and is open after the welcome', async (context) => {
  const { connection, sockets, statuses, open } = setUp(context);
  assert.equal(connection.send({ t: 'clock', c: 1 }), false);
  open();
  assert.deepEqual(sockets[0]!.sent, [{ t: 'hello' }]);
  assert.deepEqual(statuses, [{ is: 'connecting' }, { is: 'open' }]);
  assert.equal(connection.send({ t: 'clock', c: 1 }), true);
});

test('a lost connection is opened again, after longer pauses while that fails', async (context) => {
  const { connection, sockets, statuses, pauses, open } = setUp(context);
  open();
  sockets[0]!.closed(1006);
  await turn();
  assert.deepEqual(statuses.at(-1), { is: 'waiting', failed: 0, inMs: 200, pending: false });
  assert.equal(connection.isOpen, false);
  pauses.at(-1)!.end();
  await turn();
  sockets[1]!.closed(1006);
  await turn();
  assert.deepEqual(statuses.at(-1), { is: 'waiting', failed: 1, inMs: 400, pending: false });
  pauses.at(-1)!.end();
  await turn();
  open();
  sockets[2]!.closed(roomCloseCodes.stopping);
  await turn();
  assert.deepEqual(statuses.at(-1), { is: 'waiting', failed: 0, inMs: 200, pending: false });
});

test('without a network the connection is lost at once, and opened again when there is one', async (context) => {
  const { connection, sockets, statuses, open } = setUp(context);
  open();
  connection.offline();
  await turn();
  assert.deepEqual(statuses.at(-1), { is: 'waiting', failed: 0, inMs: 200, pending: false });
  assert.deepEqual([connection.isOpen, sockets[0]!.readyState], [false, 3]);
  connection.offline();
  connection.again();
  await turn();
  open();
  assert.deepEqual([sockets.length, statuses.at(-1)], [2, { is: 'open' }]);
});

test('when the network is back nothing is waited for', async (context) => {
  const { connection, sockets } = setUp(context);
  sockets[0]!.closed(1006);
  await turn();
  connection.again();
  await turn();
  assert.equal(sockets.length, 2);
});

test('a connection that says nothing is asked, and given up without an answer', async (context) => {
  const { sockets, pauses, open } = setUp(context);
  open();
  pauses.at(-1)!.end(); // the longest silence
  await turn();
  assert.deepEqual(sockets[0]!.sent.at(-1), { t: 'clock', c: 0 });
  assert.equal(sockets[0]!.readyState, 1);
  assert.equal(pauses.at(-1)!.ms, 3_000);
  pauses.at(-1)!.end();
  await turn();
  assert.equal(sockets[0]!.readyState, 3);
  pauses.at(-1)!.end();
  await turn();
  assert.equal(sockets.length, 2);
});

test('a page in the background, whose timers are a minute late, keeps a connection that answers', async (context) => {
  const { sockets, pauses, open } = setUp(context);
  open();
  for (let minutes = 0; minutes < 5; minutes++) {
    const late = pauses.at(-1)!;
    late.end();
    await turn();
    sockets[0]!.says({ t: 'clock', c: 0, serverMs: 0 });
    await turn();
    assert.notEqual(pauses.at(-1), late);
  }
  assert.equal(sockets.length, 1);
  assert.equal(sockets[0]!.readyState, 1);
});

for (const reason of ['kicked', 'banned', 'gone', 'full', 'password', 'forbidden', 'signedOut', 'misuse'] as const) {
  test(`after '${reason}' nothing is tried before the viewer asks for it`, async (context) => {
    const { connection, sockets, statuses } = setUp(context);
    sockets[0]!.opened();
    sockets[0]!.says({ t: 'bye', reason, detail: 'Because.' });
    sockets[0]!.closed(roomCloseCodes[reason]);
    await turn();
    assert.deepEqual(statuses.at(-1), { is: 'refused', reason, detail: 'Because.' });
    await turn();
    assert.equal(sockets.length, 1);
    connection.again();
    await turn();
    assert.equal(sockets.length, 2);
  });
}

test('who waits for a moderator asks again by itself', async (context) => {
  const { sockets, statuses } = setUp(context);
  sockets[0]!.closed(roomCloseCodes.pending);
  await turn();
  assert.deepEqual(statuses.at(-1), { is: 'waiting', failed: 0, inMs: 5_000, pending: true });
});

test('the end of the page ends the connection, also while it connects', async (context) => {
  const { sockets, statuses, ends, kept } = setUp(context);
  ends.abort();
  await kept;
  assert.deepEqual(statuses.at(-1), { is: 'closed' });
  sockets[0]!.opened();
  assert.equal(sockets[0]!.readyState, 3, 'closed as soon as that causes no error in the console');
  assert.deepEqual(sockets[0]!.sent, []);
});
