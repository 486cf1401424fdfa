import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLinks } from './links.ts';

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
