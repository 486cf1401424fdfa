import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_NAME, MAX_SAVED, parseSaved, type SavedClip, withClip, withClipBack, withoutClip } from './saved.ts';

const clip = (n: number, more: Partial<SavedClip> = {}): SavedClip => ({
  stream: 'cam',
  name: `clip ${n}`,
  fromMs: n * 1000,
  toMs: n * 1000 + 500,
  format: 'mp4',
  madeMs: n,
  ...more,
});

suite('the clips that a browser remembers', () => {
  test('stored clips are parsed', () => {
    const clips = [clip(2, { jobId: 'm4x-0123456789abcdef' }), clip(1)];
    assert.deepEqual(parseSaved(JSON.stringify(clips)), clips);
  });

  test('invalid entries are left out, the others stay', () => {
    const wrong: unknown[] = [
      ...[null, 7, 'x', [], {}, clip(1, { stream: '../etc' }), clip(1, { stream: 'Cam' })],
      ...[clip(1, { fromMs: -1 }), clip(1, { toMs: 1000 }), clip(1, { toMs: 1e16 }), clip(1, { toMs: 90_000_000 })],
      ...[
        { ...clip(1), fromMs: '1000' },
        { ...clip(1), format: 'exe' },
        { ...clip(1), name: 7 },
      ],
      { ...clip(1), madeMs: null },
    ];
    assert.deepEqual(parseSaved(JSON.stringify([...wrong, clip(9)])), [clip(9)]);
    for (const text of [null, '', '{', '{}', 'null', '"x"']) assert.deepEqual(parseSaved(text), [], String(text));
  });

  test('a long name is cut, an invalid job is dropped, unknown members are dropped', () => {
    const [read] = parseSaved(JSON.stringify([{ ...clip(1), name: 'x'.repeat(500), jobId: '../../x', evil: 1 }]));
    assert.deepEqual(read, clip(1, { name: 'x'.repeat(MAX_NAME) }));
  });

  test('random texts are parsed without an error, and within the limit of the list', () => {
    let seed = 20_261_120;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    const good = JSON.stringify(Array.from({ length: 8 }, (_, i) => clip(i)));
    for (let i = 0; i < 2_000; i++) {
      const letters = [...good];
      for (let j = 0; j < 1 + random() * 6; j++) {
        letters[Math.floor(random() * letters.length)] = String.fromCharCode(32 + Math.floor(random() * 95));
      }
      for (const { fromMs, toMs, name } of parseSaved(letters.join(''))) {
        assert.ok(toMs > fromMs && name.length <= MAX_NAME);
      }
    }
  });

  test('the newest is in front, the same clip appears once, and the oldest is dropped', () => {
    let clips: readonly SavedClip[] = [];
    for (let n = 0; n < MAX_SAVED + 5; n++) clips = withClip(clips, clip(n));
    assert.equal(clips.length, MAX_SAVED);
    assert.equal(clips[0]!.madeMs, MAX_SAVED + 4);
    const again = withClip(clips, clip(50, { name: 'renamed' }));
    assert.equal(again[0]!.name, 'renamed');
    assert.equal(again.filter(({ fromMs }) => fromMs === 50_000).length, 1);
    assert.equal(parseSaved(JSON.stringify([...clips, ...clips, clip(-1)])).length, MAX_SAVED);
  });

  test('a removed clip is restored to its place', () => {
    const clips = [clip(3), clip(2), clip(1)];
    for (const one of clips) assert.deepEqual(withClipBack(withoutClip(clips, one), one), clips);
  });
});
