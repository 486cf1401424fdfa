import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sniffFile } from './sniff.ts';

const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const packets = (first: number, stride: number) => {
  const bytes = new Uint8Array(first + 3 * stride);
  for (const n of [0, 1, 2]) bytes[first + n * stride] = 0x47;
  return bytes;
};

test('containers of media are recognized', () => {
  for (const [bytes, container] of [
    [latin1('\0\0\0\x20ftypisom'), 'mp4'],
    [latin1('\0\0\0\x08wide\0\0\0\0mdat'), 'mp4'],
    [latin1('\x1a\x45\xdf\xa3'), 'matroska'],
    [latin1('OggS'), 'ogg'],
    [latin1('RIFF\0\0\0\0AVI '), 'riff'],
    [latin1('FLV\x01'), 'flv'],
    [packets(0, 188), 'mpegts'],
    [packets(4, 192), 'mpegts'],
  ] as const) {
    assert.deepEqual(sniffFile(bytes), { kind: 'media', container });
  }
});

test('what is certainly no media is named', () => {
  for (const [text, name] of [
    ['\x89PNG\r\n\x1a\n', 'a PNG picture'],
    ['\0\0\0\x1cftypheic', 'a HEIF or AVIF picture'],
    ['RIFF\0\0\0\0WEBPVP8', 'a WebP picture'],
    ['PK\x03\x04', 'a ZIP archive'],
    ['\xef\xbb\xbf \n<!DOCTYPE html>', 'a web page or XML document'],
    ['#EXTM3U\n', 'a playlist, not the media that it lists'],
    ['1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\n', 'subtitles without a video'],
    ['\xef\xbb\xbf1\n00:01:02,000 --> 00:01:03,000\nGr\xc3\xbc\xc3\x9fe\n', 'subtitles without a video'],
    ['[Script Info]\nTitle: something\nScriptType: v4.00+\n', 'subtitles without a video'],
    ['Notes of the meeting: nothing to see.\n', 'a text file'],
    [`${'\xe6\x97\xa5\xe6\x9c\xac'.repeat(20)}\xe6\x97`, 'a text file'],
    ['{"a":1,"b":[2,3],"c":"four","d":null}', 'a text file'],
  ] as const) {
    assert.deepEqual(sniffFile(latin1(text)), { kind: 'other', name });
  }
});

test('everything else may be media', () => {
  for (const text of [
    '',
    '\xff\xfb\x90',
    '\0\0\0\x01\x67',
    '<',
    'RIFF',
    'any text',
    '\x47',
    '\0\0\0\x08ftyp',
    `${'x'.repeat(40)}\0`,
    '\xe9'.repeat(40),
  ]) {
    assert.notEqual(sniffFile(latin1(text))?.kind, 'other', text);
  }
});
