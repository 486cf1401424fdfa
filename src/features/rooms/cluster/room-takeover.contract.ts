/**
 * What rooms keep when their owner dies, is paused, or gives them away: two nodes over one database, with the
 * real chat.
 * In: a way to open an empty database. Out: a test suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { permissionBits } from '../../../api/room/permissions.ts';
import { openTestCluster, type TestCluster, type TestNode } from '../../../cluster/placement/placement.fixture.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { engineOf } from '../../../store/engine.ts';
import type { Tables } from '../../../store/schema.ts';
import type { OpenDatabase } from '../../../store/store.fixture.ts';
import { Chats } from '../chat/chats.ts';
import { rowOf } from '../chat/message-row.ts';
import { MessageTable } from '../chat/message-table.ts';
import { editRoom } from '../edit-room.ts';
import { changeMember } from '../members/moderation.ts';
import { addItems } from '../playlist/edit-playlist.ts';
import type { Room } from '../room.ts';
import { chatSenderOf } from '../room-chat.ts';
import { aConnection, aUser, createConnections, testMedia } from '../rooms.fixture.ts';
import { Rooms } from '../rooms.ts';
import { RoomTables } from '../stored/room-tables.ts';

const ann = aUser('ann');
const ben = aUser('ben');

/** A node with its rooms. */
interface Node {
  readonly rooms: Rooms;
  readonly chats: Chats;
  readonly placement: TestNode;
  /** Errors that were not refusals of writes. */
  readonly failures: unknown[];
}

/** Nodes `a` and `b` over an empty database. */
async function openNodes(open: OpenDatabase, { isRoomNode = true } = {}) {
  await using opened = new AsyncDisposableStack();
  const { db } = opened.use(await open());
  const clock = createManualClock();
  const cluster: TestCluster = openTestCluster(db);
  const openNode = (name: string, takes = true): Node => {
    const placement = cluster.join(name, takes);
    const failures: unknown[] = [];
    const failed = (error: unknown) => void failures.push(error);
    const chats = opened.use(new Chats({ db, node: name, clock, streamId: () => undefined, failed }));
    const rooms = new Rooms({
      tables: new RoomTables(db, name),
      placement,
      clock,
      failed,
      media: testMedia(new Map()),
      createConnections,
      openChat: (room) => chats.open(room),
      settings: () => ({ create: 'users', max: 100, perUser: 10, capacity: 200, keep: 30 * 86_400_000 }),
      events: { publish: () => undefined },
    });
    opened.defer(() => rooms.close());
    return { rooms, chats, placement, failures };
  };
  const [a, b] = [openNode('a'), openNode('b', isRoomNode)];
  /** Every row of every room. */
  const dump = async () => ({
    rooms: await db.selectFrom('room').selectAll().orderBy('id').execute(),
    members: await db.selectFrom('room_member').selectAll().orderBy('user_id').execute(),
    items: await db.selectFrom('room_item').selectAll().orderBy('id').execute(),
    messages: await db.selectFrom('room_message').selectAll().orderBy('seq').execute(),
    polls: await db.selectFrom('room_poll').selectAll().orderBy('id').execute(),
  });
  const owned = opened.move();
  return { db, clock, cluster, a, b, dump, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A connection with its place in a room. */
function enter(room: Room, user = ann) {
  const connection = aConnection(user);
  const waiting = new Set<() => void>();
  const after = <A extends unknown[]>(call: (...given: A) => void) => {
    return (...given: A) => {
      call(...given);
      for (const check of waiting) check();
    };
  };
  const until = (isTrue: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!isTrue()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  const seat = room.enter({ ...connection, send: after(connection.send), close: after(connection.close) });
  return {
    ...connection,
    seat,
    /** Sends a message that may be acknowledged. */
    post: (text: string, id: string, again?: true) => seat.receive({ t: 'chat', id, text, ...(again && { again }) }),
    /** Number of an acknowledged message. */
    async seqOf(id: string): Promise<number> {
      const ack = () => connection.of('ack').find((one) => one.id === id);
      await until(() => ack() !== undefined);
      return ack()!.seq!;
    },
    /** Resolves when the server has ended the connection. */
    ended: () => until(() => connection.closed.length > 0),
  };
}

const idOf = (n: number) => `message-of-the-test-${n}`;

/** Every database runs this suite. */
export function roomTakeoverContract(name: string, open: OpenDatabase): void {
  suite(`rooms of a cluster on ${name}`, () => {
    test('a room continues on the node that takes it over: position, people, and every acknowledged message, once', async () => {
      await using nodes = await openNodes(open);
      const { a, b, clock, cluster } = nodes;
      const room = await a.rooms.create(ann, { name: 'Room' });
      const { id } = room.state.record;
      const [ofAnn, ofBen] = [enter(room), enter(room, ben)];
      const [film] = await addItems(room, ann, [{ target: { kind: 'asset', asset: 'film' } }], { nowMs: 0 });
      await room.state.command({ do: 'item', item: film!.id, rev: room.state.playback.state.rev }, ann);
      await changeMember(room, ann, 'ben', { role: 'moderator' });
      for (const n of [1, 2]) ofBen.post(`message ${n}`, idOf(n));
      const acknowledged = [await ofBen.seqOf(idOf(1)), await ofBen.seqOf(idOf(2))];
      await room.state.command({ do: 'seek', positionMs: 20_000, rev: room.state.playback.state.rev }, ann);
      a.rooms.tick(); // a command is written at once, not with the next second
      await room.changes.save();
      a.placement.isPaused = true;
      clock.advance(7_000);
      const expectedMs = room.state.playback.positionMs;
      assert.ok(expectedMs > 26_000, `${expectedMs}`);
      await cluster.takeOver('a', 'b');
      ofAnn.post('not acknowledged', idOf(3)); // the paused node takes it, and cannot store it

      const taken = await b.rooms.get(id);
      assert.equal(taken.state.playback.positionMs, expectedMs);
      assert.deepEqual([taken.state.playback.state.playing, taken.state.playback.state.item], [true, film!.id]);
      assert.ok(taken.state.playback.state.rev > room.state.playback.state.rev, 'no rev is used twice');
      assert.equal(taken.state.members.roleOf(ben), 'moderator');
      await ofAnn.ended();
      assert.deepEqual(ofAnn.of('refused'), []);
      const again = [enter(taken), enter(taken, ben)] as const;
      const welcome = again[0].of('welcome')[0]!;
      assert.deepEqual(
        welcome.messages.map(({ seq, text }) => [seq, text]),
        acknowledged.map((seq, at) => [seq, `message ${at + 1}`]),
      );
      again[1].post('message 2', idOf(2), true);
      again[0].post('not acknowledged', idOf(3), true);
      assert.equal(await again[1].seqOf(idOf(2)), acknowledged[1]);
      const seq = await again[0].seqOf(idOf(3));
      const shown = room.chat.history(undefined, 'ann').messages.at(-1)!;
      assert.ok(seq > shown.seq, 'the number that the other node gave it is not used');
      const { messages } = await nodes.dump();
      assert.deepEqual(
        messages.map((row) => row.client_id),
        [idOf(1), idOf(2), idOf(3)],
      );
    });

    test('a node that was paused and wakes up writes nothing over the new owner, and closes the room', async () => {
      await using nodes = await openNodes(open);
      const { a, b, clock, cluster } = nodes;
      const old = await a.rooms.create(ann, { name: 'Room' });
      const { id } = old.state.record;
      const [ofAnn, ofBen] = [enter(old), enter(old, ben)];
      const [film, other] = await addItems(
        old,
        ann,
        ['film', 'other'].map((asset) => ({ target: { kind: 'asset' as const, asset } })),
        { nowMs: 0 },
      );
      ofBen.post('first', idOf(1));
      const first = await ofBen.seqOf(idOf(1));
      const poll = await a.chats.polls(id)!.create(
        chatSenderOf(old.state, ann, () => {}),
        { question: '?', choices: ['a', 'b'] },
      );
      await old.changes.save();
      a.placement.isPaused = true;
      await cluster.takeOver('a', 'b');
      const taken = await b.rooms.get(id);
      const onB = enter(taken);
      await taken.state.command({ do: 'item', item: film!.id, rev: taken.state.playback.state.rev }, ann);
      onB.post('of the new owner', idOf(2));
      const second = await onB.seqOf(idOf(2));
      await taken.changes.save();
      const before = await nodes.dump();

      const refused = { code: 'room-moved' };
      clock.advance(1_000);
      ofBen.post('of the old owner', idOf(3));
      ofBen.seat.receive({ t: 'react', seq: first, emoji: '👍', on: true });
      ofAnn.seat.receive({ t: 'delete', seq: first });
      ofAnn.seat.receive({ t: 'vote', poll: poll.id, choices: [0] });
      const tables = new RoomTables(nodes.db, 'a');
      const writes = [
        tables.saveProgress(id, { state: old.state.playback.state, usedMs: clock.nowMs() }),
        tables.update({ ...old.state.record, name: 'Other' }),
        tables.saveMembers(
          id,
          [...old.state.members.all].map((one) => ({ ...one, role: 'guest' }) as const),
        ),
        tables.saveItems(id, [{ ...other!, name: 'Other' }]),
        tables.remove(id),
        editRoom(old, ann, { name: 'Other' }, a.rooms.passwords),
        old.state
          .command({ do: 'item', item: other!.id, rev: old.state.playback.state.rev }, ann)
          .then(() => old.changes.save()),
      ];
      await Promise.all(writes.map((write) => assert.rejects(write, refused)));
      await Promise.all([ofAnn.ended(), ofBen.ended()]);
      assert.deepEqual([ofAnn.closed, ofBen.closed], [['moved'], ['moved']]);
      await assert.rejects(changeMember(old, ann, 'ben', { role: 'moderator' }), refused);
      await a.rooms.close();
      await a.chats[Symbol.asyncDispose]();
      assert.deepEqual(await nodes.dump(), before);
      assert.deepEqual(a.failures, []);

      onB.post('of the new owner', idOf(4));
      const used = old.chat.history(undefined, 'ann').lastSeq;
      assert.ok((await onB.seqOf(idOf(4))) > Math.max(second, used), 'numbers only rise');
    });

    test('of a batch for several rooms, what is written in those of other nodes is left out', async () => {
      await using nodes = await openNodes(open);
      const { a, db } = nodes;
      const [own, other] = [await a.rooms.create(ann, { name: 'Own' }), await a.rooms.create(ann, { name: 'Other' })];
      await a.placement.give('room', other.state.record.id, 'b');
      const table = new MessageTable(db, 'a');
      const rows = [own, other].map(({ state: { record } }) =>
        rowOf(
          record.id,
          { seq: 9, id: idOf(9), kind: 'chat', author: 'ann', name: 'Ann', text: 'Hello', sentMs: 0 },
          undefined,
        ),
      );
      const { moved } = await table.write({ rows, changes: [], marks: new Map() });
      assert.deepEqual([...moved], [other.state.record.id]);
      assert.deepEqual(
        (await nodes.dump()).messages.map((row) => row.room_id),
        [own.state.record.id],
      );
    });

    test('a room that is given to another node is written first, and its members connect again', async () => {
      await using nodes = await openNodes(open);
      const { a, b } = nodes;
      const room = await a.rooms.create(ann, { name: 'Room' });
      const { id } = room.state.record;
      const ofAnn = enter(room);
      const [film] = await addItems(room, ann, [{ target: { kind: 'asset', asset: 'film' } }], { nowMs: 0 });
      await room.state.command({ do: 'item', item: film!.id, rev: room.state.playback.state.rev }, ann);
      ofAnn.post('in flight', idOf(1));
      const isGiven = a.rooms.give(id, 'b');
      await assert.rejects(a.rooms.get(id), { code: 'room-moved' });
      assert.equal(await isGiven, true);
      assert.deepEqual(ofAnn.closed, ['moved']);
      const given = await b.rooms.get(id);
      assert.equal(given.state.playback.state.item, film!.id);
      assert.deepEqual(
        given.chat.history(undefined, 'ann').messages.map(({ text }) => text),
        ['in flight'],
      );
      assert.equal(await a.rooms.give(id, 'b'), false);
    });

    test('a room without an owner belongs to the node that needs it first, and a deleted room to none', async () => {
      await using nodes = await openNodes(open);
      const { a, b, db } = nodes;
      const { id } = (await a.rooms.create(ann, { name: 'Room' })).state.record;
      await assert.rejects(b.rooms.get(id), { code: 'room-moved' });
      await a.rooms.close();
      await db.deleteFrom('placement').execute();
      await a.placement.forget('room', id);
      await assert.rejects(b.rooms.get('unknown'), { code: 'room-unknown' });
      const got = await Promise.all([b.rooms.get(id), b.rooms.get(id)]);
      assert.equal(got[0], got[1]);
      await b.rooms.remove(id);
      assert.equal(await b.placement.lookUp('room', id), undefined);
      assert.deepEqual(await db.selectFrom('placement').selectAll().execute(), []);
    });

    test('a node without the role creates no room, opens none without an owner, and deletes none', async () => {
      await using nodes = await openNodes(open, { isRoomNode: false });
      const { a, b, clock } = nodes;
      const { id } = (await a.rooms.create(ann, { name: 'Room' })).state.record;
      await a.rooms.close();
      await a.placement.forget('room', id);
      await assert.rejects(b.rooms.create(ann, { name: 'Room' }), { code: 'room-moved' });
      await assert.rejects(b.rooms.get(id), { code: 'room-moved' });
      clock.advance(31 * 86_400_000);
      await b.rooms.sweep();
      assert.equal((await nodes.dump()).rooms.length, 1);
    });

    test('the list of every node has the number of people in rooms of the others', async () => {
      await using nodes = await openNodes(open);
      const { a, b, clock } = nodes;
      const room = await a.rooms.create(ann, { name: 'Room', visibility: 'public' });
      for (const user of [ann, ben, ben]) enter(room, user);
      await room.changes.save();
      const present = async () => (await b.rooms.list({}, { limit: 9 })).rooms.map((one) => one.present);
      assert.deepEqual(await present(), [2]);
      clock.advance(60_000); // its owner writes it every half minute
      assert.deepEqual(await present(), [0]);
    });

    test('an account that is deleted, or a guest who signs in, is known to no node', async () => {
      await using nodes = await openNodes(open);
      const { a, b } = nodes;
      const guest = aUser('guest', 'guest');
      const room = await a.rooms.create(ann, { name: 'Room' });
      const { id } = room.state.record;
      const ofGuest = enter(room, guest);
      enter(room, ben);
      await changeMember(room, ann, 'guest', { allow: permissionBits.approve });
      await changeMember(room, ann, 'ben', { role: 'moderator' });
      await b.rooms.mergeGuest('guest', aUser('carl'));
      for (const { rooms } of [b, a]) await rooms.forgetUser('guest');
      assert.deepEqual(ofGuest.closed, ['moved']);
      for (const { rooms } of [b, a]) await rooms.forgetUser('ann');
      const now = await a.rooms.get(id);
      assert.deepEqual([...now.state.members.all].map(({ user, role, allow }) => [user, role, allow]).sort(), [
        ['ben', 'moderator', 0],
        ['carl', 'member', permissionBits.approve],
      ]);
      assert.equal(now.state.record.owner, 'ben');
      assert.deepEqual(
        (await nodes.dump()).members.map((row) => row.user_id),
        ['ben', 'carl'],
      );
    });

    test('a write that meets a takeover in progress waits for it, and is refused', async () => {
      await using nodes = await openNodes(open);
      const { a, db } = nodes;
      if (engineOf(db) !== 'postgresql') return; // statements are made one after the other
      const room = await a.rooms.create(ann, { name: 'Room' });
      await room.changes.save();
      const { id } = room.state.record;
      const before = await nodes.dump();
      const tables = new RoomTables(db, 'a');
      let written: Promise<unknown>[] = [];
      await db.transaction().execute(async (transaction) => {
        await transaction.updateTable('placement').set({ node: 'b' }).where('key', '=', id).execute();
        written = [
          tables.saveProgress(id, { state: room.state.playback.state, usedMs: 1 }),
          tables.saveMembers(id, [...room.state.members.all]),
        ].map((write) => assert.rejects(write, { code: 'room-moved' }));
        await waitForLocks(db, written.length);
      });
      await Promise.all(written);
      assert.deepEqual(await nodes.dump(), before);
    });
  });
}

/** Resolves when this many statements wait for a lock. */
async function waitForLocks(db: Kysely<Tables>, count: number): Promise<void> {
  for (;;) {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM pg_locks WHERE NOT granted`.execute(db);
    if (Number(rows[0]!.n) >= count) return;
  }
}
