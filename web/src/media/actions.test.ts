import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActions } from './actions.ts';
import type { KeyAction } from './keys.ts';
import type { MediaRequests } from './requests.ts';
import { idle, type MediaState } from './state.ts';

/** Performs actions on a player in a state, and returns the calls. */
function done(more: Partial<MediaState>, ...actions: KeyAction[]): string[] {
  const calls: string[] = [];
  const note =
    (name: string) =>
    (...values: unknown[]) => {
      calls.push([name, ...values].join(' '));
    };
  const controls = new Proxy({}, { get: (_, name) => note(String(name)) }) as MediaRequests;
  const session = {
    player: { ...idle, ...more },
    controls,
    step: note('step'),
    goToFirst: note('first'),
  };
  const page = {
    toggleFullscreen: note('fullscreen'),
    openHelp: note('help'),
    openClips: note('clips'),
    makeClip: note('clip'),
    mark: note('mark'),
    addMarker: note('marker'),
    goToTime: note('time'),
    goToPoint: note('point'),
    noSubtitles: note('no subtitles'),
  };
  const all = createActions(session, page);
  for (const action of actions) {
    all[action]?.();
    const [name, value] = calls.at(-1)!.split(' ');
    if (name === 'setSubtitle') session.player = { ...session.player, subtitle: value || null };
  }
  return calls;
}

const german = { id: 'de', language: 'de', label: '' };
const french = { id: 'fr', language: 'fr', label: '' };

test('keys go to the next marker or gap, and open the choice of a time', () => {
  assert.deepEqual(done({}, 'point-back', 'point-forward', 'go-to-time', 'catch-up'), [
    'point false',
    'point true',
    'time',
    'catchUp',
  ]);
});

test('steps are as long as their names say', () => {
  assert.deepEqual(done({}, 'back-5', 'forward-10', 'back-60', 'frame-forward'), [
    'step -5',
    'step 10',
    'step -60',
    'stepFrame 1',
  ]);
});

test('louder starts at zero while muted, and ends at the maximum', () => {
  assert.deepEqual(done({ muted: true, volume: 0.5 }, 'louder'), ['setVolume 0.05']);
  assert.deepEqual(done({ muted: false, volume: 0.98 }, 'louder'), ['setVolume 1']);
  assert.deepEqual(done({ muted: false, volume: 0 }, 'quieter'), ['setVolume 0']);
});

test('C switches subtitles off, and the same ones on again', () => {
  const on = { subtitles: [german, french], subtitle: 'fr' };
  assert.deepEqual(done(on, 'subtitles', 'subtitles'), ['setSubtitle ', 'setSubtitle fr']);
  assert.deepEqual(done({ subtitles: [german, french] }, 'subtitles'), ['setSubtitle de']);
  assert.deepEqual(done({}, 'subtitles'), ['no subtitles']);
});

test('faster selects the next speed of the menu', () => {
  assert.deepEqual(done({ rate: 1.5 }, 'faster', 'slower'), ['setRate 2', 'setRate 1.25']);
});

test('a key that the page has no function for stays the browser’s', () => {
  const media = { player: idle, controls: {} as MediaRequests, step: () => {}, goToFirst: () => {} };
  const actions = createActions(media, { toggleFullscreen: () => {} });
  for (const action of ['theatre', 'help', 'clip', 'clip-from', 'clip-to', 'clips', 'marker', 'go-to-time'] as const)
    assert.equal(actions[action], undefined, action);
  assert.equal(actions['point-back'], undefined);
  assert.ok(actions.mute && actions.fullscreen);
});
