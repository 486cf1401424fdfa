import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNamedUrl } from './source-url.ts';

const URL = 'https://cam.example/live.m3u8?token=a=b';
const none: ReadonlySet<string> = new Set();

test('capitals and spaces in a name are written as names are; an address is never a name', () => {
  for (const [given, name] of [
    ['door', 'door'],
    ['Door', 'door'],
    ['Front Door', 'front-door'],
    [' Yard  2 ', 'yard-2'],
    ['a_b-C', 'a_b-c'],
  ] as const) {
    assert.deepEqual(parseNamedUrl(`${given}=${URL}`, none), { name, url: URL, isGiven: true });
  }
  for (const url of [URL, 'srt://192.0.2.1:9000?streamid=a', 'udp://@239.1.1.1:5000?program=2']) {
    assert.deepEqual(parseNamedUrl(url, none), { ...parseNamedUrl(url, none), url, isGiven: false });
  }
});

test('a name that cannot be one is what the message names, not the address', () => {
  for (const name of ['tür', 'x'.repeat(65), '-door', 'a.b', '日本']) {
    assert.throws(() => parseNamedUrl(`${name}=${URL}`, none), {
      name: 'FormatError',
      message: `Invalid stream name "${name}". Use 1 to 64 of a-z, 0-9, "-" and "_", first a letter or digit.`,
    });
  }
  assert.throws(() => parseNamedUrl(`Door=${URL}`, new Set(['door'])), { message: 'the name "door" is used twice' });
  assert.throws(() => parseNamedUrl('door=movie.mp4', none), { message: /"movie\.mp4" is not an http/ });
});
