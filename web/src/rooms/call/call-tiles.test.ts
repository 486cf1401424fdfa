import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallParticipant } from '../../../../src/api/room/call-shapes.ts';
import { recordersOf, tilesOf, trackOf, voicesOf } from './call-tiles.ts';

const one = (id: string, change: Partial<CallParticipant> = {}): CallParticipant => ({
  id,
  user: `u${id}`,
  name: `Name ${id}`,
  microphone: true,
  camera: false,
  screen: false,
  ...change,
});
const track = (id: string) => ({ id }) as MediaStreamTrack;
const incoming = (from: string, source: 'microphone' | 'camera' | 'screen') => ({
  from,
  source,
  receiver: { track: track(`${from} ${source}`) } as RTCRtpReceiver,
});
const none = { microphone: null, camera: null, screen: null };

test('each participant has a tile, and another one for a screen', () => {
  const tiles = tilesOf([one('1', { camera: true, screen: true }), one('2')]);
  assert.deepEqual(
    tiles.map(({ key }) => key),
    ['1 camera', '1 screen', '2 camera'],
  );
});

test('a tile has the own track, that of the connection, or none while the camera is off', () => {
  const state = {
    own: '1',
    tracks: { ...none, camera: track('mine') },
    incoming: [incoming('2', 'camera'), incoming('3', 'camera')],
  };
  const tiles = tilesOf([one('1', { camera: true }), one('2', { camera: true }), one('3'), one('4', { camera: true })]);
  assert.deepEqual(
    tiles.map((tile) => trackOf(tile, state)?.id ?? null),
    ['mine', '2 camera', null, null],
  );
});

test('the voices are those of the others and the own one', () => {
  const others = [incoming('2', 'microphone'), incoming('2', 'camera')];
  const voices = voicesOf({ own: '1', tracks: { ...none, microphone: track('mine') }, incoming: others });
  assert.deepEqual(
    [...voices].map(([participant, { id }]) => [participant, id]),
    [
      ['2', '2 microphone'],
      ['1', 'mine'],
    ],
  );
  assert.equal(voicesOf({ own: '1', tracks: none, incoming: [] }).size, 0);
});

test('who records is named once, also with two tabs; servers without the field name no one', () => {
  const ann = one('1', { recording: true });
  assert.deepEqual(recordersOf([ann, one('2'), { ...ann, id: '3' }]), ['Name 1']);
  assert.deepEqual(recordersOf([one('2')]), []);
});
