import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBitrate, NO_LADDER, parseLadder, printLadder } from './live-ladder.ts';

test('a ladder has its rungs from the lowest, with the default bitrate of each height', () => {
  const ladder = parseLadder('720p:2.5M, source, 360p, Audio, 480p:650k');
  assert.deepEqual(ladder, {
    rungs: [
      { height: 360, bitrate: 400_000 },
      { height: 480, bitrate: 650_000 },
      { height: 720, bitrate: 2_500_000 },
    ],
    audio: true,
  });
  assert.equal(printLadder(ladder), '360p, 480p:650k, 720p:2.5M, audio');
  assert.deepEqual(parseLadder('Fields, 360p'), {
    rungs: [{ height: 360, bitrate: 400_000 }],
    audio: false,
    fields: true,
  });
  assert.equal(printLadder(parseLadder('fields,audio,360p')), '360p, audio, fields');
  assert.deepEqual(parseLadder(''), NO_LADDER);
  assert.deepEqual(parseLadder('source'), NO_LADDER);
});

test('a height between those of the table has a bitrate between theirs', () => {
  assert.deepEqual(
    [144, 360, 540, 720, 2160].map(defaultBitrate),
    [150_000, 400_000, 1_175_000, 2_000_000, 14_000_000],
  );
});

test('what is no ladder is refused with what to write instead', () => {
  for (const [text, why] of [
    ['hd', /write 360p, 720p:2M or audio/],
    ['361p', /even height/],
    ['100p', /even height from 144p/],
    ['360p:1k', /50k to 50M/],
    ['360p, 360p:1M', /360p twice/],
    ['144p,240p,360p,480p,540p,720p,1080p,1440p,2160p', /at most 8/],
  ] as const) {
    assert.throws(() => parseLadder(text), why, text);
  }
});
