import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { rewriteUris } from './rewrite-uris.ts';

const mark = (uri: string) => `<${uri}>`;

suite('the addresses of a playlist', () => {
  test('are replaced in URI lines and in attributes, and nothing else changes', () => {
    const playlist = [
      '#EXTM3U',
      '#EXT-X-VERSION:9',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="URI=\'x\', second",URI="audio/en.m3u8?a=1,2"',
      '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/k",IV=0x01',
      '#EXT-X-MAP:URI="init.mp4",BYTERANGE="10@0"',
      '# a comment with URI="not/an/address"',
      '#EXT-X-PART:DURATION=0.2,URI="p1.mp4",INDEPENDENT=YES',
      '#EXT-X-DATERANGE:ID="ad",X-ASSET-URI="ad.m3u8",X-NOTE="URI"',
      '#EXTINF:4,title with, URI',
      'seg 1.ts',
      '',
    ].join('\r\n');
    assert.deepEqual(rewriteUris(playlist, mark).split(/\r?\n/), [
      '#EXTM3U',
      '#EXT-X-VERSION:9',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="URI=\'x\', second",URI="<audio/en.m3u8?a=1,2>"',
      '#EXT-X-KEY:METHOD=AES-128,URI="<https://keys.example/k>",IV=0x01',
      '#EXT-X-MAP:URI="<init.mp4>",BYTERANGE="10@0"',
      '# a comment with URI="not/an/address"',
      '#EXT-X-PART:DURATION=0.2,URI="<p1.mp4>",INDEPENDENT=YES',
      '#EXT-X-DATERANGE:ID="ad",X-ASSET-URI="<ad.m3u8>",X-NOTE="URI"',
      '#EXTINF:4,title with, URI',
      '<seg 1.ts>',
      '',
    ]);
  });

  test('are not looked for in a text that is no playlist', () => {
    for (const text of ['', '<html>', '#EXTM3', `#EXTM3U\n${'x'.repeat(20_000)}`]) {
      assert.throws(() => rewriteUris(text, mark), FormatError);
    }
  });

  test('are found behind very long names that are no attributes', () => {
    const line = `#EXT-X-KEY:${'A'.repeat(16_000)} URI="k"`;
    const text = ['#EXTM3U', ...Array.from({ length: 400 }, () => line)].join('\n');
    assert.equal(rewriteUris(text, mark).split('<k>').length, 401);
  });

  test('of any text are replaced, or the text is malformed', () => {
    const random = seeded(15);
    const pieces = ['#EXTM3U', '\n', '#EXT-X-MAP:', 'URI=', '"', ',', 'a/b', '#EXT', ':', '=', '\r', '{$v}', '\u0000'];
    for (let i = 0; i < 3000; i++) {
      const text = `#EXTM3U\n${Array.from({ length: 12 }, () => pieces[random(pieces.length)]).join('')}`;
      assert.equal(rewriteUris(text, (uri) => uri).replace(/\s/g, ''), text.replace(/\s/g, ''));
    }
  });
});
