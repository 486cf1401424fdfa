import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { segmentLocation } from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import type { BodyPart } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { selectKeySegments } from '../timelapse/key-frames.ts';
import { TimeLapses } from '../timelapse/time-lapse.ts';
import type { WorkBudget } from '../work-budget.ts';
import { Clips } from './clip.ts';

const START_US = 1_794_999_600_000_000;
const HOUR_US = 3_600_000_000;
const DAY = { fromUs: START_US, toUs: START_US + 24 * HOUR_US };
const SEGMENT_US = 2_000_000;
const SEGMENTS_OF_DAY = 43_200;
const never = new AbortController().signal;

function groupAt(index: number): RecordedGroup {
  const tracks = [videoTrack, audioTrack].map(({ id, timescale }, i) => {
    const times = { tfdt: index * 2 * timescale, duration: 2 * timescale, firstPtsOffset: 0 };
    return {
      trackId: id,
      offset: index * 3000 + i * 2000,
      length: 2000 - i * 1000,
      ...times,
      samples: 50,
      flags: 1,
      crc: index,
    };
  });
  return {
    msn: 100 + index,
    run: 1,
    utcOffsetUs: 0,
    clock: 'source',
    discontinuity: false,
    discontinuitySequence: 0,
    startUs: START_US + index * SEGMENT_US,
    durationUs: SEGMENT_US,
    gaps: [],
    tracks,
    location: segmentLocation('day'),
    initNumber: 0,
  };
}

/** A recording of a day that exists only while it is read, and what was read of it. */
function openDay() {
  const counts = { groups: 0, most: 0, atOnce: 0, walks: 0 };
  const recording = {
    streamId: 'day',
    async walk(fromUs: number, toUs: number): Promise<Iterable<RecordedGroup>> {
      counts.walks++;
      counts.atOnce++;
      await new Promise(setImmediate);
      counts.atOnce--;
      const first = Math.max(0, Math.floor((fromUs - START_US) / SEGMENT_US));
      const end = Math.min(SEGMENTS_OF_DAY, Math.ceil((toUs - START_US) / SEGMENT_US));
      return {
        *[Symbol.iterator]() {
          let own = 0;
          for (let i = first; i < end; i++) {
            counts.groups++;
            counts.most = Math.max(counts.most, ++own);
            yield groupAt(i);
          }
        },
      };
    },
  };
  const init = { number: 0, hash: '', tracks: [videoTrack, audioTrack] };
  const stream = {
    name: 'day',
    recording,
    createdUs: START_US,
    list: { erasures: 0 },
    inits: { get: () => init },
    settled: () => true,
    horizonUs: () => 0,
  } as unknown as ServedStream;
  return { stream, counts };
}

/** A client with this many segments; undefined: one that is never refused. */
function clientWith(segments = Number.POSITIVE_INFINITY, isKnown = true) {
  const spent = { segments: 0 };
  const budget: WorkBudget = {
    begin() {
      if (spent.segments >= segments) throw new OxbowError('too-many-requests', 'used up');
    },
    spend: (count) => {
      spent.segments += count;
    },
    isKnown: () => isKnown,
  };
  return { budget, spent };
}

const clipsThatReadNothing = () => new Clips({ read: () => assert.fail('nothing is read') });

/** The first bytes of a part of a body. */
async function begin(part: BodyPart): Promise<void> {
  if ('blocks' in part) for await (const _ of part.blocks(0, 1)) return;
}

suite('a clip of a day', () => {
  test('is planned from one pass over the index in steps of ten minutes, and holds kilobytes', async () => {
    const { stream, counts } = openDay();
    const { budget, spent } = clientWith();
    const reply = await clipsThatReadNothing().answer(stream, DAY, 'mp4', { signal: never, budget });
    assert.equal(spent.segments, SEGMENTS_OF_DAY);
    assert.ok(counts.groups < SEGMENTS_OF_DAY + 10, `${counts.groups} groups were read`);
    assert.equal(counts.most, 300, 'groups between two turns of the event loop');
    assert.equal(reply.length > SEGMENTS_OF_DAY * 3000, true);
    const inMemory = reply.body.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : 0), 0);
    assert.ok(inMemory < 4096, `${inMemory} bytes of the body are in memory`);
    assert.ok(reply.weight! < 100_000, `it holds ${reply.weight} bytes`);
    assert.ok(reply.body.length <= 6);
  });

  test('is planned once for all its ranges, and a range reads its portion alone', async () => {
    const { stream, counts } = openDay();
    const { budget, spent } = clientWith();
    const clips = clipsThatReadNothing();
    for (let i = 0; i < 5; i++) {
      const { body } = await clips.answer(stream, DAY, 'mp4', { signal: never, budget });
      await begin(body[2]!);
    }
    assert.equal(spent.segments, SEGMENTS_OF_DAY);
    assert.ok(counts.groups < SEGMENTS_OF_DAY + 5 * 700, `${counts.groups} groups were read`);
  });

  test('of many clients is planned for two at a time', async () => {
    const { stream, counts } = openDay();
    let most = 0;
    const { walk } = stream.recording;
    Object.assign(stream.recording, {
      walk: (fromUs: number, toUs: number) => {
        const walked = walk(fromUs, toUs);
        most = Math.max(most, counts.atOnce);
        return walked;
      },
    });
    const clips = clipsThatReadNothing();
    const hours = Array.from({ length: 12 }, (_, i) => ({ fromUs: START_US + i, toUs: START_US + HOUR_US }));
    await Promise.all(hours.map((range) => clips.answer(stream, range, 'mp4', { signal: never })));
    assert.equal(most, 2);
  });

  test('ends to be planned when its client leaves, and begins only within the budget', async () => {
    const { stream, counts } = openDay();
    const leaving = new AbortController();
    const { budget, spent } = clientWith(1000);
    const stopping = { ...budget, spend: () => leaving.abort(new DOMException('gone', 'AbortError')) };
    const clips = clipsThatReadNothing();
    const answer = clips.answer(stream, DAY, 'mp4', { signal: leaving.signal, budget: stopping });
    await assert.rejects(answer, { name: 'AbortError' });
    assert.ok(counts.groups <= 301, `${counts.groups} groups were read`);
    await clips.answer(stream, { ...DAY, toUs: START_US + HOUR_US }, 'mp4', { signal: never, budget });
    assert.equal(spent.segments, 1800);
    const read = counts.groups;
    for (const format of ['mp4', 'mkv', 'ts'] as const) {
      const range = { ...DAY, toUs: START_US + HOUR_US / 2 };
      await assert.rejects(clips.answer(stream, range, format, { signal: never, budget }), {
        code: 'too-many-requests',
      });
    }
    assert.equal(counts.groups, read, 'a refused request reads nothing');
  });

  test('as .mkv or .ts is refused after two hours of it were read', async () => {
    for (const format of ['mkv', 'ts'] as const) {
      const { stream, counts } = openDay();
      const answer = clipsThatReadNothing().answer(stream, DAY, format, { signal: never });
      await assert.rejects(answer, { code: 'window-too-long' });
      assert.ok(counts.groups <= 3602, `${counts.groups} groups were read`);
    }
  });

  test('is for those who are known; a stranger gets six hours, and a day as time-lapse', async () => {
    const { stream, counts } = openDay();
    const { budget } = clientWith(undefined, false);
    const refused = (error: unknown) =>
      error instanceof OxbowError && error.code === 'unauthorized' && /Sign in/.test(String(error.extra.hint));
    const clips = clipsThatReadNothing();
    for (const format of ['mp4', 'mkv', 'ts'] as const) {
      await assert.rejects(clips.answer(stream, DAY, format, { signal: never, budget }), refused);
    }
    const lapses = new TimeLapses({ read: () => Promise.reject(new Error('the disk')) });
    const twoDays = { fromUs: START_US - 24 * HOUR_US, toUs: DAY.toUs };
    await assert.rejects(lapses.answer(stream, twoDays, 20, budget), refused);
    assert.equal(counts.groups, 0);
    assert.ok(await clips.answer(stream, { ...DAY, toUs: START_US + 6 * HOUR_US }, 'mp4', { signal: never, budget }));
    await assert.rejects(lapses.answer(stream, DAY, 20, budget), /the disk/);
  });

  test('as a time-lapse is counted, and read an hour at a time', async () => {
    const { stream, counts } = openDay();
    const { budget, spent } = clientWith();
    const found = await selectKeySegments(stream, DAY, 100, { signal: never, budget });
    assert.equal(found!.segments.length, 100);
    assert.equal(spent.segments, 2 * SEGMENTS_OF_DAY);
    assert.equal(counts.most, 1800);
  });
});
