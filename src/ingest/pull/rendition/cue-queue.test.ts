import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { parseSample } from '@oxbow/media/webvtt/sample';
import { CueQueue, type TimedCue } from './cue-queue.ts';

const S = 90_000;
const cue = (fromS: number, toS: number, text: string, more: Partial<TimedCue> = {}): TimedCue => ({
  start: fromS * S,
  end: toS * S,
  wraps: true,
  discontinuitySequence: 0,
  id: '',
  settings: '',
  text,
  ...more,
});
const span = (fromS: number, toS: number) => ({ from: fromS * S, to: toS * S });
/** Times, seconds, and the text. */
const shown = (frames: readonly Frame[]) =>
  frames.map(({ dts, duration, data }) => [
    dts / S,
    (dts + duration) / S,
    parseSample(data)
      .map(({ text }) => text)
      .join(),
  ]);

suite('cues that wait for their video', () => {
  test('all cues of a long video may arrive before its first frame', () => {
    const queue = new CueQueue(230);
    for (let i = 0; i < 5000; i++) queue.add(cue(2 * i, 2 * i + 1, `cue ${i}`));
    for (let i = 0; i < 5000; i++) assert.deepEqual(shown(queue.take(0, span(2 * i, 2 * i + 2)))[0]?.[2], `cue ${i}`);
  });

  test('the size of waiting and remembered cues is bounded', () => {
    const queue = new CueQueue(230);
    const text = 'x'.repeat(60_000);
    for (let i = 0; i < 200; i++) queue.add(cue(i, i + 1, `${i} ${text}`));
    const shown = queue
      .take(0, span(0, 200))
      .flatMap(({ data }) => parseSample(data).map((one) => one.text.slice(0, 3)));
    assert.ok(shown.length > 50 && shown.length < 80, `${shown.length} of 200`);
    assert.equal(shown.at(-1), '199');
  });

  test('samples are adjacent and end with their segment; a cue continues in the next', () => {
    const queue = new CueQueue(230);
    queue.add(cue(1, 5, 'a'));
    queue.add(cue(2, 3, 'b'));
    queue.add(cue(9, 10, 'c'));
    assert.deepEqual(shown(queue.take(0, span(0, 4))), [
      [1, 2, 'a'],
      [2, 3, 'a,b'],
      [3, 4, 'a'],
    ]);
    const [rest, ...none] = queue.take(0, span(4, 8));
    assert.deepEqual([shown([rest!]), none], [[[4, 5, 'a']], []]);
    const { before, after } = parseSample(rest!.data)[0]!;
    assert.deepEqual([before, after], [3 * S, 0]);
    assert.deepEqual(shown(queue.take(0, span(8, 12))), [[9, 10, 'c']]);
  });

  test('a cue that several segments repeat is one', () => {
    const queue = new CueQueue(230);
    for (let i = 0; i < 3; i++) queue.add(cue(1, 2, 'a'));
    assert.deepEqual(shown(queue.take(0, span(0, 4))), [[1, 2, 'a']]);
  });

  test('33-bit times are mapped to the media, before and after the wrap', () => {
    const queue = new CueQueue(230);
    const wrap = 2 ** 33;
    queue.add(cue(0, 0, 'a', { start: wrap - S, end: wrap + S }));
    queue.add(cue(0, 0, 'b', { start: 2 * S, end: 3 * S }));
    const at = 5 * wrap;
    const frames = queue.take(0, { from: at - 2 * S, to: at + 4 * S });
    assert.deepEqual(
      frames.map(({ dts, duration }) => [(dts - at) / S, duration / S]),
      [
        [-1, 2],
        [2, 1],
      ],
    );
  });

  test('a late cue keeps its times in a sample of 1 ms', () => {
    const queue = new CueQueue(230);
    queue.take(0, span(0, 4));
    queue.add(cue(1, 2, 'late'));
    const [late, ...others] = queue.take(0, span(4, 8));
    assert.deepEqual([late!.dts, late!.duration, others.length], [4 * S, 90, 0]);
    const { before, after } = parseSample(late!.data)[0]!;
    assert.deepEqual([before, after], [3 * S, 2 * S - 4 * S - 90]);
  });

  test('at a discontinuity earlier cues are dropped, and later ones wait', () => {
    const queue = new CueQueue(230);
    queue.add(cue(1, 9, 'old'));
    queue.add(cue(2, 3, 'new', { discontinuitySequence: 1 }));
    assert.deepEqual(shown(queue.take(0, span(0, 4))), [[1, 4, 'old']]);
    assert.deepEqual(shown(queue.take(1, span(0, 4))), [[2, 3, 'new']]);
  });

  test('each part of a segment gets its own cues', () => {
    const queue = new CueQueue(230);
    queue.add(cue(0.5, 1.5, 'a'));
    const parts = [0, 1, 2].flatMap((s) => shown(queue.take(0, span(s, s + 1))));
    assert.deepEqual(parts, [
      [0.5, 1, 'a'],
      [1, 1.5, 'a'],
    ]);
  });
});
