import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import type { AudioTrack, Frame, Track } from '@oxbow/media/frame';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import { rescale } from '@oxbow/media/rescale';
import { need } from '../../test/fixtures/need.ts';
import { compareSounds, decodeSound, decodeSource, demuxSound, encodeSound, makeSound } from './audio.fixture.ts';
import { openAudioTranscoder } from './audio-transcoder.ts';
import { opusTrack, opusTranscodeOf } from './audio-transcoder-options.ts';

type Source = ReturnType<typeof demuxSound>;

/** Converts frames in one process. */
async function convert({ track, frames }: Source): Promise<Source> {
  const plan = opusTranscodeOf(track)!;
  const made: Frame[] = [];
  const marked = Promise.withResolvers<void>();
  await using transcoder = await openAudioTranscoder({
    frame: (frame) => void made.push(frame),
    mark: () => marked.resolve(),
  });
  transcoder.setTracks([plan]);
  for (const frame of frames) transcoder.send(frame);
  transcoder.mark({ id: 0, ends: true });
  const ended = transcoder.ended.then((why) => assert.fail(why));
  await Promise.race([marked.promise, ended]);
  ended.catch(() => {}); // The process is killed now.
  return { track: opusTrack(track, plan), frames: made };
}

/** The audio of a fragmented MP4. */
function demuxFragments(bytes: Uint8Array): Source {
  const all: Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createFmp4Demuxer({
    tracks: (tracks) => void all.push(...tracks),
    frame: (frame) => void frames.push(frame),
    damage: (reason) => assert.fail(reason),
  });
  demuxer.push(bytes);
  demuxer.flush();
  const track = all.find((each) => each.kind === 'audio');
  assert.ok(track);
  return { track, frames };
}

/** The samples of Opus frames at 48 kHz, from the time of the first one on; nothing is skipped. */
function decodeOpus({ track, frames }: Source): Float32Array {
  const first = frames[0]!.pts;
  const moved = frames.map((frame) => ({ ...frame, dts: frame.dts - first, pts: frame.pts - first }));
  const fragment = new Uint8Array(fragmentLength(moved));
  printFragment(fragment, 0, { sequence: 1, trackId: track.id, tfdt: 0, frames: moved });
  return decodeSound(concatBytes([printInit([track]), fragment]));
}

/**
 * By how many samples the Opus is later than its source, both placed by their times, and how alike they are.
 */
function compare(source: Source, bytes: Uint8Array, result: Source) {
  const from = result.frames[0]!.pts - rescale(source.frames[0]!.pts, source.track.timescale, 48_000);
  const skipped = 4800;
  const sound = decodeSource(bytes, ',aresample=48000').subarray(from + skipped, from + skipped + 60_000);
  return compareSounds(sound, decodeOpus(result).subarray(skipped, skipped + 60_000), 1100);
}

const isJoined = ({ frames }: Source) => frames.every(({ pts }, i) => pts === frames[0]!.pts + i * 960);
const configOf = ({ track: { timescale, config } }: { track: AudioTrack }) => [
  ...[config.codec, timescale, config.sampleRate, config.channels],
];

suite('audio becomes Opus', { skip: need('ffmpeg') }, () => {
  for (const codec of ['aac', 'mp2', 'ac3', 'libmp3lame'] as const) {
    for (const [rate, channels] of [
      [48_000, 2],
      [44_100, 1],
    ] as const) {
      test(`${codec} of ${rate} Hz with ${channels} channels becomes Opus at the same times`, async () => {
        const bytes = makeSound({ seconds: 2, rate, channels, codec });
        const source = demuxSound(bytes);
        const result = await convert(source);
        assert.deepEqual(configOf(result), ['opus', 48_000, 48_000, channels]);
        assert.ok(isJoined(result), 'each frame follows the one before');
        const { lag, likeness } = compare(source, bytes, result);
        assert.ok(Math.abs(lag) <= 48, `${lag} samples late`);
        assert.ok(likeness > 0.98, `likeness ${likeness}`);
        const last = source.frames.at(-1)!;
        const end = rescale(last.pts + last.duration, source.track.timescale, 48_000);
        assert.ok(result.frames.at(-1)!.pts + 960 >= end, 'nothing is missing at the end');
      });
    }
  }

  test('six channels are mixed down to stereo', async () => {
    const bytes = encodeSound({ seconds: 2 }, ['-ac', '6', '-c:a', 'aac', '-b:a', '384k'], 'ts');
    const source = demuxSound(bytes);
    assert.equal(source.track.config.channels, 6);
    const result = await convert(source);
    assert.deepEqual(configOf(result), ['opus', 48_000, 48_000, 2]);
    const { lag, likeness } = compare(source, bytes, result);
    assert.ok(Math.abs(lag) <= 48, `${lag} samples late`);
    assert.ok(likeness > 0.95, `likeness ${likeness}`);
  });

  test('Opus with six channels becomes stereo', async () => {
    const args = ['-ac', '6', '-c:a', 'libopus', '-b:a', '256k'];
    const source = demuxSound(encodeSound({ seconds: 1 }, args, 'ts'));
    assert.equal(source.track.config.channels, 6);
    const result = await convert(source);
    assert.equal(result.track.config.channels, 2);
    const sound = decodeOpus(result).subarray(4800, 40_000);
    assert.ok(
      sound.some((sample) => Math.abs(sample) > 0.1),
      'there is sound',
    );
  });

  test('FLAC becomes Opus at the same times', async () => {
    const args = ['-c:a', 'flac', '-strict', '-2', '-movflags', 'frag_keyframe+empty_moov+default_base_moof'];
    const bytes = encodeSound({ seconds: 2, rate: 44_100 }, args, 'mp4');
    const source = demuxFragments(bytes);
    assert.equal(source.track.config.codec, 'flac');
    const result = await convert(source);
    assert.deepEqual(configOf(result), ['opus', 48_000, 48_000, 2]);
    assert.ok(isJoined(result));
    const { lag, likeness } = compare(source, bytes, result);
    assert.ok(Math.abs(lag) <= 48, `${lag} samples late`);
    assert.ok(likeness > 0.98, `likeness ${likeness}`);
  });

  test('damaged frames become silence of their length; the process lives', async () => {
    const bytes = makeSound({ seconds: 2, codec: 'aac' });
    const source = demuxSound(bytes);
    const broken = source.frames.map((frame, i) =>
      i % 7 === 3 ? { ...frame, data: new Uint8Array(200).fill(i) } : frame,
    );
    const result = await convert({ ...source, frames: broken });
    assert.ok(isJoined(result));
    const { pts } = result.frames.at(-1)!;
    const last = source.frames.at(-1)!;
    assert.ok(Math.abs(pts - rescale(last.pts, source.track.timescale, 48_000)) < 2400);
  });
});
