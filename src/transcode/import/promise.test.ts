import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DemuxInfo, DemuxStream } from '../../ffmpeg/demux.ts';
import { onOneClock, shortfall } from './promise.ts';
import { SoundSpan } from './sound-span.ts';

function streamOf(
  index: number,
  kind: DemuxStream['kind'],
  startS: number | undefined,
  durationS: number,
): DemuxStream {
  return {
    ...({ index, kind, codec: kind === 'video' ? 'h264' : 'aac', isAttachment: false } as DemuxStream),
    ...(startS !== undefined && { startUs: startS * 1_000_000 }),
    durationMs: durationS * 1000,
  };
}

function infoOf(container: string, streams: readonly DemuxStream[], durationS = 0): DemuxInfo {
  return { container, streams, durationUs: durationS * 1_000_000, startUs: 0, bitRate: 0, title: '' };
}

suite('what the times of a file promise', () => {
  for (const [what, startS, durationS, isKept] of [
    ['that begins 20,000 s later', 20_001.4, 4, false],
    ['that ended 20,000 s earlier', -19_998, 4, false],
    ['that begins a day later', 86_400, 4, false],
    ['that begins 50 s after the end of the picture', 54, 4, true],
    ['that begins 30 s before it', -30, 64, true],
    ['whose duration is unknown', -3600, 0, true],
    ['whose start is unknown', undefined, 0, true],
  ] as const) {
    test(`a track ${what} is ${isKept ? 'taken' : 'left out, by name'}`, () => {
      const picture = streamOf(0, 'video', 0, 4);
      const sound = streamOf(1, 'audio', startS, durationS);
      const { streams, warnings } = onOneClock(infoOf('mpegts', [picture, sound], 4), picture);
      assert.deepEqual(streams, isKept ? [picture, sound] : [picture]);
      assert.deepEqual(
        warnings.map((one) => /1 \(aac\)/.test(one)),
        isKept ? [] : [true],
      );
    });
  }

  const read = { originUs: 1_000_000, endUs: 2_000_000, warnings: [] as string[] };
  test('a file of which less was found than its tracks last has a warning with both numbers', () => {
    const streams = [streamOf(0, 'video', 1, 12), streamOf(1, 'audio', 1, 11.9)];
    assert.deepEqual(shortfall(infoOf('mov,mp4', streams), streams, read), [
      'The file says that it lasts 12.0 s; 2.0 s were found in it.',
    ]);
    const whole = { ...read, endUs: 11_900_000 };
    assert.deepEqual(shortfall(infoOf('mov,mp4', streams), streams, whole), []);
  });

  test('a duration that is no promise has no warning: a guess from the bit rate, that of subtitles, an end that is reported', () => {
    const streams = [streamOf(0, 'audio', 0, 12)];
    assert.deepEqual(shortfall(infoOf('mp3', streams), streams, read), []);
    const untimed = [streamOf(0, 'video', 0, 0), streamOf(1, 'text', 0, 0)];
    assert.deepEqual(shortfall(infoOf('matroska,webm', untimed, 60), untimed, read), []);
    assert.equal(shortfall(infoOf('matroska,webm', untimed.slice(0, 1), 60), untimed.slice(0, 1), read).length, 1);
    const ended = { ...read, warnings: ['The file ends early: 10 of 12 seconds are missing.'] };
    assert.deepEqual(shortfall(infoOf('mov,mp4', streams), streams, ended), []);
  });

  test('sound reaches from its first packet to its last, across holes, but not to another clock', () => {
    const span = new SoundSpan();
    for (let s = -5; s < 40; s++) span.add(s * 1_000_000, 1_000_000);
    span.add(95_000_000, 1_000_000);
    span.add(20_000_000_000, 1_000_000);
    assert.deepEqual([span.startOf(0), span.endOf(12_000_000)], [-5_000_000, 96_000_000]);
    assert.equal(span.lostUs(12_000_000), 1_000_000);
    assert.deepEqual([new SoundSpan().startOf(7), new SoundSpan().endOf(9)], [7, 9]);
  });
});
