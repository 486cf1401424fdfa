import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamView } from '../../../src/api/shapes.ts';
import { type Formatter, infoRows } from './info-rows.ts';

const formatter: Formatter = {
  moment: (atMs) => new Date(atMs).toISOString().slice(11, 19),
  size: (bytes) => `${bytes} B`,
  length: (seconds) => `${seconds} s`,
};
const view: StreamView = {
  name: 'cam',
  state: 'live',
  problem: '',
  origin: 'api',
  source: { type: 'pull' },
  publisher: null,
  title: '',
  description: '',
  picture: null,
  record: true,
  visibility: 'public',
  createdAt: '2026-11-20T07:00:00.000Z',
  liveSince: '2026-11-20T07:00:04.000Z',
  tracks: [{ id: 1, kind: 'video', codecs: 'avc1.64001f', language: 'und', width: 1280, height: 720, frameRate: 25 }],
  facts: { protocol: 'hls', container: 'mpegts', title: '', live: true, qualities: [], chosen: '720p' },
  media: { bitrate: 2_480_000, frameRate: 29.97002997, gopS: 2 },
  recorded: { from: '2026-11-20T06:00:00.000Z', to: '2026-11-20T07:00:00.000Z', seconds: 3600, bytes: 5 },
  viewers: 0,
  hls: '/live/cam/index.m3u8',
  dash: '/live/cam/index.mpd',
};
const rows = (more: Partial<StreamView> = {}) =>
  Object.fromEntries(infoRows({ ...view, ...more }, 0, formatter, 'Test').map(({ name, value }) => [name, value]));

test('known values are shown, measured ones before declared ones', () => {
  assert.deepEqual(rows(), {
    'info.source': 'HLS · MPEG-TS · 720p',
    'info.liveSince': '07:00:04',
    'info.resolution': '1280 × 720',
    'info.frameRate': '29.97 fps',
    'info.bitrate': '2.5 Mbit/s',
    'info.gop': '2 s',
    'info.recordedSince': '06:00:00',
    'info.recorded': '3600 s · 5 B',
  });
});

test('a push stream shows the protocol of its publisher', () => {
  const publisher = { protocol: 'rtmp', since: view.createdAt, standby: 0 };
  assert.equal(rows({ source: { type: 'push' }, facts: null, publisher })['info.source'], 'RTMP');
});

test('unknown values have no row', () => {
  const recorded = { from: null, to: null, seconds: 0, bytes: 0 };
  assert.deepEqual(rows({ tracks: [], facts: null, media: null, liveSince: null, recorded }), {});
  assert.deepEqual(rows({ media: null })['info.frameRate'], '25 fps');
});

test('a test picture is named as such', () => {
  assert.equal(rows({ source: { type: 'test' } })['info.source'], 'Test');
});
