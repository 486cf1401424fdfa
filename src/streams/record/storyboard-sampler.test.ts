import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { audioTrack } from '@oxbow/media/isobmff/media.fixture';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { need } from '../../../test/fixtures/need.ts';
import { closeEngine, type KeyPicture, makeKeyPicture } from '../../ffmpeg/engine.ts';
import { groupAt, groupsFrom, initOf } from '../../recording/recording.fixture.ts';
import type { StoryboardPicture } from '../../recording/storyboard/storyboard-file.ts';
import { temporaryFolder } from '../streams.fixture.ts';
import { StoryboardQueue } from './storyboard-queue.ts';
import { firstFrame, type PictureResult, StoryboardSampler } from './storyboard-sampler.ts';

/** A multiple of ten seconds. */
const START_US = 1_795_000_200_000_000;
const SECOND = 1_000_000;

function openSampler(change: { mayMake?: () => boolean; maxTasks?: number; maxBytes?: number } = {}) {
  let nowMs = 0;
  const stored: StoryboardPicture[] = [];
  const counted: PictureResult[] = [];
  const failures: unknown[] = [];
  const { mayMake = () => true, ...bounds } = change;
  const rig = {
    stored,
    counted,
    failures,
    luma: new Uint8Array(256),
    /** Processor time of a picture, ms. */
    cpuMs: 1,
    /** Pixels of the smallest quality; undefined: there is none. */
    smallest: undefined as number | undefined,
    distances: [] as number[],
    /** Makes pictures of real media. */
    make: undefined as (() => Promise<KeyPicture>) | undefined,
    /** What a picture waits for. */
    before: (): Promise<void> => Promise.resolve(),
    pass: (ms: number) => {
      nowMs += ms;
    },
    queue: new StoryboardQueue({ monotonicMs: () => nowMs, failed: (error) => failures.push(error), ...bounds }),
    open: (streamId = 's') =>
      new StoryboardSampler({
        streamId,
        queue: rig.queue,
        mayMake,
        counted: (result) => counted.push(result),
        measured: ({ distanceUs }) => rig.distances.push(distanceUs / SECOND),
        hasSmaller: (pixels) => rig.smallest !== undefined && rig.smallest < pixels,
        storyboards: {
          async append(_, picture) {
            stored.push(picture);
            return true;
          },
        },
        async makePicture({ bytes }) {
          await rig.before();
          return rig.make?.() ?? { jpeg: bytes.slice(0, 4), luma: rig.luma, cpuUs: rig.cpuMs * 1000 };
        },
      }),
    seconds: () => stored.map(({ atUs }) => (atUs - START_US) / SECOND),
  };
  return rig;
}

suite('the storyboard of a stream', () => {
  after(closeEngine);

  test('has the first key frame of every ten seconds, and reaches over one distance of key frames more', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    for (const group of groupsFrom({ msn: 1, startUs: START_US + 3 * SECOND, durationUs: 4 * SECOND }, 8)) {
      sampler.take(group);
    }
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [3, 11, 23, 31]);
    assert.deepEqual(
      rig.stored.map(({ reachMs }) => reachMs),
      [20_000, 14_000, 14_000, 14_000],
    );
    assert.deepEqual(rig.counted, ['stored', 'stored', 'stored', 'stored']);
  });

  test('each picture is compared with the one before, but not over a gap', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    const changes: [fromS: number, toS: number, difference: number][] = [];
    const second = (ms: number) => ms / 1000 - START_US / SECOND;
    sampler.onChange(({ fromMs, toMs, difference }) => changes.push([second(fromMs), second(toMs), difference]));
    for (const [s, luma] of [
      [0, 10],
      [10, 10],
      [20, 14],
      [90, 200],
      [100, 0],
    ] as const) {
      rig.luma = new Uint8Array(256).fill(luma, 0, 128);
      sampler.take(groupAt({ msn: s, startUs: START_US + s * SECOND }));
      await rig.queue.idle();
    }
    assert.deepEqual(changes, [
      [0, 10, 0],
      [10, 20, 2],
      [90, 100, 100],
    ]);
  });

  test('a person who walks through a still, noisy picture is a change at constant bitrate', {
    skip: need('ffmpeg'),
  }, async () => {
    await using folder = await temporaryFolder();
    const args = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=320x180:r=5:d=1', '-f', 'lavfi', '-i'];
    const walk = "[0]loop=-1:1:0,trim=duration=50,setpts=N/5/TB[room];[room][1]overlay=x='if(gt(t,25),4*t,-99)':y=60";
    const constant = '-c:v libx264 -b:v 800k -minrate 800k -maxrate 800k -bufsize 800k -x264-params nal-hrd=cbr -g 50';
    const cut = ['-sc_threshold', '0', '-t', '50', '-f', 'segment', '-segment_time', '10', join(folder.path, '%d.ts')];
    const filters = [
      'color=0x404040:s=24x70:r=5:d=50',
      '-filter_complex',
      `${walk},noise=alls=15:allf=t:all_seed=1,format=yuv420p`,
    ];
    await promisify(execFile)('ffmpeg', [...args, ...filters, ...constant.split(' '), ...cut]);
    const films = await Promise.all([0, 1, 2, 3, 4].map((i) => readFile(join(folder.path, `${i}.ts`))));
    const sizes = films.map(({ length }) => length);
    assert.ok(Math.max(...sizes) / Math.min(...sizes) < 1.15, `the bitrate is constant: ${sizes}`);

    const rig = openSampler();
    const sampler = rig.open();
    const differences: number[] = [];
    sampler.onChange(({ difference }) => differences.push(difference));
    for (const [i, bytes] of films.entries()) {
      const bounds = { width: 160, height: 160, maxBytes: 2860 };
      rig.make = async () => {
        const picture = await makeKeyPicture({ bytes, ...bounds }, { signal: AbortSignal.timeout(60_000) });
        return { ...picture, cpuUs: 0 };
      };
      sampler.take(groupAt({ msn: i, startUs: START_US + i * 10 * SECOND }));
      await rig.queue.idle();
    }
    assert.deepEqual(rig.failures, []);
    const [still, stillToo, appears, walks] = differences as [number, number, number, number];
    const noise = Math.max(still, stillToo);
    assert.ok(Math.min(appears, walks) > 2 * noise, `the person is well above the noise: ${differences}`);
  });

  test('takes what key frames there are', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    for (let i = 0; i < 20; i++) {
      sampler.take(groupAt({ msn: i, startUs: START_US + i * 2 * SECOND, key: i % 10 === 0 }));
    }
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [0, 20]);
    assert.equal(rig.stored[1]!.reachMs, 30_000);
  });

  test('has no pictures of a stream without video, or while it is off', async () => {
    let isOn = false;
    const rig = openSampler({ mayMake: () => isOn });
    const sampler = rig.open();
    const [first, later] = groupsFrom({ msn: 1, startUs: START_US, durationUs: 10 * SECOND }, 2);
    sampler.take(first!);
    isOn = true;
    sampler.take(groupAt({ msn: 1, startUs: START_US, init: initOf([audioTrack]) }));
    assert.equal(rig.queue.length, 0);
    sampler.take(later!);
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [10]);
  });

  test('only the key frame is copied, not the frames after it', () => {
    const { bytes } = groupAt({ msn: 1, startUs: START_US }).tracks[0]!;
    const [frames, copied] = [parseSegment(bytes)!, parseSegment(firstFrame(bytes)!)!];
    assert.deepEqual([frames.length, copied.length], [5, 1]);
    assert.deepEqual(copied[0], { ...frames[0]!, data: copied[0]!.data });
    assert.ok(Buffer.from(copied[0]!.data).equals(frames[0]!.data));
  });

  test('a full queue refuses and counts a picture; the next key frame takes its place', async () => {
    for (const bounds of [{ maxTasks: 1 }, { maxBytes: 1200 }]) {
      const rig = openSampler(bounds);
      const { promise: held, resolve: release } = Promise.withResolvers<void>();
      rig.before = () => held;
      const [one, other] = [rig.open('one'), rig.open('other')];
      const groups = groupsFrom({ msn: 1, startUs: START_US }, 2);
      one.take(groups[0]!);
      other.take(groups[0]!);
      assert.deepEqual([rig.counted, rig.queue.length], [['dropped'], 1]);
      release();
      await rig.queue.idle();
      other.take(groups[1]!);
      await rig.queue.idle();
      assert.deepEqual(rig.seconds(), [0, 2]);
      assert.deepEqual(rig.counted, ['dropped', 'stored', 'stored']);
    }
  });

  test('failures are counted; after three in a row the engine is left alone for a while', async () => {
    const rig = openSampler();
    rig.before = () => Promise.reject(new Error('no engine'));
    const sampler = rig.open();
    const groups = groupsFrom({ msn: 1, startUs: START_US, durationUs: 10 * SECOND }, 6);
    for (const group of groups.slice(0, 5)) {
      sampler.take(group);
      await rig.queue.idle();
    }
    assert.deepEqual(rig.counted, ['failed', 'failed', 'failed', 'dropped', 'dropped']);
    assert.equal(rig.failures.length, 3);
    rig.before = () => Promise.resolve();
    rig.pass(5_000);
    sampler.take(groups[5]!);
    await rig.queue.idle();
    assert.deepEqual(rig.seconds(), [50]);
  });

  test('nothing is written after it was closed', async () => {
    const rig = openSampler();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    rig.before = () => held;
    const [one, other] = [rig.open('one'), rig.open('other')];
    const [first, later] = groupsFrom({ msn: 1, startUs: START_US, durationUs: 10 * SECOND }, 2);
    one.take(first!);
    other.take(first!);
    const closed = other.close();
    other.take(later!);
    release();
    await closed;
    await rig.queue.idle();
    assert.equal(rig.stored.length, 1);
  });

  test('pictures are as far apart as their processor time allows, and each reaches to the next', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    const feed = async (fromS: number, toS: number) => {
      for (let s = fromS; s < toS; s += 2) {
        sampler.take(groupAt({ msn: s, startUs: START_US + s * SECOND }));
        await rig.queue.idle();
      }
    };
    rig.cpuMs = 8.6;
    await feed(0, 60);
    assert.deepEqual(
      [rig.seconds(), rig.distances],
      [
        [0, 20, 40],
        [20, 20, 20],
      ],
    );
    assert.deepEqual(new Set(rig.stored.slice(1).map(({ reachMs }) => reachMs)), new Set([22_000]));
    rig.cpuMs = 500;
    await feed(60, 300);
    assert.deepEqual(rig.seconds(), [0, 20, 40, 60, 180]);
    assert.deepEqual(rig.stored.at(-1)!.reachMs, 122_000);
  });

  test('pictures are compared with the one before while their distance changes', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    const changes: number[] = [];
    sampler.onChange(({ fromMs, toMs }) => changes.push((toMs - fromMs) / 1000));
    for (const cpuMs of [30, 0, 0, 0, 0, 0]) {
      rig.cpuMs = cpuMs;
      const { seconds, distances } = rig;
      const atS = (seconds().at(-1) ?? 0) + (distances.at(-1) ?? 0);
      sampler.take(groupAt({ msn: 1, startUs: START_US + atS * SECOND }));
      await rig.queue.idle();
    }
    assert.deepEqual(changes, rig.distances.slice(0, -1));
    assert.deepEqual([changes[0], changes.at(-1)], [60, 20]);
  });

  /** A segment of a quality of its stream: it has one sample. */
  const smaller = (msn: number, s: number) => {
    const group = groupAt({ msn, startUs: START_US + s * SECOND });
    return {
      ...group,
      init: initOf([{ ...group.init.tracks[0]!, id: 241 }]),
      tracks: [{ ...group.tracks[0]!, trackId: 241 }],
    };
  };

  test('pictures are made of the smallest quality, whether it is earlier or later than the stream', async () => {
    for (const isEarlier of [true, false]) {
      const rig = openSampler();
      const sampler = rig.open();
      rig.smallest = 1;
      const made: number[] = [];
      rig.make = async () => ({ jpeg: new Uint8Array(4), luma: rig.luma, cpuUs: made.push(rig.queue.length) });
      for (let s = 0; s < 30; s += 2) {
        if (isEarlier) sampler.takeSmaller(smaller(s, s));
        sampler.take(groupAt({ msn: s, startUs: START_US + s * SECOND }));
        if (!isEarlier && s >= 2) sampler.takeSmaller(smaller(s - 2, s - 2));
        await rig.queue.idle();
      }
      assert.deepEqual(rig.seconds(), [0, 10, 20], isEarlier ? 'earlier' : 'later');
      await sampler.close();
    }
  });

  test('a smallest quality that does not come is not awaited for long, and a larger one never', async () => {
    const rig = openSampler();
    const sampler = rig.open();
    const feed = async (fromS: number, toS: number) => {
      for (let s = fromS; s < toS; s += 2) {
        sampler.take(groupAt({ msn: s, startUs: START_US + s * SECOND }));
        await rig.queue.idle();
      }
    };
    rig.smallest = 1;
    await feed(0, 20);
    assert.deepEqual(rig.seconds(), [8, 18]);
    rig.smallest = 1e9;
    await feed(20, 40);
    assert.deepEqual(rig.seconds(), [8, 18, 20, 30]);
  });
});
