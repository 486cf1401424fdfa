import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { VideoTrack } from '@oxbow/media/frame';
import { findBox, readBoxes } from '@oxbow/media/isobmff/box';
import { type FileTableSample, parseMovie } from '@oxbow/media/isobmff/movie/progressive';
import type { Init } from '@oxbow/media/segment';
import { OxbowError } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';

const SECOND = 1_000_000;
const startS = START_US / SECOND;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

/** Segments of two seconds, complete. */
async function openPast(plans: readonly SegmentPlan[]): Promise<Delivery> {
  const past = await openDelivery();
  await past.record(...plans.map((plan) => makeGroup(plan, plan.init ?? past.init)));
  past.state.settledUs = START_US + 3600 * SECOND;
  return past;
}

const stretch = (count: number, firstMsn = 100): SegmentPlan[] =>
  Array.from({ length: count }, (_, i) => ({ msn: firstMsn + i }));

/** The frame at the start of a segment, see makePart of the fixture. */
const firstFrame = (msn: number, run = 1) => [0, 0, 0, 5, 1, 0, msn >> 8, msn & 255, run];

/** A film with its samples; each ends with the number of its segment and of its run. */
async function filmOf(past: Delivery, path: string) {
  const reply = await past.get(path);
  const bytes = await past.bytes(reply);
  const boxes = readBoxes(bytes);
  const [track, ...more] = parseMovie(bytes, findBox(boxes, 'moov')!).tracks;
  assert.equal(more.length, 0, 'no sound');
  const samples: FileTableSample[] = [];
  for (let sample = track!.walk.next(); sample; sample = track!.walk.next()) samples.push(sample);
  const frames = samples.map(({ offset, length }) => [...bytes.subarray(offset, offset + length)]);
  const msns = frames.map((frame) => frame[6]! * 256 + frame[7]!);
  return { reply, bytes, boxes, track: track!, samples, frames, msns };
}

suite('a time-lapse', () => {
  test('is a progressive file of key frames alone, with an exact duration', async () => {
    await using past = await openPast(stretch(10));
    const { reply, bytes, boxes, track, samples, frames } = await filmOf(past, `/timelapse/door/${startS}/20s/7.mp4`);
    assert.equal(reply.contentType, 'video/mp4');
    assert.match(reply.filename!, /^door-\d{8}T\d{6}Z-timelapse\.mp4$/);
    assert.deepEqual(
      boxes.map(({ type }) => type),
      ['ftyp', 'moov', 'mdat'],
    );
    const text = Buffer.from(bytes).toString('latin1');
    for (const absent of ['edts', 'stss', 'ctts', 'mvex']) assert.ok(!text.includes(absent), absent);
    assert.ok(samples.every(({ key, duration }) => key && duration === samples[0]!.duration));
    assert.equal((samples.length * samples[0]!.duration) / track.track.timescale, 7);
    assert.deepEqual(
      frames,
      stretch(10).map(({ msn }) => firstFrame(msn)),
      'the first frame of each segment',
    );
  });

  test('spaces its frames evenly over what is recorded: a gap takes no time', async () => {
    const later = stretch(300, 400).map((plan, i) => ({
      ...plan,
      run: 2,
      startUs: START_US + (3600 + 2 * i) * SECOND,
    }));
    await using past = await openPast([...stretch(300), ...later]);
    past.state.settledUs = START_US + 24 * 3600 * SECOND;
    const { msns } = await filmOf(past, `/timelapse/door/${startS}/2h/5.mp4`);
    assert.equal(msns.length, 250, '50 frames a second at most');
    const steps = msns.slice(1).map((msn, i) => msn - msns[i]!);
    assert.deepEqual([...new Set(steps)].sort(), [2, 3], 'every 2.4 segments');
  });

  test('skips segments that begin without a key frame', async () => {
    const plans = stretch(12).map((plan, i) => ({ ...plan, key: i % 3 === 0 }));
    await using past = await openPast(plans);
    const { msns } = await filmOf(past, `/timelapse/door/${startS}/24s/5.mp4`);
    assert.deepEqual(msns, [100, 103, 106, 109]);
  });

  test('has the configuration that lasts longest; a restart with the same one continues it', async () => {
    await using past = await openPast(stretch(4));
    const video = tracks[0] as VideoTrack;
    const other = past.inits.of([{ ...video, config: { ...video.config, width: 320, height: 180 } }, tracks[1]!]);
    const same = past.inits.of([video]); // without sound
    const plan = (i: number, init: Init): SegmentPlan => ({
      msn: 104 + i,
      startUs: START_US + (8 + 2 * i) * SECOND,
      run: 2,
      init,
    });
    const groups = [0, 1, 2, 3, 4].map((i) => makeGroup(plan(i, other), other));
    const again = [5, 6].map((i) => makeGroup({ ...plan(i, same), run: 3 }, same));
    await past.record(...groups, ...again);
    const { track, msns } = await filmOf(past, `/timelapse/door/${startS}/22s/5.mp4`);
    assert.deepEqual(msns, [100, 101, 102, 103, 109, 110]);
    assert.ok(track.track.kind === 'video' && track.track.config.width === video.config.width);
  });

  test('has one validator while nothing changes, and others for other films', async () => {
    await using past = await openPast(stretch(20));
    const tag = async (path: string) => (await past.get(path)).etag;
    const one = await tag(`/timelapse/door/${startS}/40s/5.mp4`);
    assert.equal(await tag(`/timelapse/door/${startS}/${startS + 40}/5.mp4`), one);
    assert.notEqual(await tag(`/timelapse/door/${startS}/40s/6.mp4`), one);
    assert.notEqual(await tag(`/timelapse/door/${startS + 2}/38s/5.mp4`), one);
  });

  test('is refused with the reason', async () => {
    await using past = await openPast(stretch(10));
    for (const [path, code] of [
      [`${startS}/20s/4.mp4`, 'bad-time'],
      [`${startS}/20s/121.mp4`, 'bad-time'],
      [`${startS}/8d/30.mp4`, 'window-too-long'],
      [`${startS + 20}/${startS}/5.mp4`, 'bad-time'],
      [`${startS}/20s/20.mp4`, 'bad-time'],
      [`${startS + 60}/60s/5.mp4`, 'no-media'],
      [`${startS}/2h/5.mp4`, 'bad-time'],
    ] as const) {
      await assert.rejects(past.get(`/timelapse/door/${path}`), refusal(code), path);
    }
    past.state.horizonUs = START_US + 1800 * SECOND;
    await assert.rejects(past.get(`/timelapse/door/${startS + 60}/60s/5.mp4`), refusal('gone'));
  });
});
