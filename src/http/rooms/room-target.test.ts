import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomOfTarget, roomTarget } from './room-target.ts';

test('requests for a room name it: the API, its media from elsewhere and its WebSocket', () => {
  for (const rest of [
    '',
    '/',
    '/socket',
    '/socket?x=1',
    '/items/i1/source',
    '/media/token/a/b.ts?c',
    '?x=/rooms/other',
  ]) {
    assert.equal(roomOfTarget(`/api/v1/rooms/blue${rest}`), 'blue', rest);
  }
  for (const other of [
    '/api/v1/rooms',
    '/api/v1/rooms?limit=1',
    '/api/v1/rooms/',
    '/api/v1/streams/blue',
    '/rooms/blue',
  ]) {
    assert.equal(roomOfTarget(other), undefined, other);
  }
  assert.deepEqual([roomTarget('/api/v1/rooms/blue/socket'), roomTarget('/api/v1/rooms/blue')], ['blue', undefined]);
});
