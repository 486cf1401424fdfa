import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AudioTrack, Frame } from '@oxbow/media/frame';
import { need } from '../../../test/fixtures/need.ts';
import { adtsOf, decodeSound, decodeSource, demuxSound, likenessAt, makeSound } from '../../ffmpeg/audio.fixture.ts';
import { type OpenTranscoder, openAudioTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import { createManualClock } from '../../lib/clock.ts';
import { SegmentAudio } from './segment-audio.ts';

const signal = new AbortController().signal;

function create(open: OpenTranscoder = openAudioTranscoder) {
  const failures: string[] = [];
  let lost = 0;
  const report = {
    failed: (why: string) => void failures.push(why),
    lost: (count: number) => {
      lost += count;
    },
  };
  const audio = new SegmentAudio({ open, clock: createManualClock(), mode: 'auto', report });
  return { audio, failures, lost: () => lost };
}

suite('audio of segments', { skip: need('ffmpeg') }, () => {
  test('segments join without a hole: the sound is that of the source, sample by sample', async () => {
    const bytes = makeSound({ seconds: 6 });
    const { track, frames } = demuxSound(bytes);
    const made: Frame[] = [];
    let converted: AudioTrack | undefined;
    const { audio, failures, lost } = create();
    await using _ = audio;
    for (let at = 0; at < frames.length; at += 83) {
      const segment = frames.slice(at, at + 83);
      const result = await audio.convert([track], segment, { signal });
      assert.ok(result);
      const end = segment.at(-1)!.pts + 1152;
      assert.ok(end - result.frames.at(-1)!.pts <= 4 * 1024, 'nearly all of the sound comes with its segment');
      made.push(...result.frames);
      converted = result.tracks[0] as AudioTrack;
    }
    for (const [i, frame] of made.entries()) assert.equal(frame.pts, made[0]!.pts + i * 1024);
    const [sound, aac] = [decodeSource(bytes), decodeSound(adtsOf(made, converted!))];
    for (let at = 2048; at + 40_000 < aac.length; at += 40_000) {
      assert.ok(likenessAt(sound.subarray(at, at + 40_000), aac.subarray(at, at + 40_000), 0) > 0.99, `${at}`);
    }
    assert.deepEqual([failures, lost()], [[], 0]);
  });

  test('after a jump of the times, a segment has none of the sound before it', async () => {
    const { track, frames } = demuxSound(makeSound({ seconds: 2 }));
    const { audio } = create();
    await using _ = audio;
    await audio.convert([track], frames.slice(0, 40), { signal });
    const moved = frames.slice(40).map((frame) => ({ ...frame, pts: frame.pts + 480_000, dts: frame.dts + 480_000 }));
    const result = await audio.convert([track], moved, { signal });
    assert.equal(result?.frames[0]?.pts, moved[0]!.pts);
  });

  test('a process that is killed within a segment costs nothing: the segment is converted again', async () => {
    const { track, frames } = demuxSound(makeSound({ seconds: 2 }));
    let opened = 0;
    const { audio, failures, lost } = create(async (output) => {
      const child = await openAudioTranscoder(output);
      if (++opened === 1) process.kill(child.pid, 'SIGKILL');
      return child;
    });
    await using _ = audio;
    const result = await audio.convert([track], frames, { signal });
    assert.deepEqual([opened, failures.length, result?.frames[0]?.pts], [2, 1, frames[0]!.pts]);
    assert.ok(frames.at(-1)!.pts - result!.frames.at(-1)!.pts <= 3 * 1024);
    assert.equal(lost(), 0);
  });

  test('a segment whose audio cannot be converted has none', async () => {
    const { track, frames } = demuxSound(makeSound({ seconds: 1 }));
    const { audio, failures, lost } = create(async () => {
      throw new Error('too many run');
    });
    await using _ = audio;
    const result = await audio.convert([track], frames, { signal });
    assert.deepEqual([result?.frames.length, failures.length, lost()], [0, 2, frames.length]);
  });
});
