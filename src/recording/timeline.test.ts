import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import type { GapCause } from '@oxbow/media/gap';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { seeded } from '@oxbow/media/random.fixture';
import type { StreamGap } from '@oxbow/media/segment';
import type { ManualClock } from '../lib/clock.ts';
import { HOLE_US } from '../live/continuity.ts';
import type { Stream } from '../live/stream.ts';
import { LiveWindowWriter } from '../packager/live-window-writer.ts';
import { createPipeline } from '../packager/pipeline.ts';
import { groupAt, groupsFrom, initOf, openRig, type RecordingRig, START_US } from './recording.fixture.ts';
import { gapsSince, readTimeline, type Timeline, type TimelineEnd } from './timeline.ts';

const SECOND = 1_000_000;
const MARK_US = START_US + 20 * SECOND;

function endOf(rig: RecordingRig, more: Partial<TimelineEnd> & { stream?: Stream } = {}): TimelineEnd {
  const { stream, ...rest } = more;
  return {
    createdUs: START_US,
    horizonUs: 0,
    gapsSince: (fromUs) => (stream ? gapsSince(rig.recorder.gaps, stream, fromUs) : rig.recorder.gaps),
    ...rest,
  };
}

/** Pieces as `kind seconds…seconds`. */
function shown({ pieces }: Timeline): string[] {
  const at = (us: number) => String((us - START_US) / SECOND);
  return pieces.map(({ kind, fromUs, toUs, detail }) => `${kind} ${at(fromUs)}…${at(toUs)}${detail && ` (${detail})`}`);
}

function assertSeamless({ pieces, fromUs, toUs }: Timeline): void {
  assert.equal(pieces[0]?.fromUs ?? fromUs, fromUs);
  assert.equal(pieces.at(-1)?.toUs ?? fromUs, toUs);
  for (const [i, piece] of pieces.entries()) {
    assert.ok(piece.toUs > piece.fromUs, `piece ${i} is empty`);
    const next = pieces[i + 1];
    if (next) assert.equal(next.fromUs, piece.toUs, `a distance after piece ${i}`);
  }
}

const gap = (fromS: number, toS: number, cause: StreamGap['cause'], detail = ''): StreamGap => ({
  fromUs: START_US + fromS * SECOND,
  toUs: START_US + toS * SECOND,
  cause,
  detail,
});

suite('the timeline', () => {
  test('is media, gaps with their causes and offline, from the creation to now', async () => {
    await using rig = await openRig();
    const groups = [
      groupAt({ msn: 1, startUs: START_US + 5 * SECOND, gaps: [gap(0, 5, 'offline', 'not yet started')] }),
      groupAt({ msn: 2, startUs: START_US + 7 * SECOND }),
      groupAt({ msn: 3, startUs: START_US + 12 * SECOND, run: 2, gaps: [gap(9, 12, 'source-down', '404')] }),
    ];
    for (const group of groups) rig.recorder.write(group);
    const end = endOf(rig, { gapsSince: (fromUs) => [{ ...gap(0, 30, 'crash'), fromUs }] });
    const read = () => readTimeline(rig.recording, rig.chunks, end, 0, START_US + 1000 * SECOND);
    while (rig.committed.length < 3) await new Promise(setImmediate);
    const open = await read();
    await rig.recorder.seal();
    assert.deepEqual(await read(), open);
    assert.deepEqual(shown(open), [
      'offline 0…5 (not yet started)',
      'media 5…9',
      'source-down 9…12 (404)',
      'media 12…14',
      'crash 14…30',
    ]);
    assert.deepEqual(open.runs, [
      { run: 1, firstMsn: 1, utcOffsetUs: 0, startUs: START_US + 5 * SECOND },
      { run: 2, firstMsn: 3, utcOffsetUs: 0, startUs: START_US + 12 * SECOND },
    ]);
    assertSeamless(open);
  });

  test('of a stretch has the same pieces, cut, also within a gap and before the first file', async () => {
    await using rig = await openRig();
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US + 100 * SECOND, gaps: [gap(0, 100, 'offline')] }));
    rig.recorder.write(
      groupAt({ msn: 2, startUs: START_US + 3000 * SECOND, run: 2, gaps: [gap(102, 3000, 'source-down')] }),
    );
    await rig.recorder.seal();
    const read = async (fromS: number, toS: number) =>
      shown(
        await readTimeline(rig.recording, rig.chunks, endOf(rig), START_US + fromS * SECOND, START_US + toS * SECOND),
      );
    assert.deepEqual(await read(-100, -50), []);
    assert.deepEqual(await read(-10, 50), ['offline 0…50']);
    assert.deepEqual(await read(101, 103), ['media 101…102', 'source-down 102…103']);
    assert.deepEqual(await read(1000, 1001), ['source-down 1000…1001']);
    assert.deepEqual(await read(2999, 9999), ['source-down 2999…3000', 'media 3000…3002']);
    assert.deepEqual(await read(5000, 6000), []);
  });

  test('counts the groups of a window for any range, and more after some were added', async () => {
    await using rig = await openRig();
    for (const group of groupsFrom({ msn: 1, startUs: MARK_US - 6 * SECOND }, 5)) rig.recorder.write(group);
    await rig.recorder.seal();
    const windows = async (fromUs: number, toUs: number) =>
      (await readTimeline(rig.recording, rig.chunks, endOf(rig), fromUs, toUs)).windows;
    const before = MARK_US - 600 * SECOND;
    const both = [
      { fromUs: before, groups: 3 },
      { fromUs: MARK_US, groups: 2 },
    ];
    assert.deepEqual(await windows(0, Number.MAX_SAFE_INTEGER / 2), both);
    assert.deepEqual(await windows(MARK_US - SECOND, MARK_US + SECOND), both);
    assert.deepEqual(await windows(MARK_US - SECOND, MARK_US), both.slice(0, 1));
    rig.recorder.write(groupAt({ msn: 6, startUs: MARK_US + 4 * SECOND }));
    while (rig.committed.length < 6) await new Promise(setImmediate);
    assert.deepEqual((await windows(MARK_US, MARK_US + 1))[0]?.groups, 3);
  });

  test('has nothing before the horizon: it is deleted, not offline', async () => {
    await using rig = await openRig();
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 5)) rig.recorder.write(group);
    await rig.recorder.seal();
    const end = endOf(rig, { horizonUs: START_US + 4 * SECOND });
    assert.deepEqual(shown(await readTimeline(rig.recording, rig.chunks, end, 0, START_US + 60 * SECOND)), [
      'media 4…10',
    ]);
  });

  test('reports an unexplained gap as disk, and media that was found again as media', async () => {
    await using rig = await openRig();
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US }));
    rig.recorder.write(groupAt({ msn: 5, startUs: START_US + 8 * SECOND, run: 2 }));
    rig.recorder.write(groupAt({ msn: 6, startUs: START_US + 10 * SECOND, run: 3, gaps: [gap(9, 10, 'disk')] }));
    await rig.recorder.seal();
    const read = await readTimeline(rig.recording, rig.chunks, endOf(rig), 0, START_US + 60 * SECOND);
    assert.deepEqual(shown(read), ['media 0…2', 'disk 2…8 (not in the index)', 'media 8…12']);
  });

  test('reports losses before the next group is recorded', async () => {
    let room = true;
    await using rig = await openRig({ mayWrite: () => room });
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US }));
    await rig.recorder.seal();
    room = false;
    for (const group of groupsFrom({ msn: 2, startUs: START_US + 2 * SECOND }, 3)) rig.recorder.write(group);
    await rig.recorder.seal();
    const read = await readTimeline(rig.recording, rig.chunks, endOf(rig), 0, START_US + 60 * SECOND);
    assert.deepEqual(shown(read), ['media 0…2', 'disk 2…8 (there is no room on the disk)']);
  });
});

/** A stream with packager and recorder for random events. */
class History {
  readonly stream: Stream;
  readonly #rig: RecordingRig;
  readonly #random: (below: number) => number;
  readonly #clock: ManualClock;
  #inRun = false;
  room = true;
  recording = true;

  constructor(rig: RecordingRig, random: (below: number) => number) {
    this.#rig = rig;
    this.#random = random;
    this.#clock = rig.clock;
    const { stream, packager } = createPipeline({
      clock: rig.clock,
      past: {
        endUs: START_US,
        hasMedia: false,
        lastRun: 0,
        gaps: [{ fromUs: START_US, toUs: START_US, cause: 'offline', detail: 'not yet started' }],
      },
      settings: { partS: 0.2, segmentS: 2 },
      listWriter: new LiveWindowWriter(),
      nextMsn: 1,
      initOf: (tracks) => initOf(tracks),
      nextGeneration: () => 1 + random(1_000_000),
    });
    this.stream = stream;
    packager.groups.subscribe((group) => (this.recording ? rig.recorder.write(group) : rig.recorder.skip(group)));
  }

  /** Media as it comes, ten pictures a second with a key frame each second, for `ms`; may leave some out. */
  flow(ms: number, missing = 0): void {
    if (!this.#inRun) {
      const clock = this.#random(2) ? 'source' : 'arrival';
      this.stream.startRun({ tracks: [videoTrack, audioTrack], utcOffsetUs: 0, clock, pace: { kind: 'continuous' } });
      this.#inRun = true;
    }
    const from = Math.ceil(this.#clock.nowMs() / 100);
    for (let tick = from; tick < from + ms / 100; tick++) {
      this.#clock.advance(100);
      if (tick - from < missing / 100) continue;
      this.stream.publish(frameAt(1, tick, 90_000, tick % 10 === 0));
      this.stream.publish(frameAt(2, tick, 48_000, true));
    }
  }

  miss(cause: GapCause | 'offline', ms: number): void {
    if (cause === 'offline') this.stream.offline('stopped');
    else this.stream.absent(cause, `for ${ms} ms`);
    this.#inRun = false;
    this.#clock.advance(ms);
  }

  read(fromUs: number, toUs: number): Promise<Timeline> {
    const { recording, chunks } = this.#rig;
    return readTimeline(recording, chunks, endOf(this.#rig, { stream: this.stream }), fromUs, toUs);
  }

  /** Resolves when everything published is on disk. */
  async settle(): Promise<void> {
    while (!this.#rig.recorder.isQuiet) await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
}

function frameAt(trackId: number, tick: number, timescale: number, key: boolean): Frame {
  const dts = (tick * timescale) / 10;
  return { trackId, dts, pts: dts, duration: timescale / 10, key, data: Uint8Array.of(0, 0, 0, 1, 9) };
}

const CAUSES: readonly (GapCause | 'offline')[] = ['source-down', 'offline', 'bad-media', 'source-skipped', 'crash'];

suite('random events (docs/media.md 5)', () => {
  for (const seed of [3, 17, 404, 9001]) {
    test(`spans + gaps + offline = the time from creation to now, without seams (seed ${seed})`, async () => {
      const random = seeded(seed);
      const rooms = { room: true };
      await using rig = await openRig({ mayWrite: () => rooms.room });
      const history = new History(rig, random);
      let before: Timeline | undefined;
      for (let step = 0; step < 40; step++) {
        rooms.room = random(6) > 0;
        history.recording = random(8) > 0;
        const ms = 100 * (1 + random(80));
        switch (random(5)) {
          case 0:
            history.miss(CAUSES[random(CAUSES.length)]!, ms);
            break;
          case 1:
            // The source omits media without a signal.
            history.flow(ms + 2000, 100 * random(20));
            break;
          case 2:
            await rig.recorder.seal();
            break;
          default:
            history.flow(ms);
        }
        if (random(3) === 0) rig.clock.advance(2001 * random(2));
        await history.settle();
        const timeline = await history.read(0, Number.MAX_SAFE_INTEGER / 2);
        assertSeamless(timeline);
        const nowUs = rig.clock.nowMs() * 1000;
        assert.ok(timeline.toUs <= nowUs + HOLE_US, 'nothing is after now');
        if (timeline.pieces.length === 0) continue;
        assert.equal(timeline.fromUs, START_US);
        // The current segment is not known yet; the longest has two seconds plus a key frame interval.
        const flowing = history.stream.edge.gap === undefined;
        const unknownUs = (flowing ? history.stream.edge.endUs : nowUs) - timeline.toUs;
        assert.ok(
          unknownUs <= (flowing ? 8 * SECOND : 0),
          `${unknownUs / SECOND} s are not reported (flowing: ${flowing})`,
        );
        if (before) assertKept(before, timeline);
        before = timeline;
        await assertParts(history, timeline, random);
      }
      const kinds = new Set(before?.pieces.map(({ kind }) => kind));
      assert.ok(kinds.has('media') && kinds.has('offline') && kinds.size > 3, [...kinds].join());
    });
  }
});

/**
 * The past does not change: media stays media, a gap a gap. Only the last piece may grow, or shrink if media
 * arrived after all.
 */
function assertKept(before: Timeline, after: Timeline): void {
  const media = (timeline: Timeline, toUs: number) =>
    timeline.pieces
      .filter(({ kind }) => kind === 'media')
      .reduce((sum, piece) => sum + Math.max(0, Math.min(piece.toUs, toUs) - piece.fromUs), 0);
  const settledUs = before.pieces.at(-1)!.fromUs;
  assert.ok(Math.abs(media(after, settledUs) - media(before, settledUs)) < HOLE_US, 'media of the past changed');
}

/** A part of the timeline has the pieces of the full one, cut. */
async function assertParts(history: History, whole: Timeline, random: (below: number) => number): Promise<void> {
  const span = whole.toUs - whole.fromUs;
  const fromUs = whole.fromUs + random(Math.floor(span / 1000)) * 1000;
  const toUs = fromUs + 1 + random(20_000) * 1000;
  const part = await history.read(fromUs, toUs);
  assertSeamless(part);
  const expected = whole.pieces
    .filter((piece) => piece.toUs > fromUs && piece.fromUs < toUs)
    .map((piece) => ({ ...piece, fromUs: Math.max(piece.fromUs, fromUs), toUs: Math.min(piece.toUs, toUs) }));
  assert.deepEqual(part.pieces, expected);
}

test('while media waits for the disk, the start of the gap after it is unknown', () => {
  const stream = {
    placement: { context: undefined },
    edge: {
      gapsSince: (fromUs: number) => [{ fromUs, toUs: 9_000_000, cause: 'offline' as const, detail: '' }],
    },
  };
  assert.equal(gapsSince([], stream, 5_000_000).length, 1);
  assert.deepEqual(gapsSince([], stream, 5_000_000, { waits: true }), []);
});
