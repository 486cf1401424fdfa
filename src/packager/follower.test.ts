import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../live/frames.fixture.ts';
import { createFollowerRig, Repacketizer } from './follower.fixture.ts';
import { lastSealedOf } from './live-segment.ts';
import type { LiveWindow } from './live-window.ts';
import { continuous, createPackagerRig, type PackagerRig, samplesOf } from './packager.fixture.ts';
import { partsOf } from './rendition-view.ts';

const tracks = [videoTrack(), audioTrack()];

function publishLive(rig: PackagerRig, frames: readonly Frame[]): void {
  const timescales = new Map(tracks.map((track) => [track.id, track.timescale]));
  let nowS = 10;
  for (const frame of frames) {
    const atS = frame.dts / timescales.get(frame.trackId)!;
    if (atS > nowS) rig.clock.advance((atS - nowS) * 1000);
    nowS = Math.max(nowS, atS);
    rig.stream.publish(frame);
  }
}

const media = ({ seconds = 10, delay = 0, startS = 10 } = {}) =>
  interleave(tracks, [
    videoFrames({ track: tracks[0]!, seconds, rate: 25, gopS: 1, delay, startS }),
    audioFrames({ track: tracks[1]!, seconds, startS }),
  ]);

const times = (list: LiveWindow, track: Track) =>
  list.segments.map(({ msn, startUs, bytes, sealed }) => [
    msn,
    startUs,
    sealed?.durationUs,
    bytes && samplesOf(bytes.get(track.id) ?? new Uint8Array()).map(({ dts, pts, key }) => `${dts} ${pts} ${key}`),
  ]);

/** The same without `id`: the derived track has another. */
function assertSameCuts(rig: PackagerRig, list: LiveWindow, from = rig.list.segments[0]!.msn): void {
  const own = times(list, { id: 101 } as Track);
  assert.ok(own.length > 0);
  const source = times(rig.list, tracks[0]!).filter(([msn]) => (msn as number) >= from);
  assert.deepEqual(own, source);
}

/** Listed parts of a rendition: where they begin. */
const parts = (list: LiveWindow, id: string) =>
  list.segments.map((segment) => {
    const rendition = renditionsOf(segment.init.tracks).all.find((one) => one.id === id)!;
    return partsOf(segment, rendition).map(({ pts, independent, durationS }) => [pts, independent, durationS]);
  });

suite('a derived quality on the cuts of its stream (rule 6)', () => {
  for (const [name, delayS, delay] of [
    ['at once', 0, 0],
    ['half a second later', 0.5, 0],
    ['three seconds later, with B-frames', 3, 2],
  ] as const) {
    test(`has the same segments and parts when its frames come ${name}`, () => {
      const rig = createPackagerRig();
      const { follower, list, offers } = createFollowerRig(rig);
      rig.stream.sinks.attach(new Repacketizer(follower, delayS), { name: 'encoder' });
      rig.stream.startRun(continuous(tracks));
      publishLive(rig, media({ delay }));
      rig.stream.offline('over');
      assertSameCuts(rig, list);
      assert.deepEqual(parts(list, 'v0-180'), parts(rig.list, 'v0'));
      assert.deepEqual(parts(list, 'av0-180'), parts(rig.list, 'av0'));
      assert.equal(list.generation!.number, rig.list.generation!.number);
      for (const segment of list.segments) {
        const source = rig.list.find(segment.msn)!;
        assert.deepEqual(segment.bytes!.get(2), source.bytes!.get(2), 'the audio is that of the stream');
        assert.notEqual(segment.bytes!.get(2)!.buffer, source.bytes!.get(2)!.buffer, 'in other memory');
      }
      // Then again, with what was measured.
      assert.deepEqual(
        offers.map((offer) => offer!.measured !== undefined),
        [false, true],
      );
      assert.equal(new Set(offers.map((offer) => offer!.bandwidth)).size, 1, 'BANDWIDTH is frozen');
      assert.deepEqual(
        rig.list.state.qualities.map(({ track }) => track.rung),
        ['180'],
      );
    });
  }

  test('never holds back the stream: its output is the same with a follower that gets nothing', () => {
    const [alone, followed] = [createPackagerRig(), createPackagerRig()];
    const { follower, list } = createFollowerRig(followed);
    follower.startRun(1, tracks[0] as never);
    for (const rig of [alone, followed]) {
      rig.stream.startRun(continuous(tracks));
      publishLive(rig, media());
      rig.stream.offline('over');
    }
    assert.deepEqual(followed.groups, alone.groups);
    assert.deepEqual(followed.announced, alone.announced);
    assert.equal(list.segments.length, 0, 'without media it is not live');
  });

  test('joins at the next segment when its frames begin within one', () => {
    const rig = createPackagerRig();
    const { follower, list, offers } = createFollowerRig(rig);
    const frames = media();
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, frames.slice(0, 300));
    rig.stream.sinks.attach(new Repacketizer(follower, 0.5), { name: 'encoder' });
    const open = rig.list.segments.at(-1)!.msn;
    publishLive(rig, frames.slice(300));
    rig.stream.offline('over');
    assert.ok(open > 100);
    assertSameCuts(rig, list, open + 1);
    assert.equal(list.generation!.firstMsn, open + 1);
    assert.equal(offers.length, 1);
  });

  test('frames that were lost are a GAP from their segment up to the next key frame at a cut, with the same MSNs', () => {
    const rig = createPackagerRig();
    const { follower, list, offers, missing } = createFollowerRig(rig);
    const encoder = new Repacketizer(follower, 0.5);
    encoder.drops = ({ dts }) => dts >= 13.5 * 90_000 && dts < 16.5 * 90_000;
    rig.stream.sinks.attach(encoder, { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, media({ seconds: 14 }));
    rig.stream.offline('over');
    assert.deepEqual(
      list.segments.map(({ msn }) => msn),
      rig.list.segments.map(({ msn }) => msn),
    );
    const lengths = list.segments.map(({ sealed }) => sealed!.tracks.get(101)?.samples ?? 0);
    const source = rig.list.segments.map(({ sealed }) => sealed!.tracks.get(1)!.samples);
    const missed = lengths.flatMap((length, i) => (length === 0 ? [i] : []));
    assert.ok(missed.length > 0 && missed.length <= 2, `${lengths}`);
    assert.deepEqual(new Set(missing), new Set(['damaged']));
    assert.deepEqual(lengths.slice(missed.at(-1)! + 1), source.slice(missed.at(-1)! + 1));
    assert.deepEqual(
      offers.filter((offer) => !offer?.measured).map((offer) => offer !== undefined),
      [true, false, true],
      'it leaves and returns',
    );
  });

  test('that stops is a GAP at once, and leaves the Multivariant Playlist', () => {
    const rig = createPackagerRig();
    const { follower, list } = createFollowerRig(rig);
    const frames = media();
    const attached = rig.stream.sinks.attach(new Repacketizer(follower, 0.5), { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, frames.slice(0, 400));
    attached[Symbol.dispose]();
    follower.stop();
    publishLive(rig, frames.slice(400));
    assert.deepEqual(rig.list.state.qualities, []);
    assert.equal(lastSealedOf(list.segments)!.msn, lastSealedOf(rig.list.segments)!.msn);
    assert.equal(lastSealedOf(list.segments)!.sealed!.tracks.get(101), undefined);
    assert.ok(!list.ended);
    packagerEnds(rig);
    assert.ok(list.ended, 'its playlist ends with that of the stream');
  });

  test('whose run has ended while that of the stream continues is a GAP at once, not after the limit', () => {
    const rig = createPackagerRig();
    const { follower, list } = createFollowerRig(rig);
    const frames = media();
    const attached = rig.stream.sinks.attach(new Repacketizer(follower, 0.5), { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, frames.slice(0, 400));
    attached[Symbol.dispose]();
    follower.endRun();
    publishLive(rig, frames.slice(400));
    assert.equal(lastSealedOf(list.segments)!.msn, lastSealedOf(rig.list.segments)!.msn);
    assert.deepEqual(rig.list.state.qualities, []);
  });

  test('that comes too late is a GAP after the limit, and what comes then is not used', () => {
    const rig = createPackagerRig();
    const { follower, list, missing } = createFollowerRig(rig, 1_000_000);
    const encoder = new Repacketizer(follower, 0.5);
    rig.stream.sinks.attach(encoder, { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    const frames = media({ seconds: 12 });
    publishLive(rig, frames.slice(0, 400));
    const before = lastSealedOf(list.segments)!.msn;
    encoder.delayS = 3;
    publishLive(rig, frames.slice(400));
    assert.ok(
      lastSealedOf(rig.list.segments)!.msn - lastSealedOf(list.segments)!.msn <= 1,
      'it is not held back by what does not come',
    );
    assert.ok(lastSealedOf(list.segments)!.msn > before + 1);
    assert.equal(lastSealedOf(list.segments)!.sealed!.tracks.get(101), undefined);
    assert.deepEqual(new Set(missing), new Set(['late']));
  });

  test('a quality waits longer for frames that come from far: nothing is missing then', () => {
    const rig = createPackagerRig();
    const { follower, list, missing } = createFollowerRig(rig, 1_000_000);
    const encoder = new Repacketizer(follower, 0.5);
    rig.stream.sinks.attach(encoder, { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    const frames = media({ seconds: 12 });
    publishLive(rig, frames.slice(0, 400));
    follower.waits(4_000_000);
    follower.waits(1_000_000); // never less than before
    encoder.delayS = 3;
    publishLive(rig, frames.slice(400));
    rig.stream.offline('over');
    assert.equal(lastSealedOf(list.segments)!.msn, lastSealedOf(rig.list.segments)!.msn);
    assert.deepEqual(missing, []);
  });

  test('frames with impossible times end nothing: the stream continues, and so does the quality from the next cut', () => {
    const rig = createPackagerRig();
    const { follower, list } = createFollowerRig(rig);
    rig.stream.sinks.attach(new Repacketizer(follower, 0), { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    const frames = media();
    publishLive(rig, frames.slice(0, 400));
    const frame = { trackId: 1, dts: 5, pts: 3, duration: -1, key: true, data: Uint8Array.of(0) };
    follower.write(frame);
    follower.write({ ...frame, dts: Number.NaN, duration: Number.NaN });
    publishLive(rig, frames.slice(400));
    rig.stream.offline('over');
    assert.deepEqual(
      list.segments.map(({ msn }) => msn),
      rig.list.segments.map(({ msn }) => msn),
    );
    assert.equal(
      lastSealedOf(list.segments)!.sealed!.tracks.get(101)?.samples,
      lastSealedOf(rig.list.segments)!.sealed!.tracks.get(1)!.samples,
    );
  });

  test('follows a run of other codecs into the next generation; the one before ends', () => {
    const rig = createPackagerRig();
    const { follower, list } = createFollowerRig(rig);
    rig.stream.sinks.attach(new Repacketizer(follower, 0.5), { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, media());
    const [video] = tracks;
    const hevc = { ...video!, config: { ...video!.config, codec: 'hevc', codecs: 'hvc1.1.6.L93.B0' } } as Track;
    rig.stream.startRun(continuous([hevc, tracks[1]!]));
    publishLive(rig, media({ startS: 20 }));
    rig.stream.offline('over');
    assert.deepEqual(
      rig.generations.map(({ number }) => number),
      [1, 2],
    );
    assert.equal(list.generation!.number, 2);
    assert.equal(list.view(1)!.ended, true);
    assertSameCuts(rig, list);
    assert.deepEqual(
      rig.list.state.qualities.map(({ track }) => track.rung),
      ['180'],
    );
  });

  test('its sealed groups have its video only, under its own init, for a recorder', () => {
    const rig = createPackagerRig();
    const { follower } = createFollowerRig(rig);
    const groups: { msn: number; tracks: number[]; init: number[] }[] = [];
    follower.sealed.subscribe(
      ({ group }) =>
        group &&
        groups.push({
          msn: group.msn,
          tracks: group.tracks.map(({ trackId }) => trackId),
          init: group.init.tracks.map(({ id }) => id),
        }),
    );
    rig.stream.sinks.attach(new Repacketizer(follower, 0), { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, media());
    rig.stream.offline('over');
    assert.deepEqual(
      groups,
      rig.groups.map(({ msn }) => ({ msn, tracks: [101], init: [101] })),
    );
  });

  test('the cut is known before the frame that begins the segment: an encoder forces a key frame exactly there', () => {
    const rig = createPackagerRig();
    const opened: number[] = [];
    const forced: number[] = [];
    let isDue = false;
    rig.packager.cuts.subscribe((cut) => {
      if (cut.kind !== 'open') return;
      opened.push(cut.atUs);
      isDue = true;
    });
    const none = () => {};
    const encoder = {
      startRun: none,
      flush: none,
      endRun: none,
      damage: none,
      write(frame: Frame) {
        if (!isDue || frame.trackId !== 1) return;
        isDue = false;
        forced.push(Math.round((frame.pts * 1e6) / 90_000));
      },
    };
    rig.stream.sinks.attach(encoder, { name: 'encoder' });
    rig.stream.startRun(continuous(tracks));
    publishLive(rig, media());
    assert.ok(opened.length > 3);
    // The first segments were opened from the frames that the packager had waited for.
    assert.deepEqual(forced.slice(-2), opened.slice(-2));
  });
});

function packagerEnds({ packager, stream }: PackagerRig): void {
  stream.offline('over');
  packager.endList();
}
