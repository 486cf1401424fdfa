/**
 * Histories of publishers by seed: two or three of them come, go, stall, return with the same or other
 * timestamps, and send bursts.
 * In: a seed. Out: what a sink of the live stream received; errors if a guarantee is broken. Used by tests
 * only.
 */
import assert from 'node:assert/strict';
import type { Frame } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';
import { ticksToUs } from '@oxbow/media/run';
import { Leases } from '../cluster/lease/lease.ts';
import { createLocalLeases } from '../cluster/lease/local-leases.ts';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { audioTrack, videoTrack } from '../live/frames.fixture.ts';
import type { RunContext } from '../live/sink.ts';
import { Stream } from '../live/stream.ts';
import type { Publisher } from './publisher.ts';
import { PublisherSlot } from './publisher-slot.ts';

const video = videoTrack();
const audio = audioTrack();
const tracks = [video, audio];
/** One frame of each track in each step. */
const STEP_MS = 200;
const TICKS = 18_000;
const START_MS = 1_795_000_000_000;

/** The timers of a slot, driven by the test. */
export interface Timers {
  tick(ms: number): void;
}

type Random = (below: number) => number;

/** Counts its frames, so that a sink sees whether one is missing. */
class Encoder {
  readonly id: number;
  readonly #random: Random;
  readonly #gop: number;
  readonly #hasKeys: boolean;
  #epoch = 0;
  #n = 0;
  #dts: number;
  #sinceKey = 0;
  #wantsKey = true;
  /** Since the last key frame. */
  #kept: Frame[] = [];

  constructor(id: number, random: Random) {
    this.id = id;
    this.#random = random;
    this.#gop = 2 + random(14);
    this.#hasKeys = random(12) > 0;
    this.#dts = random(5) * 10 * 90_000;
  }

  requestKeyFrame(): void {
    this.#wantsKey = true;
  }

  /** Timestamps begin elsewhere, at a key frame. */
  restart(): void {
    this.#epoch++;
    this.#dts = this.#random(2) ? 0 : this.#dts + this.#random(40) * 90_000;
    this.#wantsKey = true;
  }

  /** Frames of a step. */
  next(): Frame[] {
    const key = this.#hasKeys && (this.#wantsKey || this.#sinceKey >= this.#gop);
    this.#wantsKey &&= !key;
    this.#sinceKey = key ? 1 : this.#sinceKey + 1;
    const dts = this.#dts;
    this.#dts += TICKS;
    const data = Uint8Array.of(this.id, this.#epoch, this.#n >> 8, this.#n & 255);
    this.#n++;
    const sound = (dts / 90_000) * 48_000;
    const frames = [
      { trackId: video.id, dts, pts: dts, duration: TICKS, key, data },
      { trackId: audio.id, dts: sound, pts: sound, duration: 9600, key: true, data },
    ];
    this.#kept = key ? frames : [...this.#kept, ...frames];
    return frames;
  }

  /** What a relay sends that returns: the current GOP again. */
  get kept(): readonly Frame[] {
    return this.#kept;
  }
}

/** A connection that comes and goes. */
class Participant {
  readonly encoder: Encoder;
  readonly #random: Random;
  readonly #asks: boolean;
  #publisher: Publisher | undefined;
  /** Steps until the connection sends again; what was encoded meanwhile waits or is lost. */
  #stalledFor = 0;
  #waiting: Frame[] | undefined;
  /** Something that may begin a run. */
  causes = 0;

  constructor(encoder: Encoder, random: Random) {
    this.encoder = encoder;
    this.#random = random;
    this.#asks = random(2) === 0;
  }

  async step(slot: PublisherSlot): Promise<void> {
    const random = this.#random;
    if (this.#publisher?.turn.role === 'ended') this.#publisher = undefined;
    if (!this.#publisher) {
      if (random(12) > 0) {
        if (random(3) === 0) this.encoder.next(); // encodes while it is away
        return;
      }
      await this.#connect(slot);
      return;
    }
    if (this.#stalledFor > 0) {
      this.#stalledFor--;
      const frames = this.encoder.next();
      this.#waiting?.push(...frames);
      if (this.#stalledFor > 0) return;
      if (this.#waiting) this.#send(this.#waiting);
      else this.encoder.requestKeyFrame();
      return;
    }
    if (random(300) === 0) {
      this.encoder.restart();
      this.causes++;
    }
    this.#send(this.encoder.next());
    if (random(120) === 0) {
      this.#stalledFor = 1 + random(60);
      this.#waiting = random(2) ? [] : undefined;
      this.causes++;
    } else if (random(150) === 0) this.#publisher.close('the publisher left');
  }

  #send(frames: readonly Frame[]): void {
    for (const frame of frames) this.#publisher?.publish(frame);
  }

  async #connect(slot: PublisherSlot): Promise<void> {
    const { signal } = new AbortController();
    const requestKeyFrame = this.#asks ? () => this.encoder.requestKeyFrame() : undefined;
    const request = { protocol: 'rtmp', remote: `${this.encoder.id}`, signal, requestKeyFrame };
    const publisher = await slot.claim(request).catch((error: unknown) => {
      assert.ok(error instanceof OxbowError && error.code === 'publisher-active', String(error));
      return undefined;
    });
    if (!publisher) return;
    this.#publisher = publisher;
    this.#stalledFor = 0;
    publisher.startTracks(tracks);
    this.causes++;
    const how = this.#random(4);
    if (how === 0) this.encoder.restart();
    if (how === 1) this.encoder.requestKeyFrame();
    // Its GOP, or a backlog in a burst.
    if (how === 2) this.#send(this.encoder.kept);
    if (how === 3) for (let i = this.#random(15); i > 0; i--) this.#send(this.encoder.next());
  }
}

interface Received {
  readonly run: number;
  readonly frame: Frame;
}

/**
 * Plays the history of a seed and checks what the stream delivered. Returns how many frames and runs that
 * were.
 */
export async function playHistory(
  seed: number,
  timers: Timers,
  steps = 300,
): Promise<{ readonly frames: number; readonly runs: number; readonly continued: number }> {
  const random = seeded(seed);
  const name = `seed ${seed}`;
  const clock = createManualClock(START_MS);
  const past = { endUs: START_MS * 1000, hasMedia: false, lastRun: 0, gaps: [] };
  const stream = new Stream({ clock, past });
  const contexts = new Map<number, RunContext>();
  const received: Received[] = [];
  let current = 0;
  let hardRuns = 0;
  let continued = 0;
  stream.sinks.attach(
    {
      startRun(context) {
        // A soft run of the same id only moves the UTC offset back: its gaps are the final ones.
        contexts.set(context.run.id, context);
        current = context.run.id;
        if (!context.soft) hardRuns++;
      },
      write: (frame) => void received.push({ run: current, frame }),
      flush() {},
      endRun() {},
      damage() {},
    },
    { name: 'test' },
  );
  stream.events.subscribe(({ type }) => {
    if (type === 'continued') continued++;
  });
  stream.offline('no publisher is connected');
  const failed = (error: unknown) => {
    throw error;
  };
  const policy = (['refuse', 'replace', 'standby'] as const)[random(3)]!;
  const slot = new PublisherSlot({
    streamId: 'x',
    clock,
    leases: new Leases({ store: createLocalLeases(clock), clock, failed }),
    failed,
    bug: failed,
    input: stream,
    policy: () => policy,
    watches: true,
    onEvent() {},
  });
  const participants = Array.from({ length: 2 + random(2) }, (_, i) => new Participant(new Encoder(i, random), random));
  for (let step = 0; step < steps; step++) {
    clock.advance(STEP_MS);
    timers.tick(STEP_MS);
    for (const participant of participants) await participant.step(slot);
  }
  await slot.close(new OxbowError('publish-refused', 'stopped'));
  stream.offline('stopped');
  checkFrames(name, received);
  checkTime(name, received, contexts, stream, clock);
  const causes = participants.reduce((sum, each) => sum + each.causes, 0);
  // A stall or a departure lets another publisher take over, and return: two runs for each cause.
  assert.ok(hardRuns <= 2 * causes, `${name}: ${hardRuns} runs for ${causes} causes`);
  return { frames: received.length, runs: hardRuns, continued };
}

/** Every picture can be decoded: it is a key frame, or follows its predecessor. */
function checkFrames(name: string, received: readonly Received[]): void {
  const identify = ({ data }: Frame) => ({ stream: `${data[0]}.${data[1]}`, n: data[2]! * 256 + data[3]! });
  let last: ReturnType<typeof identify> | undefined;
  let lastRun = 0;
  for (const { run, frame } of received.filter(({ frame }) => frame.trackId === video.id)) {
    const own = identify(frame);
    const follows = last?.stream === own.stream && own.n === last.n + 1;
    assert.ok(frame.key || follows, `${name}: frame ${own.n} of ${own.stream} after ${last?.n} of ${last?.stream}`);
    assert.ok(run === lastRun || frame.key, `${name}: run ${run} does not begin with a key frame`);
    last = own;
    lastRun = run;
  }
}

/** UTC strictly increases, and every instant is media, a gap or offline. */
function checkTime(
  name: string,
  received: readonly Received[],
  contexts: ReadonlyMap<number, RunContext>,
  stream: Stream,
  clock: ManualClock,
): void {
  let endUs = START_MS * 1000;
  let lastUs = Number.NEGATIVE_INFINITY;
  let hasMedia = false;
  for (const context of contexts.values()) {
    const own = received.filter(({ run, frame }) => run === context.run.id && frame.trackId === video.id);
    if (own.length === 0) continue;
    for (const { fromUs, toUs } of context.gaps) {
      assert.equal(fromUs, endUs, `${name}: gaps of run ${context.run.id}`);
      endUs = toUs;
    }
    const joint = context.startUs - endUs;
    assert.ok(!hasMedia || (joint >= 0 && joint <= 500_000), `${name}: ${joint} µs before run ${context.run.id}`);
    hasMedia = true;
    for (const { frame } of own) {
      const us = context.run.utcOffsetUs + ticksToUs(frame.pts, video.timescale);
      assert.ok(us > lastUs, `${name}: UTC runs back in run ${context.run.id}`);
      lastUs = us;
    }
    endUs = lastUs + 200_000;
  }
  assert.ok(
    !hasMedia || Math.abs(stream.edge.endUs - endUs) <= 1,
    `${name}: the stream ends at ${stream.edge.endUs - endUs}`,
  );
  const rest = stream.edge.gapsSince(stream.edge.endUs);
  const untilUs = rest.at(-1)?.toUs ?? stream.edge.endUs;
  assert.ok(untilUs >= clock.nowMs() * 1000 - 1, `${name}: the time until now is not accounted for`);
}
