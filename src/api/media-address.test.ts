import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fuzzMediaAddresses } from './fuzz.fixture.ts';
import {
  isLiveAddress,
  type MediaAddress,
  type MediaClass,
  mediaClassOf,
  parseMediaAddress,
  parseMediaTarget,
  printMediaAddress,
} from './media-address.ts';

const door = { stream: 'door' } as const;
const captions = { kind: 'captions', stream: 'door', from: '1795000000', to: '15m' } as const;
const range = { stream: 'door', from: '1795000000', to: '15m', revision: undefined } as const;
const film = { stream: undefined, asset: '7f3a' } as const;
const vsr = { stream: undefined } as const;
const window = { start: '20261120080000', length: '90' };

const valid: readonly [path: string, MediaClass, MediaAddress][] = [
  ['/live/door/index.m3u8', 'playlist', { kind: 'index', ...door }],
  ['/live/stream/index.m3u8', 'playlist', { kind: 'index', stream: 'stream' }],
  ['/live/door/av0/g7.m3u8', 'playlist', { kind: 'playlist', ...door, rendition: 'av0', generation: 7 }],
  ['/live/door/v0-480/init-3.mp4', 'init', { kind: 'init', ...door, rendition: 'v0-480', init: 3 }],
  ['/live/door/a1-eng/869624096.m4s', 'segment', { kind: 'segment', ...door, rendition: 'a1-eng', msn: 869_624_096 }],
  [
    '/live/door/av0/100-4711.mp4',
    'segment',
    { kind: 'stored-segment', ...door, rendition: 'av0', msn: 100, offset: 4711 },
  ],
  ['/live/door/av0/0.12.m4s', 'part', { kind: 'part', ...door, rendition: 'av0', msn: 0, part: 12 }],
  ['/live/door/index.mpd', 'playlist', { kind: 'manifest', ...door }],
  ['/live/door/time.txt', 'playlist', { kind: 'time', ...door }],
  ['/live/door/session', 'session', { kind: 'session', ...door }],
  ['/live/door/steering.json', 'session', { kind: 'steering', ...door }],
  ['/live/door/dvr-4h/index.m3u8', 'playlist', { kind: 'dvr-index', ...door, length: '4h' }],
  ['/live/door/dvr-4h/index.mpd', 'playlist', { kind: 'dvr-manifest', ...door, length: '4h' }],
  [
    '/live/door/dvr-4h/av0/g1.m3u8',
    'playlist',
    { kind: 'dvr-playlist', ...door, length: '4h', rendition: 'av0', generation: 1 },
  ],
  ['/live/door/ts/index.m3u8', 'playlist', { kind: 'ts-index', ...door }],
  ['/live/door/ts/g1.m3u8', 'playlist', { kind: 'ts-playlist', ...door, generation: 1 }],
  ['/live/door/ts/100.ts', 'segment', { kind: 'ts-segment', ...door, msn: 100 }],
  [
    '/live/door/ts/index-1795000000-3600.m3u8',
    'window',
    { kind: 'ts-catch-up', ...door, fromS: 1_795_000_000, lengthS: 3600 },
  ],
  [
    '/live/door/ts/timeshift_abs-1795000000.m3u8',
    'window',
    { kind: 'ts-catch-up', ...door, fromS: 1_795_000_000, lengthS: undefined },
  ],
  ['/live/door/ts/timeshift_rel-3600.m3u8', 'window', { kind: 'ts-delayed', ...door, delayS: 3600 }],
  ['/live/door/s0-eng/100.vtt', 'segment', { kind: 'subtitles', ...door, rendition: 's0-eng', msn: 100 }],
  ['/vod/door/1795000000/15m/index.m3u8', 'window', { kind: 'window-index', ...range }],
  ['/vod/door/1795000000/15m/captions.vtt', 'clip', { ...captions, channel: undefined }],
  ['/vod/door/1795000000/15m/captions-cc3.vtt', 'clip', { ...captions, channel: 3 }],
  ['/vod/door/1795000000/15m/index.mpd', 'window', { kind: 'window-manifest', ...range }],
  ['/vod/door/1795000000/15m/v2/index.mpd', 'window', { kind: 'window-manifest', ...range, revision: 2 }],
  ['/vod/door/1795000000/15m/v2/index.m3u8', 'window', { kind: 'window-index', ...range, revision: 2 }],
  ['/vod/door/1795000000/15m/ts.m3u8', 'window', { kind: 'window-playlist', ...range, rendition: 'ts' }],
  [
    '/vod/door/1795000000/15m/v2/av0.m3u8',
    'window',
    { kind: 'window-playlist', ...range, revision: 2, rendition: 'av0' },
  ],
  [
    '/vod/door/2026-11-20T08%3A00%3A00Z/now/index.m3u8',
    'window',
    { kind: 'window-index', ...range, from: '2026-11-20T08%3A00%3A00Z', to: 'now' },
  ],
  [
    '/timelapse/door/1795000000/1d/30.mp4',
    'clip',
    { kind: 'timelapse', ...door, from: '1795000000', to: '1d', seconds: 30 },
  ],
  ['/clip/door/1795000000/4.5s.mkv', 'clip', { kind: 'clip', ...door, from: '1795000000', to: '4.5s', format: 'mkv' }],
  ['/thumb/door/1795000000.jpg', 'thumb', { kind: 'still', ...door, at: '1795000000' }],
  ['/thumb/door/small/1795000000.jpg', 'thumb', { kind: 'small-still', ...door, at: '1795000000' }],
  [
    '/thumb/door/1795000000/24h/storyboard.vtt',
    'thumb',
    { kind: 'storyboard', ...door, from: '1795000000', to: '24h' },
  ],
  ['/live/stream.m3u8', 'playlist', { kind: 'vsr-live', ...vsr }],
  ['/live/100.ts', 'segment', { kind: 'vsr-segment', ...vsr, window: undefined, msn: 100 }],
  ['/start/20261120080000/90/100.ts', 'segment', { kind: 'vsr-segment', ...vsr, window, msn: 100 }],
  ['/start/20261120080000/90/vod.m3u8', 'window', { kind: 'vsr-window', ...vsr, window, file: 'vod' }],
  ['/start/20261120080000/90/stream.m3u8', 'window', { kind: 'vsr-window', ...vsr, window, file: 'stream' }],
  ['/assets/7f3a/index.m3u8', 'window', { kind: 'asset-index', ...film }],
  ['/assets/7f3a/index.mpd', 'window', { kind: 'asset-manifest', ...film }],
  ['/assets/7f3a/av0-480.m3u8', 'window', { kind: 'asset-playlist', ...film, rendition: 'av0-480' }],
  ['/assets/7f3a/av0/init-1.mp4', 'init', { kind: 'asset-init', ...film, rendition: 'av0', init: 1 }],
  ['/assets/7f3a/v0-480/12.m4s', 'segment', { kind: 'asset-segment', ...film, rendition: 'v0-480', msn: 12 }],
  [
    '/assets/7f3a/av0/12-4711.mp4',
    'segment',
    { kind: 'asset-stored-segment', ...film, rendition: 'av0', msn: 12, offset: 4711 },
  ],
  ['/assets/7f3a/s0-eng/12.vtt', 'segment', { kind: 'asset-subtitles', ...film, rendition: 's0-eng', msn: 12 }],
  ['/assets/7f3a/av0.mp4', 'clip', { kind: 'asset-file', ...film, rendition: 'av0' }],
  ['/assets/7f3a/original', 'file', { kind: 'asset-original', ...film }],
  ['/assets/7f3a/poster.jpg', 'picture', { kind: 'asset-poster', ...film }],
  ['/assets/7f3a/storyboard.vtt', 'picture', { kind: 'asset-storyboard', ...film }],
  ['/assets/7f3a/storyboard-2.jpg', 'picture', { kind: 'asset-sprite', ...film, sprite: 2 }],
];

/**
 * Paths of media that name nothing, with the stream and class that access control and limits take them for.
 */
const unknown: readonly [path: string, stream: string | undefined, MediaClass][] = [
  ['/live/', '', 'playlist'],
  ['/live/door', 'door', 'playlist'],
  ['/live/door/', 'door', 'playlist'],
  ['/live/door/other.mpd', 'door', 'playlist'],
  ['/live/DOOR/index.m3u8', 'DOOR', 'playlist'],
  [`/live/${'a'.repeat(65)}/index.m3u8`, 'a'.repeat(65), 'playlist'],
  ['/live/a.b/index.m3u8', undefined, 'playlist'],
  ['/live/door/av0/index.m3u8', 'door', 'playlist'],
  ['/live/door/AV0/g1.m3u8', 'door', 'playlist'],
  [`/live/door/${'a'.repeat(33)}/g1.m3u8`, 'door', 'playlist'],
  ['/live/door/av0/g.m3u8', 'door', 'playlist'],
  ['/live/door/av0/g1234567890123456.m3u8', 'door', 'playlist'],
  ['/live/door/av0/.m4s', 'door', 'segment'],
  ['/live/door/av0/1.m4s/x', 'door', 'playlist'],
  ['/live/door/av0/1..m4s', 'door', 'segment'],
  ['/live/door/av0/1-.mp4', 'door', 'segment'],
  ['/live/door/av0/1-2-3.mp4', 'door', 'segment'],
  ['/live/door/av0/1.2.3.m4s', 'door', 'segment'],
  ['/live/door/av0/1.123456.m4s', 'door', 'segment'],
  ['/live/door/av0/-1.m4s', 'door', 'segment'],
  ['/live/door/av0/1e3.m4s', 'door', 'segment'],
  ['/live/door/av0/init-1234567890.mp4', 'door', 'segment'],
  ['/live/door/av0/100.vtt', 'door', 'segment'],
  ['/live/door/dvr-/index.m3u8', 'door', 'playlist'],
  ['/live/door/dvr-4h/av0/1.m4s', 'door', 'segment'],
  ['/live/door/dvr-4h/a/b/g1.m3u8', 'door', 'playlist'],
  ['/live/door/../door/index.m3u8', 'door', 'playlist'],
  ['/vod/door/1795000000/index.m3u8', 'door', 'window'],
  [`/vod/door/${'1'.repeat(65)}/4s/index.m3u8`, 'door', 'window'],
  ['/vod/door//4s/index.m3u8', 'door', 'window'],
  ['/vod/door/1/2/v/index.m3u8', 'door', 'window'],
  ['/vod/door/1/2/v1/v2/index.m3u8', 'door', 'window'],
  ['/vod/door/1/2/x1/index.m3u8', 'door', 'window'],
  ['/clip/door/1/2.avi', 'door', 'clip'],
  ['/timelapse/door/1/2/1000.mp4', 'door', 'clip'],
  ['/timelapse/door/1/2.mp4', 'door', 'clip'],
  ['/timelapse/door/1/2/30.mkv', 'door', 'clip'],
  ['/clip/door/1/2/3.mp4', 'door', 'clip'],
  ['/clip/door/1/.mp4', 'door', 'clip'],
  ['/thumb/door/1795000000.png', 'door', 'thumb'],
  ['/thumb/door/.jpg', 'door', 'thumb'],
  ['/start/1/2/live.m3u8', undefined, 'window'],
  ['/start/1/x.ts', undefined, 'segment'],
];

suite('media addresses', () => {
  for (const [path, mediaClass, address] of valid) {
    test(`${path} is ${address.kind}`, () => {
      assert.deepEqual(parseMediaAddress(path), address);
      assert.equal(printMediaAddress(address), path);
      assert.equal(mediaClassOf(address), mediaClass);
    });
  }

  test('every kind has an address in the table above', () => {
    assert.equal(new Set(valid.map(([, , { kind }]) => kind)).size, 43);
  });

  test('invalid media paths have the stream that they seem to name, a class and their path', () => {
    for (const [path, stream, mediaClass] of unknown)
      assert.deepEqual(parseMediaAddress(path), { kind: 'unknown', stream, class: mediaClass, path });
  });

  test('invalid paths of assets have the asset that they seem to name', () => {
    for (const path of [
      '/assets/7f3a',
      '/assets/7f3a/',
      '/assets/7f3a/index.html',
      '/assets/7f3a/av0',
      '/assets/7f3a/AV0.m3u8',
      '/assets/7f3a/av0/1.m4s/x',
      '/assets/7f3a/av0/init-.mp4',
      '/assets/7f3a/av0/1.vtt',
      '/assets/7f3a/storyboard-x.jpg',
      '/assets/7f3a/__proto__',
    ])
      assert.deepEqual(parseMediaAddress(path), {
        kind: 'unknown',
        stream: undefined,
        asset: '7f3a',
        class: 'window',
        path,
      });
    assert.equal(parseMediaAddress('/assets/../etc/passwd')?.kind, 'unknown');
  });

  test('other paths are no media', () => {
    for (const path of [
      '/',
      '/live',
      '/liver/door/',
      '/api/v1/streams',
      '/watch/door',
      'live/door/',
      '/t/abc/live/door/',
    ])
      assert.equal(parseMediaAddress(path), undefined, path);
  });

  test('leading zeros name the same segment', () => {
    assert.deepEqual(parseMediaAddress('/live/door/av0/0007.m4s'), parseMediaAddress('/live/door/av0/7.m4s'));
  });

  test('a target is split once into token, path and query', () => {
    const address = parseMediaAddress('/live/door/av0/7.m4s')!;
    const path = '/live/door/av0/7.m4s';
    assert.deepEqual(parseMediaTarget(path), { address, path, query: '', token: undefined });
    assert.deepEqual(parseMediaTarget(`${path}?a=/t/b?c`), { address, path, query: 'a=/t/b?c', token: undefined });
    assert.deepEqual(parseMediaTarget(`/t/ab-_9${path}?x`), { address, path, query: 'x', token: 'ab-_9' });
    assert.equal(parseMediaTarget('/t/a%62/live/door/'), undefined);
    assert.equal(parseMediaTarget('/t/ab/api/v1/time'), undefined);
  });

  test('live lists may answer the Multivariant Playlist, the manifest, lists, init sections, segments and parts', () => {
    const kinds = valid.filter(([, , address]) => isLiveAddress(address)).map(([, , { kind }]) => kind);
    assert.deepEqual(new Set(kinds), new Set(['index', 'manifest', 'playlist', 'init', 'segment', 'part']));
  });

  test('what is printed is parsed to the same address, and scrambled paths never throw', () => {
    assert.ok(fuzzMediaAddresses(1, 5000) > 100);
  });
});
