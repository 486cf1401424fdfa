import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { need } from '../../test/fixtures/need.ts';
import {
  adtsOf,
  compareSounds,
  decodeSound,
  decodeSource,
  demuxSound,
  likenessAt,
  makeSound,
  type SoundPlan,
} from './audio.fixture.ts';
import { openAudioTranscoder } from './audio-transcoder.ts';
import { audioTranscodeOf, convertedTrack } from './audio-transcoder-options.ts';

/** Converts frames in one process; a number among them is a mark that ends the media. */
async function convert(source: ReturnType<typeof demuxSound>, inputs: readonly (Frame | 'end')[] = source.frames) {
  const plan = audioTranscodeOf(source.track)!;
  const made: Frame[] = [];
  const marked = Promise.withResolvers<void>();
  await using transcoder = await openAudioTranscoder({
    frame: (frame) => void made.push(frame),
    mark: ({ id }) => {
      if (id === 0) marked.resolve();
    },
  });
  transcoder.setTracks([plan]);
  for (const input of inputs) {
    if (input === 'end') transcoder.mark({ id: 1, ends: true });
    else transcoder.send(input);
  }
  transcoder.mark({ id: 0, ends: true });
  const ended = transcoder.ended.then((why) => assert.fail(why));
  await Promise.race([marked.promise, ended]);
  ended.catch(() => {}); // The process is killed now.
  return { track: convertedTrack(source.track, plan), frames: made };
}

/**
 * Offset and likeness of a conversion to its source, both placed by their times; the first frame is left out,
 * it fades in.
 */
function compare(
  source: ReturnType<typeof demuxSound>,
  bytes: Uint8Array,
  result: Awaited<ReturnType<typeof convert>>,
) {
  const sound = decodeSource(bytes);
  const aac = decodeSound(adtsOf(result.frames, result.track));
  const from = result.frames[0]!.pts - source.frames[0]!.pts;
  const skipped = 2048;
  return compareSounds(
    sound.subarray(from + skipped, from + skipped + 60_000),
    aac.subarray(skipped, skipped + 60_000),
    1100,
  );
}

suite('audio transcoder', { skip: need('ffmpeg') }, () => {
  const plans: readonly SoundPlan[] = [
    { seconds: 2, rate: 48_000, channels: 2 },
    { seconds: 2, rate: 44_100, channels: 2 },
    { seconds: 2, rate: 32_000, channels: 1 },
    { seconds: 2, rate: 24_000, channels: 1 },
    { seconds: 2, rate: 48_000, codec: 'ac3' },
  ];
  for (const plan of plans) {
    const { rate = 48_000, channels = 2, codec = 'mp2' } = plan;
    test(`${codec} of ${rate} Hz with ${channels} channels becomes AAC at the same times, sample by sample`, async () => {
      const bytes = makeSound(plan);
      const source = demuxSound(bytes);
      const result = await convert(source);
      assert.deepEqual(
        [result.track.config.codecs, result.track.config.sampleRate, result.track.config.channels],
        ['mp4a.40.2', rate, channels],
      );
      const { lag, likeness } = compare(source, bytes, result);
      assert.equal(lag, 0);
      assert.ok(likeness > 0.99, `likeness ${likeness}`);
      const [first, last] = [result.frames[0]!, result.frames.at(-1)!];
      assert.equal(first.pts, source.frames[0]!.pts);
      const end = source.frames.at(-1)!.pts + source.frames.at(-1)!.duration;
      assert.ok(last.pts + 1024 >= end && last.pts < end, 'nothing is missing at the end');
      for (const [i, frame] of result.frames.entries()) assert.equal(frame.pts, first.pts + i * 1024);
    });
  }

  test('lost frames become silence of the same length: what follows keeps its time', async () => {
    const bytes = makeSound({ seconds: 3 });
    const source = demuxSound(bytes);
    const kept = source.frames.filter((_, i) => i < 40 || i >= 45);
    const { track, frames } = await convert(source, kept);
    for (const [i, frame] of frames.entries()) assert.equal(frame.pts, frames[0]!.pts + i * 1024);
    const aac = decodeSound(adtsOf(frames, track));
    const sound = decodeSource(bytes);
    const after = 50 * 1152;
    assert.ok(likenessAt(sound.subarray(after), aac.subarray(after), 0) > 0.99);
    const hole = aac.subarray(42 * 1152, 43 * 1152);
    assert.ok(hole.every((sample) => Math.abs(sample) < 0.01));
  });

  test('times that a source corrects by milliseconds are followed, without a hole and without drift', async () => {
    const source = demuxSound(makeSound({ seconds: 4 }));
    // The clock of this source is 0.1 % fast: every 20 frames its times are 23 samples later than counted.
    const moved = source.frames.map((frame, i) => {
      const pts = frame.pts + Math.floor(i / 20) * 23;
      return { ...frame, pts, dts: pts };
    });
    const { frames } = await convert(source, moved);
    const offset = frames.at(-1)!.pts - (frames[0]!.pts + (frames.length - 1) * 1024);
    assert.equal(offset, Math.floor((moved.length - 1) / 20) * 23);
    for (let i = 1; i < frames.length; i++) {
      const step = frames[i]!.pts - frames[i - 1]!.pts;
      assert.ok(step === 1024 || step === 1047, `${step}`);
    }
  });

  test('a jump of the times begins the encoder again at the new time; what came before is complete', async () => {
    const source = demuxSound(makeSound({ seconds: 2 }));
    const half = Math.floor(source.frames.length / 2);
    const jump = 10 * 48_000;
    const moved = source.frames.map((f, i) => (i < half ? f : { ...f, pts: f.pts + jump, dts: f.dts + jump }));
    const { frames } = await convert(source, moved);
    const at = frames.findIndex(({ pts }) => pts >= moved[half]!.pts);
    assert.equal(frames[at]!.pts, moved[half]!.pts);
    const end = moved[half - 1]!.pts + 1152;
    assert.ok(frames[at - 1]!.pts + 1024 >= end);
  });

  test('after the end of the media, times may begin again', async () => {
    const source = demuxSound(makeSound({ seconds: 1 }));
    const { frames } = await convert(source, [...source.frames, 'end', ...source.frames]);
    assert.equal(frames.length % 2, 0);
    const half = frames.length / 2;
    assert.deepEqual(
      frames.slice(0, half).map(({ pts }) => pts),
      frames.slice(half).map(({ pts }) => pts),
    );
  });

  test('damaged frames end nothing', async () => {
    const source = demuxSound(makeSound({ seconds: 1 }));
    const broken = source.frames.map((frame, i) =>
      i % 5 === 2 ? { ...frame, data: new Uint8Array(200).fill(i) } : frame,
    );
    const { frames } = await convert(source, broken);
    const [first, last] = [source.frames[0]!, source.frames.at(-1)!];
    assert.ok(frames.at(-1)!.pts - frames[0]!.pts > last.pts - first.pts - 3000);
  });
});
