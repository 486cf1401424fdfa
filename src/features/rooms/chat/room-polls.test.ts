import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../../lib/clock.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { testChats, testRoom, testSender } from './chat.fixture.ts';
import type { StoredPoll } from './poll-table.ts';
import { RoomPolls } from './room-polls.ts';

async function openPolls() {
  const store = await openTemporaryStore();
  const chats = testChats(store.db, createManualClock());
  const room = testRoom();
  const chat = await chats.open(room);
  return {
    store,
    chats,
    room,
    chat,
    polls: chats.polls('cinema')!,
    async [Symbol.asyncDispose]() {
      await chat.close();
      await chats[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

const lunch = { question: ' Lunch? ', choices: ['Soup', 'Salad', 'Both'] };

test('votes are counted once for each user, replaced, and taken back; they survive a restart', async () => {
  await using open = await openPolls();
  const { polls, chat, room, chats } = open;
  const [ann, ben] = [testSender(), testSender('ben')];
  const { id, question } = await polls.create(ann, lunch);
  assert.equal(question, 'Lunch?');
  for (const choices of [[0], [1]]) chat.receive({ t: 'vote', poll: id, choices }, ann);
  chat.receive({ t: 'vote', poll: id, choices: [1] }, ben);
  const seen = await ben.answer('poll');
  assert.deepEqual(seen.t === 'poll' && seen.poll.own, [1]);
  await chat.close();
  const reopened = await chats.open(room);
  const [poll] = reopened.history(undefined, 'u-ann').polls;
  assert.deepEqual(poll!.choices, [
    { text: 'Soup', votes: 0 },
    { text: 'Salad', votes: 2 },
    { text: 'Both', votes: 0 },
  ]);
  assert.deepEqual(poll!.own, [1]);
  reopened.receive({ t: 'vote', poll: id, choices: [] }, ann);
  await reopened.close();
  assert.equal((await chats.open(room)).history(undefined, 'u-ann').polls[0]!.choices[1]!.votes, 1);
});

test('votes are counted once for everyone who gets the counts, and again after the next vote', async () => {
  await using open = await openPolls();
  const { polls, chat } = open;
  const { id } = await polls.create(testSender(), lunch);
  const choicesFor = (user: string) => chat.history(undefined, user).polls[0]!.choices;
  const before = choicesFor('u-ann');
  assert.equal(choicesFor('u-ben'), before);
  chat.receive({ t: 'vote', poll: id, choices: [0] }, testSender());
  assert.deepEqual([choicesFor('u-ann')[0]!.votes, before[0]!.votes], [1, 0]);
});

test('counts are sent together: a hundred votes are a few messages', async () => {
  await using open = await openPolls();
  const { polls, chat, room } = open;
  const { id } = await polls.create(testSender(), { ...lunch, multiple: true });
  const voters = Array.from({ length: 100 }, (_, n) => testSender(`v${n}`));
  for (const voter of voters) chat.receive({ t: 'vote', poll: id, choices: [0, 2, 2] }, voter);
  await Promise.all(voters.map((voter) => voter.answer('poll')));
  const sent = room.sent.filter((one) => one.t === 'poll');
  assert.ok(sent.length <= 4, `${sent.length}`);
  const last = sent.at(-1)!;
  assert.deepEqual(last.t === 'poll' && [last.poll.own, ...last.poll.choices.map(({ votes }) => votes)], [
    undefined,
    100,
    0,
    100,
  ]);
});

test('what is no vote is refused', async () => {
  await using open = await openPolls();
  const { polls, chat } = open;
  const ann = testSender();
  const { id } = await polls.create(ann, lunch);
  const codes = async (poll: string, choices: number[]) => {
    const voter = testSender();
    chat.receive({ t: 'vote', poll, choices }, voter);
    const answer = await voter.answer('refused');
    return answer.t === 'refused' && answer.code;
  };
  assert.equal(await codes('none', [0]), 'poll-unknown');
  assert.equal(await codes(id, [3]), 'bad-request');
  assert.equal(await codes(id, [0, 1]), 'bad-request');
  await polls.close(ann, id);
  assert.equal(await codes(id, [0]), 'poll-closed');
});

test('its author and moderators close and delete a poll; members without the permission create none', async () => {
  await using open = await openPolls();
  const { polls, room } = open;
  const [ann, ben, moderator] = [testSender(), testSender('ben'), testSender('mod', ['moderate'])];
  const { id } = await polls.create(ann, lunch);
  await assert.rejects(polls.close(ben, id), { code: 'forbidden' });
  await assert.rejects(polls.remove(ben, id), { code: 'forbidden' });
  assert.equal((await polls.close(moderator, id)).closed, true);
  await polls.remove(ann, id);
  assert.deepEqual(room.sent.at(-1), { t: 'poll-deleted', poll: id });
  await assert.rejects(polls.remove(ann, id), { code: 'poll-unknown' });
  await assert.rejects(polls.create({ ...ben, may: () => false }, lunch), { code: 'forbidden' });
  for (const choices of [
    ['a', ' a'],
    ['a', ' '],
  ]) {
    await assert.rejects(polls.create(ann, { ...lunch, choices }), { code: 'bad-request' });
  }
});

test('a poll whose closing could not be stored is open: it takes votes, and can be closed again', async () => {
  const room = testRoom();
  let isBroken = false;
  const stored: (number | null)[] = [];
  const put = async ({ closedUs }: StoredPoll) => {
    if (isBroken) throw new Error('the disk is full');
    stored.push(closedUs);
  };
  const polls = await RoomPolls.open(
    { polls: { of: async () => [], put, remove: async () => {} }, clock: createManualClock(), failed: assert.ifError },
    room,
  );
  const [ann, ben] = [testSender(), testSender('ben')];
  const { id } = await polls.create(ann, lunch);
  isBroken = true;
  await assert.rejects(polls.close(ann, id), /the disk is full/);
  isBroken = false;
  polls.vote(ben, { t: 'vote', poll: id, choices: [1] });
  assert.deepEqual([polls.list('u-ben')[0]!.closed, polls.list('u-ben')[0]!.own], [false, [1]]);
  assert.deepEqual(
    (await Promise.all([polls.close(ann, id), polls.close(ann, id)])).map(({ closed }) => closed),
    [true, true],
  );
  await polls.end();
  assert.notEqual(stored.at(-1), null, 'it stays closed');
});
