import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { createManualClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Pace } from '../../live/input.ts';
import type { Sink } from '../../live/sink.ts';
import {
  openStreams,
  START_MS,
  type StreamsRig,
  temporaryFolder,
  testSource,
  tracks,
} from '../../streams/streams.fixture.ts';
import { BurstPace } from './burst-pace.ts';
import { CutMarkers } from './cut-markers.ts';
import { type MadeCut, Mixer } from './mixer.ts';
import { MixerInput } from './mixer-input.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const continuous: Pace = { kind: 'continuous' };

/** A mixer with inputs that are played by the test, ten pictures a second and a key frame each second. */
class Rig implements AsyncDisposable {
  readonly streams: StreamsRig;
  readonly mixer: Mixer;
  readonly cuts: MadeCut[] = [];
  /** Frames of the mixer, and the input that each is of. */
  readonly sent: { readonly frame: Frame; readonly input: number; readonly atMs: number }[] = [];
  /** Those that send, by name. */
  readonly playing = new Set<string>(['a', 'b']);
  readonly #places = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  /** By how much the sound of b comes before its picture, in tenths of a second. */
  soundAhead = 0;
  #tick = 0;

  private constructor(streams: StreamsRig, config: { sound?: string; fallback?: string }) {
    this.streams = streams;
    const stream = streams.catalog.get('show');
    stream.stream.sinks.attach(
      {
        startRun() {},
        write: (frame) => void this.sent.push({ frame, input: frame.data[1]!, atMs: this.streams.clock.monotonicMs() }),
        flush() {},
        endRun() {},
        damage() {},
      },
      { name: 'test' },
    );
    for (const name of this.#places.keys()) this.begin(name);
    this.mixer = new Mixer({
      stream,
      stored: {
        streamId: stream.definition.id,
        config: { inputs: ['a', 'b'], sound: config.sound ?? null, fallback: config.fallback ?? null },
        chosen: 'a',
      },
      find: (name) => streams.catalog.find(name)?.stream,
      clock: streams.clock,
      log: streams.deps.log,
      onCut: (cut) => this.cuts.push(cut),
    });
  }

  static async open(folder: string, config: { sound?: string; fallback?: string } = {}): Promise<Rig> {
    const streams = await openStreams({ folder });
    for (const name of ['a', 'b']) await streams.api.create(name, testSource);
    await streams.api.create('show', { source: { type: 'push' } });
    const rig = new Rig(streams, config);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    return rig;
  }

  begin(name: string): void {
    const { input } = this.streams.source(name);
    input.startRun({ tracks, utcOffsetUs: this.streams.clock.nowMs() * 1000, clock: 'source', pace: continuous });
  }

  /** Plays for a time of the clock. */
  flow(ms: number): void {
    for (let end = this.#tick + ms / 100; this.#tick < end; this.#tick++) {
      this.streams.clock.advance(100);
      for (const name of this.playing) {
        const place = this.#places.get(name)!;
        const { input } = this.streams.source(name);
        // Key frames of the inputs are half a second apart.
        input.publish(frameOf(1, this.#tick, 90_000, (this.#tick + 5 * place) % 10 === 0, place));
        const ahead = name === 'b' ? this.soundAhead : 0;
        input.publish(frameOf(2, this.#tick + ahead, 48_000, true, place));
      }
      this.mixer.tick();
    }
  }

  inputs(trackId: number): number[] {
    return [...new Set(this.sent.filter(({ frame }) => frame.trackId === trackId).map(({ input }) => input))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mixer.close();
    await this.streams[Symbol.asyncDispose]();
  }
}

function frameOf(trackId: number, tick: number, timescale: number, key: boolean, place: number): Frame {
  const dts = ((tick + 10_000 * place) * timescale) / 10;
  return { trackId, dts, pts: dts, duration: timescale / 10, key, data: Uint8Array.of(0, place, trackId, tick & 255) };
}

suite('a mixer', () => {
  test('shows the first input, and another one from its key frame after a cut on', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path);
    rig.flow(3000);
    assert.deepEqual(rig.inputs(1), [1]);
    rig.mixer.cut('b', { isNow: true, by: 'ann' });
    assert.equal(rig.mixer.state.next?.name, 'b');
    rig.flow(3000);
    const pictures = rig.sent.filter(({ frame }) => frame.trackId === 1);
    assert.deepEqual(rig.inputs(1), [1, 2]);
    assert.ok(pictures.find(({ input }) => input === 2)!.frame.key);
    const steps = pictures.slice(1).map(({ frame }, i) => frame.pts - pictures[i]!.frame.pts);
    assert.deepEqual([...new Set(steps)], [9000]);
    const [first, second] = rig.cuts;
    assert.deepEqual([first!.input, first!.from, first!.by], ['a', null, '']);
    assert.deepEqual([second!.input, second!.from, second!.by, second!.isDiscontinuity], ['b', 'a', 'ann', false]);
    assert.ok(Math.abs(second!.atUs - rig.streams.clock.nowMs() * 1000) < 3_500_000);
    assert.throws(() => rig.mixer.cut('c', { isNow: true, by: '' }), refusal('mixer-input'));
  });

  test('shows the fallback while the input has no media, and returns when that has had some for five seconds', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path, { fallback: 'b' });
    rig.flow(3000);
    rig.playing.delete('a');
    rig.flow(5000);
    assert.equal(rig.mixer.state.onAir?.name, 'b');
    assert.throws(() => rig.mixer.cut('a', { isNow: true, by: '' }), refusal('mixer-input-offline'));
    rig.playing.add('a');
    rig.flow(3000);
    assert.equal(rig.mixer.state.onAir?.name, 'b');
    rig.flow(5000);
    assert.equal(rig.mixer.state.onAir?.name, 'a');
    assert.deepEqual(
      rig.cuts.map(({ input, by }) => [input, by]),
      [
        ['a', ''],
        ['b', ''],
        ['a', ''],
      ],
    );
  });

  test('reports a gap while no input has media, and continues with the next key frame', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path);
    rig.flow(3000);
    const { stream } = rig.mixer.stream;
    const onAir = () => rig.mixer.state.onAir?.name;
    rig.playing.delete('a');
    rig.flow(4000);
    assert.equal(rig.mixer.state.onAir, undefined);
    assert.equal(rig.mixer.state.problem, 'no input has media');
    assert.equal(stream.edge.gap?.cause, 'source-down');
    // Viewers read it, and an input may be private.
    assert.doesNotMatch(stream.edge.gap.detail, /\ba\b/);
    rig.playing.add('a');
    rig.flow(3000);
    assert.deepEqual([onAir(), stream.edge.gap], ['a', undefined]);
    const [before, after] = [rig.sent.filter(({ atMs }) => atMs < 6000), rig.sent.filter(({ atMs }) => atMs > 7000)];
    assert.ok(before.length > 0 && after.length > 20);
  });

  test('keeps the sound of one input under the picture of another', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path, { sound: 'b' });
    rig.flow(4000);
    assert.deepEqual([rig.inputs(1), rig.inputs(2)], [[1], [2]]);
    rig.mixer.cut('b', { isNow: true, by: '' });
    rig.flow(3000);
    assert.deepEqual([rig.inputs(1), rig.inputs(2)], [[1, 2], [2]]);
  });

  test('leaves no hole in sound that comes before its picture, and says nothing twice', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path);
    rig.soundAhead = 3;
    rig.flow(3000);
    // Its key frame is the next picture: the sound of that has come.
    for (const [input, ms] of [
      ['b', 2500],
      ['a', 2500],
    ] as const) {
      rig.mixer.cut(input, { isNow: true, by: '' });
      rig.flow(ms);
    }
    const sounds = rig.sent.filter(({ frame }) => frame.trackId === 2);
    const steps = sounds.slice(1).map(({ frame }, i) => frame.pts - sounds[i]!.frame.pts);
    assert.deepEqual([...new Set(steps)], [4800]);
    const changes = sounds.filter(({ input }, i) => i > 0 && input !== sounds[i - 1]!.input);
    assert.equal(changes.length, 2);
    assert.equal(new Set(sounds.map(({ input, frame }) => `${input} ${frame.data[3]}`)).size, sounds.length);
  });

  test('does not claim a stream whose source is not push any more', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path);
    // As a stream of the configuration after another start.
    const stream = rig.streams.catalog.get('a');
    const { clock, deps } = rig.streams;
    const config = { inputs: ['b'], sound: null, fallback: null };
    const stored = { streamId: stream.definition.id, config, chosen: 'b' };
    const find = (name: string) => rig.streams.catalog.find(name)?.stream;
    const mixer = new Mixer({ stream, stored, find, clock, log: deps.log, onCut: () => {} });
    await mixer.close();
    assert.match(mixer.state.problem, /of type test, not push/);
    assert.deepEqual(
      rig.streams.events.filter(({ type }) => type === 'publish.refused'),
      [],
    );
  });

  test('a cut to the input on air does not give its user to a later change', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path);
    rig.flow(2000);
    rig.mixer.cut('a', { isNow: true, by: 'ann' });
    const { streamId } = rig.mixer.stored;
    rig.mixer.follow({ streamId, config: { inputs: ['b'], sound: null, fallback: null }, chosen: 'b' });
    rig.flow(2000);
    assert.deepEqual([rig.cuts.at(-1)?.input, rig.cuts.at(-1)?.by], ['b', '']);
  });

  test('ends when its stream is stopped, and publishes again when that is started', async () => {
    await using folder = await temporaryFolder();
    await using rig = await Rig.open(folder.path);
    rig.flow(2000);
    await rig.streams.api.stop('show');
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    rig.flow(1000);
    assert.equal(rig.mixer.state.onAir, undefined);
    assert.match(rig.mixer.state.problem, /stopped/);
  });
});

suite('the pace of an input in segments', () => {
  test('releases frames when they were captured, later by a segment; those that are late at once', () => {
    const released: number[] = [];
    const pace = new BurstPace(1, ({ dts }) => released.push(dts));
    const add = (ms: number, nowMs: number) => pace.add(frameOf(1, ms / 100, 90_000, true, 0), ms * 1000, nowMs * 1000);
    for (let ms = 0; ms < 1000; ms += 100) add(ms, 0);
    pace.advance(1_499_000);
    assert.equal(released.length, 0);
    pace.advance(1_900_000);
    assert.equal(released.length, 5);
    pace.advance(3_000_000);
    assert.equal(released.length, 10);
    // Two seconds late: what follows is late by as much.
    add(1000, 4500);
    add(1100, 4500);
    assert.equal(released.length, 11);
    pace.advance(4_600_000);
    assert.equal(released.length, 12);
  });
});

suite('an input in segments', () => {
  test('is passed on to the end of a run before the next one begins', () => {
    const clock = createManualClock(START_MS);
    const passed: (number | undefined)[] = [];
    let sink: Sink | undefined;
    const input = new MixerInput('a', clock, {
      run: ({ tracks: of }) => void passed.push(of?.length),
      frame: (_, { dts }) => void passed.push(dts / 9000),
    });
    const attach = (attached: Sink) => {
      sink = attached;
      return { [Symbol.dispose]: () => {} };
    };
    input.follow({ sinks: { attach, requestKeyFrame: () => false } });
    const begin = (count: number) => {
      const pace = { kind: 'bursty', intervalS: 1 } as const;
      const run = { id: 1, utcOffsetUs: 0, clock: 'source' } as const;
      const startUs = 0;
      sink!.startRun({ run, tracks: tracks.slice(0, count), reference: tracks[0]!, pace, startUs, gaps: [] });
    };
    const segment = (from: number) => {
      for (let tick = from; tick < from + 10; tick++) sink!.write(frameOf(1, tick, 90_000, tick === from, 0));
    };
    const play = (ms: number) => {
      for (let at = 0; at < ms; at += 20) {
        clock.advance(20);
        input.tick();
      }
    };
    begin(2);
    segment(0);
    play(1000);
    sink!.endRun();
    begin(1);
    segment(100);
    assert.equal(passed.length, 1);
    play(2500);
    const count = (from: number) => Array.from({ length: 10 }, (_, i) => from + i);
    assert.deepEqual(passed, [2, ...count(0), 1, ...count(100)]);
    sink!.endRun();
    assert.equal(passed.at(-1), undefined);
    assert.equal(input.tracks, undefined);
  });
});

suite('markers of cuts', () => {
  test('are one a second, and the oldest makes room', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('show', { source: { type: 'push' } });
    const { definition } = rig.catalog.get('show');
    const { markers } = rig.deps.recordings;
    const cuts = new CutMarkers(markers, rig.deps.events);
    const cut = (s: number, by = '') =>
      cuts.add(definition, { input: 'a', from: null, atUs: s * 1_000_000, by, isDiscontinuity: false });
    await cut(1000, 'ann');
    await cut(1000.5);
    for (let s = 1; s <= 2000; s++) await cut(1000 + s);
    const all = await markers.between(definition.id, { fromUs: 0, toUs: 1e13, limit: 5000 });
    assert.equal(all.length, 2000);
    assert.equal(all[0]!.text, '✂ a');
  });
});
