import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame, Track } from '../frame.ts';
import { createPackedAudioDemuxer } from './demuxer.ts';
import { isPackedAudio, parsePackedHead } from './format.ts';
import { fuzzPackedAudio } from './fuzz.fixture.ts';
import { aacFrames, ac3Frames, id3Frame, id3Tag, mp3Frames, timeFrame } from './packed.fixture.ts';

const joined = (...parts: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

function demuxerOf() {
  const sets: (readonly Track[])[] = [];
  const frames: Frame[] = [];
  const damages: string[] = [];
  const demuxer = createPackedAudioDemuxer({
    tracks: (tracks) => void sets.push(tracks),
    frame: (frame) => void frames.push(frame),
    damage: (reason) => void damages.push(reason),
  });
  const segment = (...parts: readonly Uint8Array[]) => {
    for (const part of parts) demuxer.push(part);
    demuxer.flush();
  };
  return { demuxer, sets, frames, damages, segment };
}

test('the ID3 tag before the frames has their time, to 33 bits (RFC 8216bis 3.4)', () => {
  const tag = id3Tag(id3Frame('TXXX', Uint8Array.of(3)), timeFrame(2 ** 33 - 1));
  assert.deepEqual(parsePackedHead(joined(tag, aacFrames(1))), { start: tag.length, pts: 2 ** 33 - 1, tags: [tag] });
  assert.deepEqual(parsePackedHead(aacFrames(1)), { start: 0, pts: undefined, tags: [] });
  assert.throws(() => parsePackedHead(tag.subarray(0, 20)), { name: 'FormatError' });
});

for (const [name, frames, codecs, rate, samples] of [
  ['AAC', aacFrames(3), 'mp4a.40.2', 48_000, 1024],
  ['MP3', mp3Frames(3), 'mp4a.6B', 44_100, 1152],
  ['AC-3', ac3Frames(3), 'ac-3', 48_000, 1536],
] as const) {
  test(`${name} frames become one track in its own rate`, () => {
    const { segment, sets, frames: out, damages } = demuxerOf();
    segment(id3Tag(timeFrame(90_000)), frames);
    assert.deepEqual(
      sets.map((set) => set.map(({ id, kind, timescale, config }) => [id, kind, timescale, config.codecs])),
      [[[1, 'audio', rate, codecs]]],
    );
    assert.deepEqual(
      out.map(({ pts, duration, key }) => [pts, duration, key]),
      [0, 1, 2].map((i) => [rate + i * samples, samples, true]),
    );
    assert.deepEqual(damages, []);
  });
}

test('times that are rounded to 90 kHz do not break the line of samples, and a wrap of the clock does not either', () => {
  const { segment, frames } = demuxerOf();
  const start = 2 ** 33 - 3000;
  segment(id3Tag(timeFrame(start)), aacFrames(2));
  segment(id3Tag(timeFrame((start + Math.round((2 * 1024 * 90_000) / 48_000) + 1) % 2 ** 33)), aacFrames(2));
  const steps = frames.slice(1).map(({ pts }, i) => pts - frames[i]!.pts);
  assert.deepEqual(steps, [1024, 1024, 1024]);
});

test('a segment without a time continues at the end of the last one; if none has one, the first begins at 0', () => {
  const { segment, frames, demuxer } = demuxerOf();
  segment(aacFrames(1));
  segment(aacFrames(1));
  demuxer.discontinuity();
  segment(aacFrames(1));
  assert.deepEqual(
    frames.map(({ pts }) => pts),
    [0, 1024, 0],
  );
});

test('other frames of the tag become an ID3 track; a tag with only the time does not', () => {
  const { segment, frames, sets } = demuxerOf();
  segment(id3Tag(timeFrame(90_000)), aacFrames(1));
  const title = id3Tag(timeFrame(91_920), id3Frame('TIT2', Uint8Array.of(3, 65)));
  segment(title, aacFrames(1));
  assert.deepEqual(
    sets.map((set) => set.map(({ kind }) => kind)),
    [['audio'], ['audio', 'data']],
  );
  const data = frames.filter(({ trackId }) => trackId === 2);
  assert.deepEqual(
    data.map(({ pts, duration }) => [pts, duration]),
    [[91_920, 0]],
  );
  assert.deepEqual(data[0]!.data, title);
});

test('the tag of the very first segment is kept too; the name of an encoder is no news', () => {
  const { segment, frames, sets } = demuxerOf();
  segment(id3Tag(timeFrame(90_000), id3Frame('TIT2', Uint8Array.of(3, 65))), aacFrames(1));
  assert.deepEqual(
    sets.map((set) => set.map(({ kind }) => kind)),
    [['audio', 'data']],
  );
  assert.deepEqual(
    frames.map(({ trackId }) => trackId),
    [1, 2],
  );
  assert.deepEqual(parsePackedHead(id3Tag(id3Frame('TSSE', Uint8Array.of(3, 65)))).tags, []);
});

test('another codec makes another track on the same line', () => {
  const { segment, frames, sets } = demuxerOf();
  segment(id3Tag(timeFrame(90_000)), aacFrames(2));
  segment(id3Tag(timeFrame(93_840)), mp3Frames(2));
  assert.deepEqual(
    sets.map((set) => set[0]!.config.codec),
    ['aac', 'mp3'],
  );
  assert.equal(frames[2]!.pts, Math.round((93_840 * 44_100) / 90_000));
});

test('a tag that cannot be read is stepped over, and the sound behind it is none the worse', () => {
  const { segment, frames } = demuxerOf();
  const broken = id3Tag(id3Frame('TXXX', new Uint8Array(20)));
  broken.set([0, 0, 1, 0], 14); // its frame reaches past it
  const old = id3Tag(new Uint8Array(12)).fill(2, 3, 4); // ID3v2.2
  segment(broken, old, id3Tag(timeFrame(90_000)), aacFrames(3));
  assert.deepEqual(
    frames.map(({ trackId, pts }) => [trackId, pts]),
    [0, 1, 2].map((i) => [1, 48_000 + i * 1024]),
  );
});

test('audio is recognized by two consecutive frames', () => {
  for (const frames of [aacFrames(2), mp3Frames(2), ac3Frames(2)]) assert.ok(isPackedAudio(frames));
  assert.ok(isPackedAudio(id3Tag(timeFrame(0))));
  assert.ok(!isPackedAudio(joined(aacFrames(1), new Uint8Array(20))));
  assert.ok(!isPackedAudio(new Uint8Array()));
  assert.throws(() => demuxerOf().segment(id3Tag(timeFrame(0)), new Uint8Array(64)), { name: 'FormatError' });
});

test('2,000 damaged segments give frames in order, damage, or a FormatError', () => {
  const gave = fuzzPackedAudio(20260711, 2000);
  assert.ok(gave > 500, `only ${gave} gave frames`);
});
