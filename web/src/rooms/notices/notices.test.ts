import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingPlays, type PlaybackState } from '../../../../src/api/room/playback.ts';
import { actOf, awaitedOf } from './notices.ts';

const plays: PlaybackState = {
  ...nothingPlays,
  rev: 5,
  item: 'a',
  playing: true,
  by: 'ann',
  anchorMedia: 10_000,
  anchorServer: 1_000_000,
};
const next = (changes: Partial<PlaybackState>): PlaybackState => ({ ...plays, rev: 6, ...changes });

test('each command of a person has its notice', () => {
  const later = { anchorServer: 1_005_000, anchorMedia: 15_000 };
  assert.equal(actOf(plays, next({ ...later, playing: false })), 'paused');
  assert.equal(actOf(next({ playing: false }), { ...plays, rev: 7 }), 'resumed');
  assert.equal(actOf(plays, next({ ...later, rate: 1.5 })), 'rate');
  assert.equal(actOf(plays, next({ ...later, live: true })), 'live');
  assert.equal(actOf(plays, next({ item: 'b', anchorMedia: 0 })), 'item');
  assert.equal(actOf(plays, next({ ...later, anchorMedia: 45_000 })), 'forward');
  assert.equal(actOf(plays, next({ ...later, anchorMedia: 5_000 })), 'back');
});

test('a state that continues the one before has no notice', () => {
  assert.equal(actOf(plays, next({ anchorServer: 1_005_000, anchorMedia: 15_100 })), null);
  assert.equal(actOf(plays, plays), null);
});

test('the room as it was when the visitor entered has no notice', () => {
  assert.equal(actOf(nothingPlays, plays), null);
});

test('a pause of the server says that the room waits', () => {
  assert.equal(actOf(plays, next({ playing: false, by: '', waitingFor: ['ben'] })), 'waits');
  assert.equal(actOf(plays, next({ playing: false, by: '' })), null, 'the end of the last entry');
  assert.equal(actOf(next({ playing: false, by: '' }), { ...plays, rev: 7, by: '' }), null);
});

test('people that the room waits for: the reader first, a few by name, the others counted', () => {
  assert.deepEqual(awaitedOf(['ann', 'ben'], 'ben', 5), { all: false, named: ['ben', 'ann'], others: 0 });
  const many = ['a', 'b', 'c', 'd', 'e', 'f'];
  assert.deepEqual(awaitedOf(many, 'x', 50), { all: false, named: ['a', 'b', 'c'], others: 3 });
  assert.deepEqual(awaitedOf(many.slice(0, 4), 'x', 50).others, 0, 'one more name is as short as a number');
});

test('the room waits for everyone, unless someone is alone in it', () => {
  assert.equal(awaitedOf(['ann', 'ben'], 'ben', 2).all, true);
  assert.equal(awaitedOf(['ann'], 'ann', 1).all, false);
});
