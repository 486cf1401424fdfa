import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStreamName } from '../stream/stream-name.ts';
import { suggestName } from './suggested-name.ts';

test('the name is derived from the title, then the path, then the host', () => {
  assert.equal(
    suggestName('Das große Fußball-Spiel: Köln – Bonn!', 'https://x.example/', []),
    'das-gro-e-fu-ball-spiel-koln-bonn',
  );
  for (const [address, name] of [
    ['http://127.0.0.1:8080/film/master.m3u8', 'film'],
    ['https://d2zihajmogu5jn.cloudfront.net/bipbop-advanced/bipbop_16x9_variant.m3u8', 'bipbop-16x9-variant'],
    ['https://cdn77.example/hls/door%20cam/720p/index.m3u8?token=abc', 'door-cam'],
    ['https://stream.example/live/harbour.stream/playlist.m3u8', 'harbour'],
    ['https://x.akamaized.net/dash/live/2003318/mux/a1b2c3d4e5f60718/master.m3u8', 'mux'],
    ['https://www.cam.example:8080/live.m3u8', 'cam-example'],
    ['https://cam.example/live/stream_720p.m3u8', 'cam-example'],
    ['https://cam.example/hls/9f86d081884c7d65/index.m3u8', 'cam-example'],
    ['http://cam.example/user=admin_password=secret_channel=1.ts', 'cam-example'],
    ['https://cam.example/harbour/user%3Dadmin%26password%3Dsecret/index.m3u8', 'harbour'],
    ['https://www.youtube.com/watch?v=x', 'youtube-com'],
    ['https://tv.example/%E4%B8%9C%E4%BA%AC/index.m3u8', 'tv-example'],
    ['https://tv.example/%E4%B8/index.m3u8', 'tv-example'],
    ['http://192.0.2.10/live.m3u8', '192-0-2-10'],
    ['http://localhost:8080/index.m3u8', 'stream'],
    ['srt://encoder.example:8890?streamid=door', 'encoder-example'],
    ['udp://@239.1.1.1:5000', 'udp-5000'],
    ['no address', 'stream'],
  ] as const) {
    assert.equal(suggestName('', ` ${address} `, []), name, address);
  }
  assert.equal(suggestName('东京塔', ' https://tv.example/ ', []), 'tv-example');
});

test('a name that is taken is numbered', () => {
  assert.equal(suggestName('Harbour', 'x', ['harbour', 'harbour-2']), 'harbour-3');
});

test('any title and any address give a valid name', () => {
  for (const text of ['a'.repeat(300), '-'.repeat(80), `${'word '.repeat(30)}`, '😀 live 😀', '___', 'É'.repeat(64)]) {
    for (const name of [suggestName(text, 'https://cam.example/', []), suggestName('', `http://h/${text}`, [])]) {
      assert.ok(isStreamName(name), text);
      assert.ok(name.length <= 45, name);
    }
  }
});
