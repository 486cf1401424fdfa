import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../../test/fixtures/virtual-time.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { testRoom, testSender } from './chat.fixture.ts';
import { rowOf } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import { MessageWriter } from './message-writer.ts';
import { RoomMessages } from './room-messages.ts';

/** A room whose database answers only when the test lets it. */
async function openRoom(time: ReturnType<typeof openVirtualTime>) {
  let answers: PromiseWithResolvers<void> | undefined;
  const written: string[] = [];
  const batches: string[][] = [];
  const changedAfter: number[] = [];
  let msEach = 0;
  const table: Pick<MessageTable, 'write' | 'mark' | 'before' | 'find' | 'findSent'> = {
    async write({ rows, changes }) {
      if (rows.length > 0) batches.push(rows.map(({ text }) => text));
      await answers?.promise;
      if (msEach > 0) await new Promise((resolve) => setTimeout(resolve, msEach * rows.length));
      written.push(...rows.map(({ text }) => text));
      if (changes.length > 0) changedAfter.push(written.length);
      return { repeated: new Map(), moved: new Set() };
    },
    mark: async () => 0,
    before: async () => [],
    find: async () => undefined,
    findSent: async () => undefined,
  };
  const writer = new MessageWriter({ table, failed: () => {} });
  const room = testRoom();
  const opening = RoomMessages.open({ table, writer, clock: createManualClock(), streamId: () => undefined }, room);
  await time.runFor(100);
  const messages = await opening;
  const ann = testSender();
  return {
    written,
    /** Messages by transaction that has begun. */
    batches,
    room,
    /** Sends a message. */
    say(text: string) {
      messages.receive({ t: 'chat', id: `id-${text}`, text }, ann);
    },
    writer,
    /** Hands the writer messages without limits of a member. */
    add(texts: readonly string[]) {
      for (const text of texts) {
        const message = { seq: 1, id: text, kind: 'chat', author: 'ann', name: 'Ann', text, sentMs: 0 } as const;
        writer.add(rowOf('room', message, undefined), () => {});
      }
    },
    /** Messages that were written with each transaction that has changes. */
    changedAfter,
    /** From now on the database takes this long for each message. */
    slowDown(toMs: number) {
      msEach = toMs;
    },
    /** Answers so far, oldest first. */
    get got() {
      return ann.got.map((one) => `${one.t} ${'id' in one ? one.id : ''}${one.t === 'refused' ? ` ${one.code}` : ''}`);
    },
    hang() {
      answers = Promise.withResolvers();
    },
    answer() {
      answers?.resolve();
      answers = undefined;
    },
    fail(error: Error) {
      answers?.reject(error);
      answers = undefined;
    },
  };
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

suite('the size of a transaction follows the load', () => {
  test('a message that nothing precedes is committed at once', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.say('first');
    await time.runFor(1);
    assert.deepEqual(room.written, ['first']);
  });

  test('what comes during a transaction and the pause after it is one transaction; the pause is as long', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(31);
    room.add(['second']);
    room.answer();
    await time.runFor(29);
    room.add(['third']);
    assert.deepEqual(room.batches, [['first']]);
    await time.runFor(1);
    assert.deepEqual(room.batches, [['first'], ['second', 'third']]);
  });

  test('full transactions of a fast database become larger, up to all that may wait', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.add(texts(15_000));
    await time.runFor(500);
    assert.deepEqual(
      room.batches.map(({ length }) => length),
      [512, 1024, 2048, 4096, 4096, 15_000 - 11_776],
    );
    assert.deepEqual(room.written, texts(15_000));
  });

  test('a slow database gets small ones, and does not seem stuck', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.slowDown(2);
    room.add(texts(4000));
    await time.runFor(5500);
    room.say('later');
    await time.runFor(4000);
    assert.deepEqual(room.got, ['ack id-later']);
  });

  test('one that becomes slow gets smaller ones', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    const fast = 512 + 1024 + 2048;
    const slow = [4096, 2048, 1024, 512, 512];
    room.add(texts(fast));
    await time.runFor(100);
    room.slowDown(1.01);
    room.add(texts(slow.reduce((sum, size) => sum + size)));
    await time.runFor(10_000);
    assert.deepEqual(
      room.batches.slice(3).map(({ length }) => length),
      slow,
    );
  });

  test('a change of a message follows it, however many wait before', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.add(texts(600));
    room.writer.change({ roomId: 'room', seq: 600, text: '', extra: '{}', deletedUs: 1 });
    await time.runFor(1);
    assert.deepEqual(room.changedAfter, []);
    await time.runFor(50);
    assert.deepEqual(room.changedAfter, [600]);
  });

  test('the pause is 50 ms at most', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(1000);
    room.say('second');
    room.answer();
    await time.runFor(49);
    assert.deepEqual(room.batches, [['first']]);
    await time.runFor(1);
    assert.deepEqual(room.batches, [['first'], ['second']]);
  });
});

suite('while the database does not answer', () => {
  test('a message that waits is refused after five seconds, later ones at once, until it answers', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(1000);
    room.say('second');
    await time.runFor(4000);
    assert.deepEqual(room.got, []);
    await time.runFor(1);
    assert.deepEqual(room.got, ['refused id-second not-ready']);
    const withdrawn = room.room.sent.filter((one) => one.t === 'changed' && one.message.deleted === true);
    assert.equal(withdrawn.length, 1, 'it is withdrawn from the others');
    room.say('third');
    assert.equal(room.got.at(-1), 'refused id-third not-ready');
    room.answer();
    await time.runFor(20);
    assert.equal(room.got.at(-1), 'ack id-first');
    room.say('fourth');
    await time.runFor(50);
    assert.equal(room.got.at(-1), 'ack id-fourth');
    assert.deepEqual(room.written, ['first', 'fourth']);
  });

  test('the message of the commit that is under way is refused when that fails, and the next one is tried', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(10_000);
    assert.deepEqual(room.got, []);
    room.fail(new Error('the statement took too long'));
    await time.runFor(20);
    assert.deepEqual(room.got, ['refused id-first not-ready']);
    room.say('second');
    await time.runFor(2000);
    assert.equal(room.got.at(-1), 'ack id-second');
  });
});
