import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../frame.ts';
import { seeded } from '../random.fixture.ts';
import { readBoxes } from './box.ts';
import { fragmentLength, printFragment } from './fragment.ts';
import { isSync, parseMoof } from './fragment-reader.ts';
import { audioTrack, framesOf, fuzz, videoTrack } from './media.fixture.ts';

function printed(frames: readonly Frame[], tfdt = frames[0]!.dts): Uint8Array {
  const bytes = new Uint8Array(fragmentLength(frames));
  assert.equal(printFragment(bytes, 0, { sequence: 7, trackId: frames[0]!.trackId, tfdt, frames }), bytes.length);
  return bytes;
}

/** The frames that a fragment holds. */
function readBack(bytes: Uint8Array): Frame[] {
  const [moof, mdat, ...rest] = readBoxes(bytes);
  assert.deepEqual([moof!.type, mdat!.type, rest.length], ['moof', 'mdat', 0]);
  const [fragment] = parseMoof(bytes, moof!);
  let dts = fragment!.tfdt!;
  return fragment!.sizes.map((size, i) => {
    const at = fragment!.offsets[i]!;
    assert.ok(at >= mdat!.body && at + size <= mdat!.end);
    const duration = fragment!.durations[i]!;
    const frame = {
      trackId: fragment!.trackId,
      dts,
      pts: dts + fragment!.compositions[i]!,
      duration,
      key: isSync(fragment!.flags[i]!),
      data: bytes.slice(at, at + size),
    };
    dts += duration;
    return frame;
  });
}

suite('a fragment (14496-12, 8.8)', () => {
  test('gives back its frames, whatever is uniform among them', () => {
    const random = seeded(21);
    for (let round = 0; round < 200; round++) {
      let dts = random(2 ** 31) * 1000;
      const [uniform, keys, flat] = [random(2), random(4), random(2)];
      const frames = Array.from({ length: 1 + random(8) }, (_, i): Frame => {
        const duration = uniform ? 3600 : 3000 + random(900);
        const frame = {
          trackId: 1,
          dts,
          pts: dts + (flat ? 0 : random(4) * 3600),
          duration,
          key: [true, i === 0, random(2) === 0, false][keys]!,
          data: new Uint8Array(uniform ? 10 : random(40)).fill(i),
        };
        dts += duration;
        return frame;
      });
      assert.deepEqual(readBack(printed(frames)), frames);
    }
  });

  test('64-bit decode times are exact', () => {
    const frames = framesOf(videoTrack, 5, 60_000_000 * 90_000);
    assert.deepEqual(readBack(printed(frames)), frames);
    assert.equal(readBack(printed(frames, 2 ** 53 - 20_000))[0]!.dts, 2 ** 53 - 20_000);
  });

  test('uniform audio costs four bytes a sample, uniform sizes none', () => {
    const frames = framesOf(audioTrack, 10);
    const data = frames.reduce((sum, frame) => sum + frame.data.length, 0);
    assert.equal(fragmentLength(frames) - data, 108 + 4 * 10);
    const same = frames.map((frame) => ({ ...frame, data: new Uint8Array(9) }));
    assert.equal(fragmentLength(same), 108 + 9 * 10);
  });

  test('decode times come from the frames, not from their guessed durations', () => {
    const [a, b, c] = framesOf(audioTrack, 3);
    const frames = [
      { ...a!, duration: 1 },
      { ...b!, dts: 5000, pts: 5000 },
      { ...c!, dts: 6000, pts: 6000 },
    ];
    assert.deepEqual(
      readBack(printed(frames)).map(({ dts, duration }) => [dts, duration]),
      [
        [0, 5000],
        [5000, 1000],
        [6000, 1024],
      ],
    );
  });

  test('writes into shared memory at any place', () => {
    const frames = framesOf(videoTrack, 5);
    const alone = printed(frames);
    const slab = new Uint8Array(new SharedArrayBuffer(alone.length + 33));
    assert.equal(printFragment(slab, 33, { sequence: 7, trackId: 1, tfdt: 0, frames }), slab.length);
    assert.deepEqual(new Uint8Array(slab.subarray(33)), alone);
  });

  test('a negative composition offset, decode time or step is our bug', () => {
    const [a, b] = framesOf(audioTrack, 2);
    assert.throws(() => printed([{ ...a!, pts: -1 }]), RangeError);
    assert.throws(() => printed([a!], -1), RangeError);
    assert.throws(() => printed([b!, a!]), RangeError);
    assert.throws(() => printed([]), TypeError);
  });

  test('a moof with more than 100,000 samples is refused', () => {
    const frames = framesOf(audioTrack, 3).map((frame) => ({ ...frame, data: new Uint8Array(9) }));
    const bytes = printed(frames);
    const trun = Buffer.from(bytes.buffer).indexOf('trun');
    new DataView(bytes.buffer).setUint32(trun + 8, 100_001);
    assert.throws(() => parseMoof(bytes, readBoxes(bytes)[0]!), { name: 'FormatError', message: /100,000/ });
  });

  test('damaged moofs are refused with FormatError and nothing else', () => {
    fuzz(printed(framesOf(videoTrack, 10)), 2000, (bytes) => {
      for (const box of readBoxes(bytes)) if (box.type === 'moof') parseMoof(bytes, box);
    });
  });
});
