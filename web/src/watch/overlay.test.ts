import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { isLost, readFailure } from '../api/client.ts';
import { idle, type MediaState } from '../media/state.ts';
import { isLive, overlayOf, titleOf } from './overlay.ts';

const stream = (state: StreamView['state']) => ({ state }) as StreamView;
const playing: MediaState = { ...idle, mode: 'live', paused: false, pictured: true, atEdge: true };
const failure = readFailure(0, '');

test('a failure has priority, then offline, then waiting', () => {
  assert.equal(overlayOf({ ...playing, failure, mode: 'offline' }, stream('live')), 'failure');
  assert.equal(overlayOf({ ...playing, mode: 'offline', loading: true }, stream('waiting')), 'offline');
  assert.equal(overlayOf(idle, null), 'waiting');
  assert.equal(overlayOf({ ...playing, loading: true }, stream('live')), 'waiting');
});

test('while oxbow does not respond nothing waits and nothing fails a second time; what it refused before stays', () => {
  assert.equal(overlayOf({ ...playing, loading: true }, stream('live'), failure), 'none');
  assert.equal(overlayOf({ ...playing, failure }, stream('live'), failure), 'none');
  assert.equal(
    overlayOf({ ...playing, failure: readFailure(410, '{"code":"gone"}') }, stream('live'), failure),
    'failure',
  );
  assert.equal(overlayOf({ ...playing, mode: 'offline' }, stream('ended'), failure), 'offline');
});

test('offline is shown only after the server has reported it', () => {
  assert.equal(overlayOf({ ...playing, mode: 'offline' }, null), 'waiting');
  assert.equal(overlayOf({ ...playing, mode: 'offline' }, stream('waiting')), 'offline');
  assert.equal(overlayOf({ ...playing, mode: 'offline' }, stream('live')), 'waiting', 'it is live again');
});

test('a stream that connects again keeps its last picture; one without a picture says that it connects', () => {
  const offline: MediaState = { ...playing, mode: 'offline' };
  assert.equal(overlayOf(offline, stream('starting')), 'waiting');
  assert.equal(overlayOf({ ...playing, loading: true }, stream('starting')), 'waiting');
  assert.equal(overlayOf({ ...offline, pictured: false }, stream('starting')), 'offline');
});

test('nothing covers a playing picture, even when the stream has just ended', () => {
  assert.equal(overlayOf(playing, stream('live')), 'none');
  assert.equal(overlayOf(playing, stream('waiting')), 'none');
  assert.equal(overlayOf({ ...playing, loading: true }, stream('waiting')), 'offline');
});

test('a paused picture offers to play, also in the past while the stream is offline', () => {
  assert.equal(overlayOf({ ...playing, paused: true }, stream('live')), 'play');
  assert.equal(overlayOf({ ...playing, mode: 'past', paused: true }, stream('waiting')), 'play');
});

test('the page is live only at the edge, playing, and while oxbow responds', () => {
  assert.equal(isLive(playing, null), true);
  assert.equal(isLive(playing, failure), false);
  assert.equal(isLive({ ...playing, paused: true }, null), false);
  assert.equal(isLive({ ...playing, atEdge: false }, null), false);
  assert.equal(titleOf('demo', true), '● demo · oxbow');
  assert.equal(titleOf('demo', false), 'demo · oxbow');
});

test('no response, a proxy that reports one, and a server that starts are an outage; a refusal is not', () => {
  assert.equal(isLost(readFailure(0, '')), true);
  assert.equal(isLost(readFailure(502, '<html>')), true);
  assert.equal(isLost(readFailure(404, '{"code":"stream-unknown"}')), false);
  assert.equal(isLost(readFailure(503, '{"code":"not-ready"}')), true, 'it starts');
});
