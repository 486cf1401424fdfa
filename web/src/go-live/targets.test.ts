import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTarget, targetUrl } from './targets.ts';

test('a platform needs its stream key alone, another server its whole address', () => {
  assert.equal(targetUrl('youtube', ' abcd-efgh '), 'rtmps://a.rtmps.youtube.com:443/live2/abcd-efgh');
  assert.match(targetUrl('twitch', 'live_1_x'), /^rtmps:\/\/[^/]+\/app\/live_1_x$/);
  assert.equal(targetUrl('other', ' rtmp://tv.example/live/door?key=ok_1 '), 'rtmp://tv.example/live/door?key=ok_1');
});

test('only addresses of RTMP, SRT and WHIP are targets', () => {
  for (const url of [
    'rtmp://tv.example/live/door',
    'RTMPS://tv.example:443/app/k',
    'srt://[2001:db8::1]:8890?streamid=x',
    'whip+https://tv.example/whip/door?key=ok_1',
    'whip+http://127.0.0.1:8080/whip/door',
    'https://tv.example/whip/door',
  ]) {
    assert.equal(isTarget(url), true, url);
  }
  for (const url of ['', 'http://tv.example/live', 'rtmp://', 'tv.example/live'])
    assert.equal(isTarget(url), false, url);
});
