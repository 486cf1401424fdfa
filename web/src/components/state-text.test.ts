import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsAttention, stateText } from './state-text.ts';

test('an offline source has another text than a finished one, in the reader’s language', () => {
  const text = (state: 'live' | 'waiting' | 'offline' | 'ended' | 'stopped', problem: string) =>
    stateText({ state, problem }, (key) => key);
  assert.equal(text('offline', 'the source ended its playlist'), 'state.offlineLong');
  assert.equal(text('ended', 'the film is over'), 'state.endedLong');
  assert.equal(text('waiting', 'HTTP 404 seg1.ts'), 'HTTP 404 seg1.ts');
  assert.equal(text('stopped', ''), 'state.stoppedLong');
  assert.equal(text('live', 'MPEG-2 video is left out'), '');
});

test('a stream that waits for its publisher is not a problem, one without a signal is', () => {
  assert.equal(needsAttention({ state: 'unpublished' }), false);
  assert.equal(needsAttention({ state: 'waiting' }), true);
});
