import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamState } from '../../../src/api/shapes.ts';
import { text } from '../text/text.ts';
import { isStartable, needsAttention, stateDetail, stateText } from './state-text.ts';

const states = StreamState.anyOf.map(({ const: state }) => state);

test('every state of the API is one of six words, in every language', () => {
  for (const language of ['en', 'zh-CN'] as const) {
    const words = new Set(states.map((state) => text(language, `state.${state}`)));
    assert.equal(words.size, 6, [...words].join());
  }
  assert.deepEqual(
    states.map((state) => text('en', `state.${state}`)),
    ['Connecting', 'Live', 'No signal', 'No signal', 'Ended', 'Ended', 'Paused', 'Stopped'],
  );
});

test('a state has its own sentence; the answer of the source is for administrators', () => {
  for (const state of states)
    assert.equal(
      stateText({ state }, (key) => key),
      state === 'live' ? '' : `state.${state}Long`,
    );
  assert.equal(stateDetail({ state: 'waiting', problem: 'HTTP 404 seg1.ts' }), 'HTTP 404 seg1.ts');
  assert.equal(stateDetail({ state: 'ended', problem: 'the source has been played to its end' }), '');
  assert.equal(stateDetail({ state: 'live', problem: 'MPEG-2 video is left out' }), '');
});

test('what does not come back by itself can be started; a lost signal needs attention', () => {
  assert.deepEqual(
    states.filter((state) => isStartable({ state })),
    ['offline', 'ended', 'paused', 'stopped'],
  );
  assert.deepEqual(
    states.filter((state) => needsAttention({ state })),
    ['waiting'],
  );
});
