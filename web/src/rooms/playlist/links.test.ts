import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLinks, streamAddress } from './links.ts';

test('each line is a link, with a name before or after it', () => {
  const { links, wrong } = parseLinks(`
    https://a.example/one.m3u8
    The second | https://a.example/two.mp4
    http://a.example/three.mpd  The third
  `);
  assert.deepEqual(links, [
    { url: 'https://a.example/one.m3u8', name: '' },
    { url: 'https://a.example/two.mp4', name: 'The second' },
    { url: 'http://a.example/three.mpd', name: 'The third' },
  ]);
  assert.deepEqual(wrong, []);
});

test('an M3U list has names', () => {
  const text =
    '#EXTM3U\n#EXTINF:-1 tvg-id="x",News, at nine\nhttps://a.example/news.m3u8\nhttps://a.example/next.m3u8\n';
  assert.deepEqual(parseLinks(text).links, [
    { url: 'https://a.example/news.m3u8', name: 'News, at nine' },
    { url: 'https://a.example/next.m3u8', name: '' },
  ]);
});

test('lines without a link are reported', () => {
  assert.deepEqual(parseLinks('hello\nftp://a.example/x\nhttps://').wrong, ['hello', 'ftp://a.example/x', 'https://']);
});

test('any text is parsed, and every link is one', () => {
  let state = 15;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const parts = ['https://', 'a.example', '/x', '\n', ' ', '|', '#EXTINF:', ',', 'é', '%', '[', '"'];
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random(20) }, () => parts[random(parts.length)]).join('');
    for (const { url, name } of parseLinks(text).links) {
      assert.ok(/^https?:$/.test(new URL(url).protocol));
      assert.equal(name, name.trim());
    }
  }
});

test('addresses that browsers do not play are recognized: they can be streams', () => {
  for (const address of [
    'rtmp://live.example/app/key',
    'srt://live.example:8890?streamid=x',
    'https://www.youtube.com/watch?v=x',
    'https://youtu.be/x',
    'https://cdn.example/live/room.flv?sign=1',
  ])
    assert.equal(streamAddress(`Evening | ${address}`), address);
  for (const address of ['https://a.example/1.mp4', 'https://notyoutube.example/', 'https://a.example/x?u=.flv'])
    assert.equal(streamAddress(address), '', address);
});
