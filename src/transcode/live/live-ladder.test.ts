import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { h264Config } from '@oxbow/media/h264/avcc';
import { PPS, printSliceOf, printSpsOf } from '@oxbow/media/h264/nal.fixture';
import { parseLadder } from '../../lib/live-ladder.ts';
import { videoFrames, videoTrack } from '../../live/frames.fixture.ts';
import { createFollowerRig } from '../../packager/follower.fixture.ts';
import type { DerivedInput } from '../../packager/follower.ts';
import { continuous, createPackagerRig } from '../../packager/packager.fixture.ts';
import { FakeLiveEncoders } from './live-encoder.fixture.ts';
import { LiveLadder } from './live-ladder.ts';
import { planLive } from './live-plan.ts';

const track = videoTrack() as VideoTrack;

/** The calls that a derived quality got. */
interface Received {
  readonly calls: string[];
  readonly frames: Frame[];
}

function openRig(
  t: TestContext,
  {
    ladder = '144p, 240p',
    of = track,
    isOnDevice = false,
    dataOf = (_: number): Uint8Array | undefined => undefined,
  } = {},
) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const rig = createPackagerRig();
  const encoders = new FakeLiveEncoders();
  const said: string[] = [];
  const calls = new Map<string, Received>();
  const inputs = new Map<string, DerivedInput>();
  const elsewhere = new Set<string>();
  const live = new LiveLadder({
    open: encoders.open,
    clock: rig.clock,
    sinks: rig.stream.sinks,
    cuts: rig.packager.cuts,
    input(rung) {
      const own: Received = { calls: [], frames: [] };
      calls.set(rung, own);
      return (
        inputs.get(rung) ?? {
          startRun: (run, { config }) => own.calls.push(`run ${run} ${config.width}×${config.height}`),
          write: (frame) => own.frames.push(frame),
          damage: () => own.calls.push('damage'),
          endRun: () => own.calls.push('end'),
          stop: () => own.calls.push('stop'),
        }
      );
    },
    plan(of, { interlaced }) {
      const plan = planLive(of, parseLadder(ladder), { interlaced });
      return { ...plan, rungs: plan.rungs.filter(({ name }) => !elsewhere.has(name)) };
    },
    isOnDevice: () => isOnDevice,
    report: {
      encoderFailed: (rung, why) => said.push(`encoder of ${rung} failed: ${why}`),
      failed: (why) => said.push(`failed: ${why}`),
      dropped: (rung, _, left) => said.push(`dropped ${rung}, left ${left.join()}`),
      raised: (rung) => said.push(`raised ${rung}`),
      lost: (frames) => said.push(`lost ${frames}`),
    },
  });
  let at = 0;
  const frames = videoFrames({ track: of, seconds: 200, rate: 25, gopS: 1 });
  return {
    rig,
    live,
    encoders,
    said,
    calls,
    inputs,
    elsewhere,
    begin: () => rig.stream.startRun(continuous([of])),
    /** Publishes this many seconds of media in their time. */
    async play(seconds: number) {
      for (const end = at + seconds * 25; at < end; at++) {
        const data = dataOf(at);
        rig.stream.publish(data ? { ...frames[at]!, data } : frames[at]!);
        rig.clock.advance(40);
        t.mock.timers.tick(40);
        await Promise.resolve();
      }
    },
    /** Lets promises settle. */
    async settle() {
      for (let i = 0; i < 20; i++) await Promise.resolve();
    },
  };
}

test('the qualities have the cuts of the stream, and end with it', async (t) => {
  const { rig, live, begin, play, settle, inputs, said } = openRig(t, { ladder: '180p' });
  const { follower, list } = createFollowerRig(rig);
  inputs.set('180', follower);
  begin();
  live.start();
  await settle();
  await play(12);
  assert.equal(live.facts.state, 'running');
  assert.deepEqual(
    live.facts.rungs.map(({ state }) => state),
    ['live'],
  );
  const sealed = list.segments.filter((segment) => segment.sealed);
  assert.ok(sealed.length >= 4);
  for (const { msn, startUs, sealed: own } of sealed) {
    const source = rig.list.segments.find((segment) => segment.msn === msn)!;
    assert.deepEqual([startUs, own?.durationUs], [source.startUs, source.sealed?.durationUs]);
    assert.equal(own?.tracks.size, 1, 'no GAP');
  }
  await live.stop();
  assert.equal(live.facts.state, 'off');
  assert.deepEqual(said, []);
});

test('a rung that another ladder makes ends with a segment, without a GAP; the others have every segment', async (t) => {
  const { rig, live, begin, play, settle, calls, inputs, elsewhere, said } = openRig(t, { ladder: '144p, 180p' });
  const { follower, list, missing } = createFollowerRig(rig, 4_000_000, '144');
  inputs.set('144', follower);
  begin();
  live.start();
  await settle();
  await play(4.4);
  elsewhere.add('180');
  live.replan();
  await play(8);
  assert.deepEqual(missing, []);
  assert.ok(list.segments.filter(({ sealed }) => sealed).every(({ sealed }) => sealed!.tracks.size === 1));
  const { frames, calls: said180 } = calls.get('180')!;
  const end = frames.at(-1)!.pts + frames.at(-1)!.duration;
  const ends = rig.list.segments.map(({ sealed }) => sealed?.tracks.get(track.id)?.tfdt);
  assert.ok(ends.includes(end), 'it ends where a segment begins');
  assert.deepEqual(said180, ['run 1 320×180']);
  assert.deepEqual(
    live.facts.rungs.map(({ planned }) => planned.name),
    ['144'],
  );
  await live.stop();
  assert.deepEqual(said, []);
});

test('a process that is killed starts again with the next key frame, and the stream has everything', async (t) => {
  const { rig, live, encoders, begin, play, settle, calls, said } = openRig(t);
  begin();
  live.start();
  await settle();
  await play(5);
  encoders.last.end('killed by SIGKILL');
  await settle();
  await play(5);
  assert.equal(encoders.opened.length, 2);
  assert.deepEqual(said, ['failed: killed by SIGKILL']);
  const small = calls.get('144')!;
  assert.deepEqual(small.calls, ['run 1 256×144', 'damage', 'stop', 'run 1 256×144']);
  const pts = small.frames.map((frame) => frame.pts);
  const holes = pts.filter((value, i) => i > 0 && value - pts[i - 1]! > 3600);
  assert.equal(holes.length, 1, 'one hole, up to a key frame');
  assert.equal(small.frames.find((frame) => frame.pts === holes[0])!.key, true);
  const ends = rig.groups.map(({ startUs, durationUs }) => startUs + durationUs);
  assert.ok(ends.length >= 4);
  assert.deepEqual(
    ends.slice(0, -1),
    rig.groups.slice(1).map(({ startUs }) => startUs),
    'the source has no hole',
  );
  await live.stop();
});

test('a process that cannot be started is tried again after growing pauses', async (t) => {
  const { live, encoders, begin, play, settle, said } = openRig(t);
  encoders.fails = 'no memory';
  begin();
  live.start();
  await settle();
  await play(20);
  assert.ok(said.length >= 4 && said.length <= 12, `${said.length} tries`);
  encoders.fails = undefined;
  // The longest pause is 30 s, and the encoder begins at the next key frame.
  await play(32);
  assert.equal(live.facts.state, 'running');
  await live.stop();
});

test('the top rung is dropped when the encoder is too far behind, the last one stops it, and both are tried again', async (t) => {
  const { live, encoders, begin, play, settle, said, calls } = openRig(t);
  begin();
  live.start();
  await settle();
  await play(8);
  const encoder = encoders.last;
  encoder.isStalled = true;
  await play(3);
  assert.deepEqual(said, ['dropped 240, left 144']);
  assert.deepEqual([...encoder.enabled], [101]);
  assert.equal(calls.get('240')!.calls.at(-1), 'stop');
  encoder.isStalled = false;
  await play(20);
  assert.deepEqual(
    live.facts.rungs.map(({ state }) => state),
    ['live', 'dropped'],
  );
  assert.deepEqual(said.length, 1);
  await play(45);
  assert.equal(said[1], 'raised 240');
  assert.deepEqual(
    live.facts.rungs.map(({ state }) => state),
    ['live', 'live'],
  );
  encoder.isStalled = true;
  await play(14);
  assert.deepEqual(
    said.filter((line) => !line.startsWith('lost')),
    ['dropped 240, left 144', 'raised 240', 'dropped 240, left 144', 'dropped 144, left '],
  );
  assert.ok(
    said.some((line) => line.startsWith('lost')),
    'what waited too long was left out',
  );
  assert.equal(live.facts.state, 'stopped');
  await live.stop();
});

test('a device that hangs is left after three seconds, and the qualities continue in another process', async (t) => {
  for (const isOnDevice of [true, false]) {
    const { live, encoders, begin, play, settle, calls, said } = openRig(t, { isOnDevice, ladder: '144p' });
    begin();
    live.start();
    await settle();
    await play(5);
    encoders.last.isStalled = true;
    // The rung is dropped for slowness before a process in software counts as hung.
    await play(3.5);
    await settle();
    assert.equal(encoders.opened.length, isOnDevice ? 2 : 1);
    if (isOnDevice) {
      assert.equal(said.filter((line) => !line.startsWith('lost')).join(), 'failed: nothing came out for 3 s');
      await play(3);
      const pts = calls.get('144')!.frames.map((frame) => frame.pts);
      const holes = pts.filter((value, i) => i > 0 && value - pts[i - 1]! > 3600);
      assert.equal(holes.length, 1);
      const index = pts.indexOf(holes[0]!);
      assert.ok((holes[0]! - pts[index - 1]!) / 90_000 <= 5, 'at most five seconds are missing');
    }
    await live.stop();
    t.mock.timers.reset();
  }
});

test('an encoder that fails costs its quality one segment, and no other quality anything', async (t) => {
  const { rig, live, encoders, begin, play, settle, inputs, said } = openRig(t, { ladder: '144p, 180p' });
  const { follower, list } = createFollowerRig(rig);
  inputs.set('180', follower);
  begin();
  live.start();
  await settle();
  await play(7);
  encoders.last.encoderFailed({ trackId: 102, why: 'the device was lost', isLossy: true });
  await play(9);
  assert.equal(encoders.opened.length, 1, 'the process continues');
  assert.deepEqual(said, ['encoder of 180 failed: the device was lost']);
  const broken = list.segments.filter((segment) => segment.sealed && segment.sealed.tracks.size < 1);
  assert.ok(broken.length <= 1, `${broken.length} segments`);
  for (const { msn, startUs } of list.segments) {
    assert.equal(startUs, rig.list.segments.find((segment) => segment.msn === msn)!.startUs);
  }
  assert.equal(live.use('180', { hardware: 'h264_none', device: 'none' }), true);
  assert.equal(live.use('240', {}), false, 'it is not made');
  await settle();
  assert.deepEqual(encoders.last.used, [{ trackId: 102, hardware: 'h264_none', device: 'none' }]);
  await live.stop();
  assert.equal(live.use('180', {}), false);
});

test('a rung is never larger than the source, and has its shape', () => {
  const of = (width: number, height: number, text = '360p, 720p, 1080p') => {
    const { rungs, leftOut } = planLive({ ...track, config: { ...track.config, width, height } }, parseLadder(text));
    const sizes = rungs.map(({ name, rendition }) => `${name} ${rendition.width}×${rendition.height}`);
    return [...sizes, ...leftOut.map((rung) => `not ${rung.height}`)];
  };
  assert.deepEqual(of(1920, 1080), ['360 640×360', '720 1280×720', 'not 1080']);
  assert.deepEqual(of(720, 1280), ['360 360×640', 'not 720', 'not 1080']);
  assert.deepEqual(of(720, 576), ['360 450×360', 'not 720', 'not 1080']);
  assert.deepEqual(of(320, 180), ['not 360', 'not 720', 'not 1080']);
});

const fieldsSps = printSpsOf({ allowsFields: true });
/** A sample of a whole frame, or of a field. */
const sampleOf = (field?: 'top') => {
  const nal = printSliceOf({ allowsFields: true }, field);
  return Uint8Array.of(0, 0, 0, nal.length, ...nal);
};

test('a source of fields has a rung of its size; one whose fields come later has it from the next key frame on', async (t) => {
  const config = { ...h264Config([fieldsSps], [PPS]), width: 320, height: 180 };
  for (const [fromFrame, planned] of [
    [0, 'run 1 256×144'],
    [205, 'run 1 256×144,end,run 1 256×144'],
  ] as const) {
    const { live, begin, play, settle, calls, encoders, said } = openRig(t, {
      ladder: '144p, 720p',
      of: { ...track, config },
      dataOf: (at) => sampleOf(at < fromFrame ? undefined : 'top'),
    });
    begin();
    live.start();
    await settle();
    await play(16);
    assert.equal(encoders.opened.length, 1, 'the process continues');
    const rungs = live.facts.rungs.map(({ planned: { name }, state }) => `${name} ${state}`);
    assert.deepEqual(rungs, ['144 live', '180-full live']);
    assert.equal(calls.get('144')!.calls.join(), planned);
    const { frames } = calls.get('180-full')!;
    assert.equal(frames[0]!.key, true);
    if (fromFrame > 0)
      assert.equal(frames[0]!.pts, calls.get('144')!.frames.find(({ pts }) => pts === frames[0]!.pts)?.pts);
    assert.deepEqual(said, []);
    await live.stop();
    t.mock.timers.reset();
  }
});

test('H.264 that browsers do not decode has a rung of its size, and fields become pictures where that is set', () => {
  const plan = (config: Partial<VideoTrack['config']>, text: string, options = {}) =>
    planLive({ ...track, config: { ...track.config, ...config } }, parseLadder(text), options);
  const names = ({ rungs }: ReturnType<typeof planLive>) =>
    rungs.map(({ name, rendition: { width, height, maxRate, keepEvery, frameRate } }) =>
      [name, width, height, maxRate, keepEvery, frameRate.num / frameRate.den].join(' '),
    );
  const size = { width: 1920, height: 1080, frameRate: 25 };
  const { record } = h264Config([printSpsOf({ profile: 122, chroma: 2, bits: 10 })], [PPS]);
  const deep = { record };
  assert.deepEqual(names(plan({ ...size, ...deep }, '360p, 1080p:6M')), [
    '360 640 360 400000 1 25',
    '1080-full 1920 1080 6000000 1 25',
  ]);
  assert.deepEqual(names(plan({ ...size, ...deep, height: 576, width: 720 }, '360p:1M')), [
    '360 450 360 1000000 1 25',
    '576-full 720 576 1340000 1 25',
  ]);
  assert.deepEqual(names(plan({ ...size, ...deep }, 'audio')), []);
  assert.deepEqual(names(plan(size, '360p, 1080p', { interlaced: true })), [
    '360 640 360 400000 1 25',
    '1080-full 1920 1080 4000000 1 25',
  ]);
  const fields = plan(size, '360p, 720p, 1080p, fields', { interlaced: true });
  assert.deepEqual(names(fields), [
    '360 640 360 400000 2 25',
    '720 1280 720 2000000 1 50',
    '1080-full 1920 1080 4000000 1 50',
  ]);
  assert.deepEqual([fields.picture.interlaced, fields.picture.fields], [true, true]);
  assert.deepEqual(
    names(plan({ ...size, frameRate: 50 }, '720p, fields')),
    ['720 1280 720 2000000 1 50'],
    'without fields nothing changes',
  );
  assert.deepEqual(names(plan(size, '720p', { interlaced: true, suffix: '-live' })), [
    '720-live 1280 720 2000000 1 25',
    '1080-full-live 1920 1080 4000000 1 25',
  ]);
});

test('rungs of samples that are not square have the shape of the screen', () => {
  const config = {
    ...track.config,
    record: h264Config([printSpsOf({ aspect: [16, 11] })], [PPS]).record,
    width: 720,
    height: 576,
  };
  const { rungs } = planLive({ ...track, config }, parseLadder('360p'), { interlaced: true });
  assert.deepEqual(
    rungs.map(({ rendition: { width, height } }) => `${width}×${height}`),
    ['654×360', '1048×576'],
  );
});

test('HEVC whose pictures are single fields has no rung: it would show half pictures', () => {
  // From x265 with interlace=tff.
  const record = Buffer.from(
    '0104080000004e08000000001ef000fcfff8f800000f03200001001740010c01ffff0408000003004e0800000300001e9598092100010' +
      '02c4201010408000003004e0800000300001e900204082cb2b349265780b702020034000003000400000300c82022000100084401c172860c4224',
    'hex',
  );
  const config = { codec: 'hevc', record, codecs: 'hvc1.4.10.L30.9e.8', width: 1920, height: 540 } as const;
  assert.deepEqual(planLive({ ...track, config }, parseLadder('360p'), {}).rungs, []);
  const { rungs } = planLive({ ...track, config: { ...config, record: new Uint8Array(0) } }, parseLadder('360p'), {});
  assert.equal(rungs.length, 1);
});

test('HDR that only the transport states is mapped to SDR; what pictures say, or nothing says, is left to them', () => {
  const toneMap = (transfer: number | undefined) => {
    const colourInfo = transfer === undefined ? undefined : { colours: { primaries: 9, transfer, matrix: 9 } };
    const config = colourInfo ? { ...track.config, colourInfo } : track.config;
    return planLive({ ...track, config }, parseLadder('360p')).picture.toneMap;
  };
  assert.deepEqual([16, 18, 1, undefined].map(toneMap), ['pq', 'hlg', undefined, undefined]);
});
