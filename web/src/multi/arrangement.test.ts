import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Arrangement,
  shownStreams,
  withFocus,
  withLayout,
  withoutStream,
  withStream,
  withSwap,
} from './arrangement.ts';

const three: Arrangement = { streams: ['a', 'b', 'c'], layout: '1+2', focus: 2 };

test('a stream is added once, at most nine, in a larger layout only if there is no place for it', () => {
  assert.deepEqual(withStream(three, 'd'), { streams: ['a', 'b', 'c', 'd'], layout: '2x2', focus: 2 });
  assert.equal(withStream({ ...three, layout: '3x3' }, 'd').layout, '3x3');
  assert.equal(withStream(three, 'b'), three);
  const nine = { streams: [...'abcdefghi'], layout: '3x3' as const, focus: 0 };
  assert.equal(withStream(nine, 'j'), nine);
});

test('a stream that leaves makes the layout smaller, and the sound stays with its stream', () => {
  assert.deepEqual(withoutStream(three, 'a'), { streams: ['b', 'c'], layout: '2', focus: 1 });
  assert.deepEqual(withoutStream(three, 'c'), { streams: ['a', 'b'], layout: '2', focus: 0 }, 'it was heard');
});

test('streams that change places keep the sound', () => {
  assert.deepEqual(withSwap(three, 2, 0), { streams: ['c', 'b', 'a'], layout: '1+2', focus: 0 });
  assert.deepEqual(withSwap(three, 0, 1), { streams: ['b', 'a', 'c'], layout: '1+2', focus: 2 });
  assert.deepEqual(withSwap(three, 0, 7), three, 'there is no such place');
});

test('a smaller layout hides the last streams; the first one is heard if the one that was is hidden', () => {
  const two = withLayout(three, '2');
  assert.deepEqual(two, { streams: ['a', 'b', 'c'], layout: '2', focus: 0 });
  assert.deepEqual(shownStreams(two), ['a', 'b']);
  assert.equal(withLayout({ ...three, focus: 1 }, '2').focus, 1);
});

test('only a tile that is shown can be heard', () => {
  assert.equal(withFocus(three, 1).focus, 1);
  assert.equal(withFocus({ ...three, layout: '2', focus: 0 }, 2).focus, 0);
});
