import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerMessage } from '../../../../src/api/room/messages.ts';
import { nothingPlays } from '../../../../src/api/room/playback.ts';
import { chatMessage, welcome } from './room.fixture.ts';
import { addOlder, MAX_MESSAGES, nextRoom, OVERLAP, presentIn, resumeAfter, unknownRoom } from './room-snapshot.ts';

const after = (...messages: ServerMessage[]) => messages.reduce(nextRoom, unknownRoom);
const member = (user: string) => ({
  user,
  name: user,
  role: 'member' as const,
  state: 'active' as const,
  permissions: 0,
  allow: 0,
  deny: 0,
  mutedUntil: null,
  present: 1,
  offsetMs: null,
  buffering: false,
});
const seqs = ({ messages }: { messages: readonly { seq: number }[] }) => messages.map(({ seq }) => seq);

test('the first connection resumes after nothing, the next ones a little before the last message', () => {
  assert.equal(resumeAfter(unknownRoom), undefined);
  assert.equal(resumeAfter(after(welcome())), 0);
  assert.equal(resumeAfter(after(welcome({ lastSeq: 500 }))), 500 - OVERLAP);
});

test('messages are in the order of the room, however they arrive', () => {
  const room = after(
    welcome({ messages: [chatMessage(1), chatMessage(2)] }),
    { t: 'message', message: chatMessage(4) },
    { t: 'message', message: chatMessage(3) },
    { t: 'message', message: chatMessage(4) },
  );
  assert.deepEqual(seqs(room), [1, 2, 3, 4]);
  assert.equal(room.lastSeq, 4);
});

test('a message that was delivered and lost by the server is shown once when it comes again', () => {
  const before = after(welcome({ messages: [chatMessage(1)] }), { t: 'message', message: chatMessage(2, 'lost-one') });
  const restarted = nextRoom(before, welcome({ messages: [chatMessage(1), chatMessage(2, 'another')] }));
  assert.deepEqual(
    restarted.messages.map(({ id }) => id),
    ['message-1', 'another'],
  );
  const room = nextRoom(restarted, { t: 'message', message: chatMessage(3, 'lost-one') });
  assert.deepEqual(
    room.messages.map(({ id }) => id),
    ['message-1', 'another', 'lost-one'],
  );
});

test('after a reconnection nothing is shown twice, and older messages stay', () => {
  const first = Array.from({ length: 80 }, (_, n) => chatMessage(n + 1));
  const before = after(welcome({ messages: first }));
  const again = Array.from({ length: OVERLAP + 5 }, (_, n) => chatMessage(80 - OVERLAP + 1 + n));
  const room = nextRoom(before, welcome({ messages: again }));
  assert.deepEqual(
    seqs(room),
    Array.from({ length: 85 }, (_, n) => n + 1),
  );
});

test('if messages are missing in between, only the new ones are kept: the history has the others', () => {
  const room = after(
    welcome({ messages: [chatMessage(1)] }),
    welcome({ messages: [chatMessage(900), chatMessage(901)], gap: true }),
  );
  assert.deepEqual(seqs(room), [900, 901]);
  assert.equal(room.hasOlder, true);
  const older = addOlder(room, [chatMessage(899), chatMessage(900)], false);
  assert.deepEqual(seqs(older), [899, 900, 901]);
  assert.equal(older.hasOlder, false);
});

test('the number of kept messages is bounded', () => {
  let room = after(welcome());
  for (let seq = 1; seq <= MAX_MESSAGES + 50; seq++) room = nextRoom(room, { t: 'message', message: chatMessage(seq) });
  assert.equal(room.messages.length, MAX_MESSAGES);
  assert.equal(room.messages[0]!.seq, 51);
  assert.equal(room.hasOlder, true);
});

test('an older state does not replace a newer one, but the welcome of a restarted server does', () => {
  const state = (rev: number) => ({ ...nothingPlays, rev });
  const room = after(welcome({ state: state(5) }), { t: 'state', state: state(4) });
  assert.equal(room.state.rev, 5);
  assert.equal(nextRoom(room, welcome({ state: state(2) })).state.rev, 2);
});

test('many comings and goings come as one; a room with more people than the list says how many they are', () => {
  const room = after(welcome({ members: [member('ann'), member('bob'), member('cid')] }), {
    t: 'members',
    members: [{ ...member('bob'), present: 2 }, member('dan')],
    left: ['ann', 'unknown'],
  });
  assert.deepEqual(
    room.members.map(({ user, present }) => [user, present]),
    [
      ['cid', 1],
      ['bob', 2],
      ['dan', 1],
    ],
  );
  assert.equal(presentIn(room), 3);
  assert.equal(presentIn({ ...room, room: { ...room.room!, present: 1000 } }), 1000);
});

test('offsets of members change those members only', () => {
  const room = after(welcome({ members: [member('ann'), member('bob')] }), {
    t: 'offsets',
    offsets: [['bob', 12, true]],
  });
  assert.deepEqual(
    room.members.map(({ user, offsetMs, buffering }) => [user, offsetMs, buffering]),
    [
      ['ann', null, false],
      ['bob', 12, true],
    ],
  );
});
