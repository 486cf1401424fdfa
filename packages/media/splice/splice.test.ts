import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AudioTrack, Frame, Track, VideoTrack } from '../frame.ts';
import { ticksToUs } from '../run.ts';
import { RecentSound } from './recent-sound.ts';
import { Splice, type SpliceChange } from './splice.ts';
import type { Take } from './take.ts';

function video(timescale = 90_000, record = 1): VideoTrack {
  const config = {
    codec: 'h264' as const,
    record: Uint8Array.of(record),
    codecs: 'avc1.64001f',
    width: 640,
    height: 360,
  };
  return { id: 7, kind: 'video', timescale, language: 'und', label: '', config };
}

function audio(sampleRate = 48_000): AudioTrack {
  const config = { codec: 'aac' as const, record: Uint8Array.of(1), codecs: 'mp4a.40.2', sampleRate, channels: 2 };
  return { id: 9, kind: 'audio', timescale: sampleRate, language: 'und', label: '', config };
}

/** An input whose media begins at `startS` of its clock; `tag` is the first byte of its frames. */
interface Input {
  readonly tag: number;
  readonly tracks: readonly Track[];
  readonly startS: number;
  readonly fps: number;
  readonly gop: number;
  /** One of three pictures is a P, shown after the two B-frames that follow it. */
  readonly reorders?: boolean;
  /** By how much the sound comes after its picture, seconds. */
  readonly soundLateS?: number;
}

/** A frame, and when it arrives by the wall clock, seconds. */
interface Arrival {
  readonly input: Input;
  readonly frame: Frame;
  readonly atS: number;
}

function arrivals(input: Input, seconds: number, phaseS = 0): Arrival[] {
  const list: Arrival[] = [];
  for (const track of input.tracks) {
    const isVideo = track.kind === 'video';
    const lengthS = isVideo ? 1 / input.fps : 1024 / track.timescale;
    for (let i = 0; i * lengthS < seconds; i++) {
      const ticks = (s: number) => Math.round((input.startS + s) * track.timescale);
      const key = !isVideo || i % input.gop === 0;
      const inGop = i % input.gop;
      const shown = !isVideo || !input.reorders ? i : i + 1 + (inGop === 0 ? 0 : inGop % 3 === 1 ? 2 : -1);
      const frame: Frame = {
        trackId: track.id,
        dts: ticks(i * lengthS),
        pts: ticks(shown * lengthS),
        duration: ticks((i + 1) * lengthS) - ticks(i * lengthS),
        key,
        data: new Uint8Array(Float64Array.of(input.tag, phaseS + shown * lengthS).buffer),
      };
      list.push({ input, frame, atS: phaseS + i * lengthS + (isVideo ? 0 : (input.soundLateS ?? 0)) });
    }
  }
  return list;
}

/** A frame of the output: its time, its input, and by how much it was moved on the wall clock, seconds. */
interface Shown {
  readonly s: number;
  readonly tag: number;
  readonly movedS: number;
}

/** What a splice sent. */
class Output {
  readonly frames: Frame[] = [];
  readonly tracksSeen: (readonly Track[])[] = [];
  readonly changes: SpliceChange[] = [];
  tracks(tracks: readonly Track[]): void {
    this.tracksSeen.push(tracks);
  }
  frame(frame: Frame): void {
    this.frames.push(frame);
  }
  changed(change: SpliceChange): void {
    this.changes.push(change);
  }
  pictures(): Shown[] {
    return this.#of(1).sort((a, b) => a.s - b.s);
  }
  sounds(): Shown[] {
    return this.#of(2);
  }
  #of(id: number): Shown[] {
    const { timescale } = this.tracksSeen.at(-1)!.find((track) => track.id === id)!;
    return this.frames
      .filter(({ trackId }) => trackId === id)
      .map(({ pts, data }) => {
        const [tag, capturedS] = new Float64Array(data.buffer);
        const s = ticksToUs(pts, timescale) / 1e6;
        return { s, tag: tag!, movedS: s - capturedS! };
      });
  }
}

/** Plays inputs in real time and cuts to the next one every `everyS` seconds. */
function play(inputs: readonly (readonly Arrival[])[], everyS: number, output: Output): Splice {
  const splice = new Splice(output);
  const takes = new Map<Input, Take[]>(inputs.map(([first]) => [first!.input, []]));
  const recent = new Map(inputs.map(([first]) => [first!.input, new RecentSound(first!.input.tracks)]));
  const all = inputs.flat().sort((a, b) => a.atS - b.atS);
  let cuts = 0;
  for (const { input, frame, atS } of all) {
    if (!splice.next && atS >= cuts * everyS) {
      const [first] = inputs[cuts % inputs.length]!;
      const phaseS = first!.atS;
      const take = splice.open({
        tracks: first!.input.tracks,
        offsetUs: () => Math.round((phaseS - first!.input.startS) * 1e6) + 1_000_000_000,
      });
      takes.get(first!.input)!.push(take);
      for (const sound of recent.get(first!.input)!.frames) take.write(sound);
      cuts++;
    }
    recent.get(input)!.add(frame);
    for (const take of takes.get(input)!.slice(-2)) take.write(frame);
  }
  return splice;
}

/** Delays frames as a busy machine does: all of an input come in bursts, in order, up to `mostS` late. */
function inBursts(list: readonly Arrival[], mostS: number, random: () => number): Arrival[] {
  let untilS = Number.NEGATIVE_INFINITY;
  return [...list]
    .sort((a, b) => a.atS - b.atS)
    .map((arrival) => {
      if (arrival.atS > untilS) untilS = arrival.atS + mostS * random() ** 3;
      return { ...arrival, atS: untilS };
    });
}

function largest(times: readonly number[]): number {
  return times.slice(1).reduce((most, time, i) => Math.max(most, time - times[i]!), 0);
}

function assertWhole(output: Output, frameS: number): void {
  const pictures = output.pictures().map(({ s }) => s);
  const steps = pictures.slice(1).map((s, i) => s - pictures[i]!);
  assert(largest(pictures) <= 2 * frameS, `a picture is shown for ${largest(pictures)} s`);
  assert(Math.min(...steps) > 0.4 * frameS, `a picture is shown for ${Math.min(...steps)} s`);
  for (const id of [1, 2]) {
    const dts = output.frames.filter(({ trackId }) => trackId === id).map((frame) => frame.dts);
    assert(
      dts.every((each, i) => i === 0 || each > dts[i - 1]!),
      `decode times of track ${id} increase`,
    );
  }
}

/** Numbers from 0 to 1, the same ones for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a splice', () => {
  const tracks = [video(), audio()];
  const a: Input = { tag: 1, tracks, startS: 1000, fps: 25, gop: 25 };
  const b: Input = { tag: 2, tracks: [video(1000), audio()], startS: 5.5, fps: 25, gop: 25 };
  const c: Input = { tag: 3, tracks: [video(12_800), audio()], startS: 77_000, fps: 25, gop: 50 };

  it('has no hole and no overlap over a frame in 100 cuts between three clocks, and stays on the wall clock', () => {
    const output = new Output();
    play([arrivals(a, 210), arrivals(b, 210, 0.0131), arrivals(c, 210, 0.217)], 2, output);
    assertWhole(output, 0.04);
    assert(output.changes.length >= 100, `${output.changes.length} cuts`);
    assert.equal(output.tracksSeen.length, 1);
    assert(output.changes.every(({ errorUs }) => Math.abs(errorUs) <= 20_001));
    assert(Math.abs(output.pictures().at(-1)!.s - 1000 - 210) < 0.3);
  });

  it('does not drift in cuts between inputs that are in phase', () => {
    const output = new Output();
    play([arrivals(a, 210), arrivals({ ...b, tracks: [video(), audio()] }, 210), arrivals(c, 210)], 2, output);
    assertWhole(output, 0.04);
    assert(output.changes.length >= 100);
    assert(output.changes.every(({ errorUs }) => Math.abs(errorUs) <= 1));
  });

  it('keeps sound within 20 ms of its picture, without a hole over a frame, when it comes 150 ms after it', () => {
    const output = new Output();
    const late = [a, b, c].map((input) => ({ ...input, soundLateS: 0.15 }));
    play([arrivals(late[0]!, 60), arrivals(late[1]!, 60, 0.013), arrivals(late[2]!, 60, 0.2)], 2, output);
    const [pictures, sounds] = [output.pictures(), output.sounds()];
    assert(largest(sounds.map(({ s }) => s)) < 2 * (1024 / 48_000));
    assertWhole(output, 0.04);
    // The sound of each input is under its pictures: both are cut within 50 ms.
    const cutsOf = (list: typeof pictures) =>
      list.filter(({ tag }, i) => i > 0 && tag !== list[i - 1]!.tag).map(({ s }) => s);
    const [seen, heard] = [cutsOf(pictures), cutsOf(sounds)];
    assert.equal(heard.length, seen.length);
    for (const [i, s] of seen.entries()) assert(Math.abs(s - heard[i]!) < 0.05, `cut ${i}: ${s} and ${heard[i]}`);
    for (const { errorUs } of output.changes) assert(Math.abs(errorUs) <= 20_001);
    // Each input moves as a whole: its sound is where its picture is.
    for (const [i, s] of seen.entries()) {
      const inTake = ({ s: at }: Shown) =>
        at > Math.max(s, heard[i]!) && at < (seen[i + 1] ?? Number.POSITIVE_INFINITY) - 0.1;
      const [picture, sound] = [pictures.find(inTake)!, sounds.find(inTake)!];
      assert.equal(picture.tag, sound.tag);
      assert(Math.abs(picture.movedS - sound.movedS) <= 0.0201, `${picture.movedS - sound.movedS}`);
    }
  });

  for (const soundLateS of [-0.1, 0, 0.15]) {
    it(`leaves no hole in sound that comes ${soundLateS} s after its picture, where inputs come in bursts`, () => {
      const output = new Output();
      const inputs = [a, b, c].map((input) => ({ ...input, gop: 10, soundLateS }));
      const random = randomOf(3);
      play(
        inputs.map((input, i) => inBursts(arrivals(input, 60, i * 0.0931), 0.1, random)),
        1,
        output,
      );
      assert(output.changes.length >= 55, `${output.changes.length} cuts`);
      assertWhole(output, 0.04);
      assert(largest(output.sounds().map(({ s }) => s)) < 0.03, `${largest(output.sounds().map(({ s }) => s))} s`);
    });
  }

  it('begins takes where they should although their key frames come unevenly', () => {
    const output = new Output();
    const random = randomOf(3);
    const [x, y] = [
      { ...a, gop: 10 },
      { ...b, gop: 10 },
    ];
    // Key frames come a quarter of a second after the cuts, or more.
    play([inBursts(arrivals(x, 60, 0.25), 0.14, random), inBursts(arrivals(y, 60, 0.317), 0.14, random)], 2, output);
    assert(output.changes.length > 25);
    for (const { errorUs } of output.changes) assert(Math.abs(errorUs) <= 20_001, `${errorUs}`);
    assertWhole(output, 0.04);
  });

  it('cuts between streams with B-frames without a missing picture', () => {
    const output = new Output();
    const [x, y] = [
      { ...a, reorders: true },
      { ...b, tracks: [video(), audio()], reorders: true },
    ];
    play([arrivals(x, 60), arrivals(y, 60, 0.33)], 2, output);
    assertWhole(output, 0.04);
    assert(output.changes.length > 20);
  });

  it('reports other parameters as a discontinuity, on the same clock', () => {
    const output = new Output();
    const other: Input = { ...b, tracks: [video(90_000, 2), audio()] };
    play([arrivals(a, 12), arrivals(other, 12, 0.01)], 3, output);
    assert.deepEqual(
      output.changes.map(({ isDiscontinuity }) => isDiscontinuity),
      [false, true, true, true],
    );
    assert.equal(output.tracksSeen.length, 4);
    assertWhole(output, 0.04);
  });

  it('appends stored inputs where the last one ends, without drift', () => {
    const output = new Output();
    const splice = new Splice(output);
    const items = [a, b, c, a, b, c].map((input) => arrivals(input, 3).sort((p, q) => p.atS - q.atS));
    for (const item of items) {
      const take = splice.open({ tracks: item[0]!.input.tracks });
      for (const { frame } of item) take.write(frame);
      splice.end();
    }
    assertWhole(output, 0.04);
    assert(Math.abs(splice.endUs! - 18_000_000) < 1000, `${splice.endUs}`);
    assert(largest(output.sounds().map(({ s }) => s)) < 0.04);
  });

  it('does not wait for a current take that is silent, and keeps the hole of a long absence', () => {
    const output = new Output();
    const gone = arrivals(a, 5);
    const other = arrivals(b, 12);
    play([gone, other], 7, output);
    const steps = output.pictures().map(({ s }) => s);
    assert(Math.abs(largest(steps) - 3) < 1.1, `${largest(steps)}`);
  });

  it('takes sound of another input in place of that of the picture', () => {
    const output = new Output();
    const splice = new Splice(output);
    const sound = { track: audio(), offsetUs: () => -77_000_000_000 };
    const of = (input: Input, phaseS: number) => ({
      tracks: input.tracks,
      offsetUs: () => Math.round((phaseS - input.startS) * 1e6),
      sound,
    });
    const takes: Take[] = [];
    const all = [...arrivals(a, 20), ...arrivals(b, 20, 0.017), ...arrivals(c, 20)].sort((p, q) => p.atS - q.atS);
    for (const { input, frame, atS } of all) {
      if (!splice.next && atS >= takes.length * 2) {
        takes.push(splice.open(takes.length % 2 === 0 ? of(a, 0) : of(b, 0.017)));
      }
      for (const take of takes.slice(-2)) {
        if (input === c) take.writeSound(frame);
        else if (take.options.tracks === input.tracks) take.write(frame);
      }
    }
    assert(output.sounds().every(({ tag }) => tag === 3));
    assert(output.pictures().every(({ tag }) => tag !== 3));
    assert(largest(output.sounds().map(({ s }) => s)) < 0.0223, 'the sound has no hole');
    assertWhole(output, 0.04);
  });

  it('forgets a take that is cancelled', () => {
    const output = new Output();
    const splice = new Splice(output);
    const list = arrivals(a, 4);
    const take = splice.open({ tracks: a.tracks });
    for (const { frame } of list.slice(0, 60)) take.write(frame);
    const other = splice.open({ tracks: b.tracks });
    for (const { frame } of list.slice(60, 100)) take.write(frame);
    splice.cancel();
    for (const { frame } of arrivals(b, 1)) other.write(frame);
    splice.end();
    assert(output.pictures().every(({ tag }) => tag === 1));
    assert.equal(output.pictures().length, 100);
  });
});
