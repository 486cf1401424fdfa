import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMediaAddress, printMediaAddress } from '../api/media-address.ts';
import { withInstants } from './typed-time.ts';

const NOW_MS = Date.UTC(2026, 10, 20, 7, 40, 0, 250);

function exact(path: string): string | undefined {
  const address = withInstants(parseMediaAddress(path)!, NOW_MS);
  return address && printMediaAddress(address);
}

test('typed times become milliseconds, each in every address that has times', () => {
  for (const [path, expected] of [
    ['/clip/door/-10m/now.mp4', '/clip/door/1795159800250/1795160400250.mp4'],
    ['/vod/door/-1h30m/15m/index.m3u8', '/vod/door/1795155000250/15m/index.m3u8'],
    ['/vod/door/-10s/now/index.mpd', '/vod/door/1795160390250/1795160400250/index.mpd'],
    ['/vod/door/now/10/captions.vtt', '/vod/door/1795160400250/10/captions.vtt'],
    ['/timelapse/door/-1d/now/30.mp4', '/timelapse/door/1795074000250/1795160400250/30.mp4'],
    ['/thumb/door/07:39%20UTC.jpg', '/thumb/door/1795160340000.jpg'],
    ['/thumb/door/small/yesterday%2014:00:05%20UTC.jpg', '/thumb/door/small/1795096805000.jpg'],
    ['/thumb/door/-2h/1h/storyboard.vtt', '/thumb/door/1795153200250/1h/storyboard.vtt'],
    ['/clip/door/1795160390/now.ts', '/clip/door/1795160390/1795160400250.ts'],
  ] as const)
    assert.equal(exact(path), expected, path);
});

test('instants and durations stay as they are; what is neither is left to its refusal', () => {
  for (const path of [
    '/clip/door/1795160400/1795160410.mp4',
    '/clip/door/1795160400000/90s.mp4',
    '/clip/door/20261120074000/2026-11-20T07%3A40%3A10Z.mp4',
    '/clip/door/soon/later.mp4',
    '/clip/door/%zz/now%.mp4',
    '/thumb/door/1795160400.jpg',
    '/live/door/index.m3u8',
    '/live/door/dvr-4h/index.m3u8',
    '/start/1795160400/10m/vod.m3u8',
  ])
    assert.equal(exact(path), undefined, path);
});
