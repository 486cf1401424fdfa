import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nothingPlays } from '../../api/room/playback.ts';
import { createManualClock } from '../../lib/clock.ts';
import { RoomState } from './room-state.ts';
import { aMember, anItem, aRoom, aUser, testMedia } from './rooms.fixture.ts';

const owner = aUser('u1');
const friend = aUser('u2');
const guest = aUser('g1', 'guest');

function open() {
  const clock = createManualClock();
  const played: string[] = [];
  const stored = {
    room: aRoom('r1'),
    state: nothingPlays,
    usedMs: clock.nowMs(),
    present: 0,
    members: [aMember('u1', { role: 'moderator' }), aMember('u2'), aMember('g1', { role: 'guest' })],
    items: [anItem('film')],
  };
  const state = new RoomState(stored, {
    clock,
    media: testMedia(new Map()),
    leadMs: () => 200,
    played: ({ item, playing }) => void played.push(`${item} ${playing}`),
    failed: (error) => {
      throw error;
    },
  });
  return { clock, state, played };
}

suite('the state of a room', () => {
  test('a changed person is a notice for everyone; of one who is banned, for those who decide about it', () => {
    const { state } = open();
    const muted = state.setMember(aMember('u2', { mutedUntilMs: 9e12 }));
    assert.equal(muted.message.t, 'member');
    assert.equal(muted.isFor, undefined);
    const banned = state.setMember(aMember('u2', { state: 'banned' }));
    assert.deepEqual([owner, friend, guest].map(banned.isFor!), [true, false, false]);
    // Those who saw the ban also see its end; others see neither.
    const back = state.setMember(aMember('u2'));
    assert.deepEqual([owner, guest].map(back.isFor!), [true, false]);
  });

  test('a changed room is a notice with the new view, and permissions follow at once', () => {
    const { state } = open();
    assert.equal(state.may(friend, 'chat'), true);
    const { options } = state.record;
    const masks = { ...options.masks, member: 0 };
    const { message, isFor } = state.setRecord({ ...state.record, name: 'Other', options: { ...options, masks } });
    assert.ok(message.t === 'room' && message.room.name === 'Other');
    assert.equal(isFor, undefined);
    assert.equal(state.may(friend, 'chat'), false);
    assert.throws(() => state.assertMay(friend, 'chat'), { code: 'room-forbidden' });
    assert.deepEqual(state.permissionsOf(friend), { t: 'you', permissions: 0, mutedUntilMs: null });
  });

  test('a command needs its permission, and what plays then is reported once', async () => {
    const { state, played } = open();
    const command = { do: 'item', item: 'film', rev: 0 } as const;
    await assert.rejects(state.command(command, guest), { code: 'room-forbidden' });
    assert.deepEqual(played, []);
    const rev = await state.command(command, owner);
    assert.equal(state.playback.state.rev, rev);
    assert.equal(played.length, 1);
    assert.match(played[0]!, /^film /);
  });
});
