import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { openVirtualTime, type TestTime } from '../../test/fixtures/virtual-time.ts';
import { openLocalSegmentStore } from '../archive/local-segment-store.ts';
import type { SegmentStore } from '../archive/segment-store.ts';
import type { Publisher } from '../ingest/publisher.ts';
import type { StreamInput } from '../live/input.ts';
import type { ManagedStream } from './managed-stream.ts';
import { openStreams, type StreamsRig, spansOf, temporaryFolder, testSource, tracks } from './streams.fixture.ts';

const push = { source: { type: 'push' } } as const;
const OTHERS = ['one', 'three'] as const;
const STEP_MS = 100;
/**
 * A key frame each second: how long a stream is played without its fault, with it, while its source is away,
 * and after it, ms.
 */
const [WHOLE_MS, FAILING_MS, AWAY_MS, BACK_MS] = [1200, 2200, 300, 300];
/** After this time the live playlist of a source that is away ends, ms. */
const LINGER_MS = 20;
/** Longest pause before the first failure of a source is made good, ms; `Math.random` is a half. */
const PAUSE_MS = 750;

/** Frames of a stream at a tick: of each track one; the bytes name the stream. */
function framesAt(seed: number, tick: number): Frame[] {
  return tracks.map(({ id, timescale }) => {
    const dts = (tick * timescale * STEP_MS) / 1000;
    const data = Uint8Array.of(0, 0, 0, 5, id, seed, tick & 255, (tick >> 8) & 255, 1);
    return {
      trackId: id,
      dts,
      pts: dts,
      duration: (timescale * STEP_MS) / 1000,
      key: id === 2 || tick % 10 === 0,
      data,
    };
  });
}

/** A source that is played: its errors end it, as those of a protocol do. */
interface Played {
  readonly input: StreamInput;
  readonly seed: number;
  /** The error of a call ends the source. */
  fail(error: unknown): void;
  isBegun: boolean;
}

const call = (played: Played, work: () => void) => {
  try {
    work();
  } catch (error) {
    played.fail(error);
  }
};

/** All streams of one rig, in step. */
class Stage {
  readonly rig: StreamsRig;
  readonly played = new Map<string, Played>();
  /** Errors that the connections of publishers caught, and would have counted. */
  caught = 0;
  /** Sources that were ended by an error. */
  readonly #failed = new Set<unknown>();

  constructor(rig: StreamsRig) {
    this.rig = rig;
  }

  play(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      this.rig.clock.advance(STEP_MS);
      const tick = Math.round(this.rig.clock.nowMs() / STEP_MS);
      for (const played of this.played.values()) {
        call(played, () => {
          const run = { tracks, utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } } as const;
          if (!played.isBegun) played.input.startRun(run);
          played.isBegun = true;
          for (const frame of framesAt(played.seed, tick)) played.input.publish(frame);
        });
      }
    }
  }

  /** Plays the newest source of a stream that oxbow reads. */
  read(name: string, seed: number): void {
    const source = this.rig.source(name);
    const { input, done } = source;
    const fail = (error: unknown) => {
      this.played.delete(name);
      this.#failed.add(source);
      done.reject(error);
    };
    this.played.set(name, { input, seed, fail, isBegun: false });
  }

  /** Whether the source of a stream is read again after an error. */
  isReadAgain(name: string): boolean {
    return !this.#failed.has(this.rig.source(name));
  }

  /** Connects a publisher, which leaves when a call fails. */
  async publish(name: string, seed: number): Promise<Publisher> {
    const { signal } = new AbortController();
    const publisher = await this.rig.catalog.get(name).publishers.claim({ protocol: 'rtmp', remote: '', signal });
    const fail = () => {
      this.caught++;
      this.played.delete(name);
      publisher.close('a bug');
    };
    this.played.set(name, { input: publisher, seed, fail, isBegun: false });
    return publisher;
  }
}

/** SHA-256 of all segments that a stream announced, as they were announced. */
function hashOf(stream: ManagedStream) {
  const hash = createHash('sha256');
  let segments = 0;
  stream.served.list.copied.subscribe((change) => {
    if (change.do !== 'seal') return;
    segments++;
    for (const { bytes } of change.group.tracks) hash.update(bytes);
  });
  return { digest: () => hash.copy().digest('hex'), count: () => segments };
}

type Methods = Record<string, (...given: unknown[]) => unknown>;

/** Makes a method of an object throw. Returns how often it did, and how to heal it. */
function inject(target: object, name: string) {
  let fired = 0;
  (target as Methods)[name] = () => {
    fired++;
    throw new TypeError(`injected into ${target.constructor.name}.${name}`);
  };
  return {
    fired: () => fired,
    heal: () => {
      delete (target as Methods)[name];
    },
  };
}

const methodsOf = (target: object): string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(target))).flatMap(([name, { value }]) =>
    typeof value === 'function' && name !== 'constructor' ? [name] : [],
  );

/** Every way in which a part of a stream may fail: returns how often it did and how to heal it. */
function faultsOf(stream: ManagedStream): Map<string, () => { fired(): number; heal(): void }> {
  const { list, recording } = stream.served;
  const { measure, away, publishers } = stream;
  const { ladder } = stream.derived;
  const faults = new Map<string, () => { fired(): number; heal(): void }>();
  const parts = { stream: stream.stream, list, recording, measure, away, ladder, publishers };
  for (const [part, target] of Object.entries(parts)) {
    for (const name of methodsOf(target)) faults.set(`${part}.${name}`, () => inject(target, name));
  }
  const events = {
    'stream.events': stream.stream.events,
    'list.copied': list.copied,
    'publishers.events': publishers.events,
  };
  for (const [name, subscribable] of Object.entries(events)) {
    faults.set(`a subscriber of ${name}`, () => {
      let fired = 0;
      const subscribe = subscribable.subscribe.bind(subscribable) as (listener: () => void) => () => void;
      const heal = subscribe(() => {
        fired++;
        throw new TypeError(`injected into a subscriber of ${name}`);
      });
      return { fired: () => fired, heal };
    });
  }
  faults.set('the sinks', () => {
    let fired = 0;
    const fail = () => {
      fired++;
      throw new TypeError('injected into a sink');
    };
    const sink = { startRun: fail, write: fail, flush: fail, endRun: fail, damage: fail };
    const attached = stream.stream.sinks.attach(sink, { name: 'broken', required: true });
    return { fired: () => fired, heal: () => attached[Symbol.dispose]() };
  });
  return faults;
}

/** Plays two streams, and beside them one after the other that fails; returns what the two announced. */
async function run(folder: string, victims: 'none' | 'read' | 'publish') {
  using time = openVirtualTime();
  let broken = '';
  const files = openLocalSegmentStore({ folder });
  const segments: SegmentStore = new Proxy(files, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        if (broken !== '' && typeof given[0] === 'string' && given[0].includes(broken)) {
          throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
        }
        return (value as (...all: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  await using rig = await openStreams({
    folder,
    segments,
    config: { live: { linger: { push: LINGER_MS, pull: LINGER_MS } } as never },
  });
  const stage = new Stage(rig);
  const hashes = new Map<string, ReturnType<typeof hashOf>>();
  for (const [seed, name] of OTHERS.entries()) {
    await rig.api.create(name, testSource);
    stage.read(name, seed);
    hashes.set(name, hashOf(rig.catalog.get(name)));
  }
  stage.play(3000);
  const fired: string[] = [];
  await rig.api.create('model', testSource);
  const names = ['the disk', ...faultsOf(rig.catalog.get('model')).keys()];
  await rig.api.remove('model', { recordings: 'delete' });
  for (const [at, fault] of names.entries()) {
    const name = `victim${at}`;
    if (victims === 'none') {
      stage.play(WHOLE_MS + FAILING_MS + AWAY_MS + BACK_MS);
      continue;
    }
    await rig.api.create(name, victims === 'read' ? testSource : push);
    if (victims === 'read') stage.read(name, at);
    else await stage.publish(name, at);
    const stream = rig.catalog.get(name);
    stage.play(WHOLE_MS);
    const { id } = stream.definition;
    const injected = fault === 'the disk' ? { fired: () => 1, heal: () => undefined } : faultsOf(stream).get(fault)!();
    if (fault === 'the disk') broken = id;
    stage.play(FAILING_MS);
    const played = stage.played.get(name);
    if (played && victims === 'read') {
      call(played, () => played.input.absent('source-down', 'away'));
      played.isBegun = false;
    }
    stage.play(AWAY_MS);
    const left = stage.played.get(name);
    if (left && victims === 'publish') {
      stage.played.delete(name);
      (left.input as Publisher).close('the publisher left');
    }
    await time.runFor(2 * LINGER_MS);
    if (injected.fired() > 0) fired.push(fault);
    injected.heal();
    broken = '';
    stage.play(BACK_MS);
  }
  await rig.settle();
  for (const name of OTHERS) {
    const stream = rig.catalog.get(name);
    assert.deepEqual([stream.status.state, stream.status.problem], ['live', ''], name);
    const spans = await spansOf(rig, name);
    assert.equal(spans.length, 1, `${name} is one stretch: ${JSON.stringify(spans)}`);
  }
  const announced = OTHERS.map((name) => [name, hashes.get(name)!.count(), hashes.get(name)!.digest()]);
  if (victims !== 'none') await assertReturned(stage, time, { faults: names, how: victims });
  const bugs = Number(/^oxbow_bugs_total (\d+)$/m.exec(await rig.deps.metrics.print())![1]);
  return { announced, fired, bugs: bugs + stage.caught };
}

/** Every stream that failed is live again when its source comes again. */
async function assertReturned(
  stage: Stage,
  time: TestTime,
  { faults, how }: { faults: readonly string[]; how: 'read' | 'publish' },
): Promise<void> {
  const { rig } = stage;
  const endMs = time.nowMs + PAUSE_MS;
  for (const [at, fault] of faults.entries()) {
    const name = `victim${at}`;
    if (stage.played.has(name)) continue;
    if (how === 'publish') await stage.publish(name, at);
    else {
      assert.match(rig.catalog.get(name).status.problem, /internal error/, fault);
      await time.until(`${name} (${fault}) is read again`, () => stage.isReadAgain(name));
      assert.ok(time.nowMs <= endMs, `${name} (${fault}) is read again after ${time.nowMs - endMs + PAUSE_MS} ms`);
      stage.read(name, at);
    }
  }
  stage.play(3000);
  for (const [at, fault] of faults.entries()) {
    assert.equal(rig.catalog.get(`victim${at}`).status.state, 'live', `victim${at}: ${fault}`);
  }
}

/** What the others announce beside streams without a fault: once for both tests. */
let undisturbed: ReturnType<typeof run> | undefined;

async function runWithoutFaults() {
  await using folder = await temporaryFolder();
  return await run(folder.path, 'none');
}

for (const how of ['read', 'publish'] as const) {
  test(`whatever fails in a stream that is ${how === 'read' ? 'read' : 'published'}, the others continue byte for byte, and it returns`, async (context) => {
    await using folder = await temporaryFolder();
    undisturbed ??= runWithoutFaults();
    const expected = await undisturbed;
    assert.equal(expected.bugs, 0);
    const found = await run(folder.path, how);
    assert.deepEqual(found.announced, expected.announced);
    context.diagnostic(`${found.bugs} bugs were counted of faults in ${found.fired.join(', ')}`);
    assert.ok(found.bugs >= found.fired.length - 1, `${found.bugs} bugs were counted of ${found.fired.length} faults`);
  });
}
