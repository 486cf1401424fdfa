// Memory that is given back is overwritten here at once: code that still reads it then reads something else.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import type { Frame } from '@oxbow/media/frame';
import { need } from '../../../test/fixtures/need.ts';
import { SlabPool } from '../../lib/memory/slab-pool.ts';
import type { Sink } from '../../live/sink.ts';
import { createPackagerRig } from '../../packager/packager.fixture.ts';
import { makeMedia, pull, removeMedia } from './pull.fixture.ts';

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The pools overwrite what they get and give, or use no memory again; until the result is disposed. */
function overwrite({ isReused }: { isReused: boolean }): Disposable & { readonly given: number } {
  const pool = SlabPool.prototype;
  const { take, give } = pool;
  let given = 0;
  pool.take = function (this: SlabPool, ...call) {
    return isReused ? take.apply(this, call).fill(0xdc) : new Uint8Array(call[0]);
  };
  pool.give = function (this: SlabPool, view) {
    if (!isReused) return false;
    if (view.buffer.byteLength > 0) new Uint8Array(view.buffer).fill(0xdb);
    const isGiven = give.call(this, view);
    if (isGiven) given++;
    return isGiven;
  };
  return {
    get given() {
      return given;
    },
    [Symbol.dispose]() {
      Object.assign(pool, { take, give });
    },
  };
}

/** A viewer that keeps every frame, and what it was. */
class Keeper implements Sink {
  readonly kept: { readonly frame: Frame; readonly hash: string }[] = [];
  startRun() {}
  write(frame: Frame) {
    this.kept.push({ frame, hash: hashOf(frame.data) });
  }
  flush() {}
  endRun() {}
  damage() {}
}

/** What a pull records: by a disk that is three segments late, with a viewer from `watches` segments on. */
async function recordedOf(path: string, watches: number): Promise<readonly string[]> {
  const rig = createPackagerRig();
  const lines: string[] = [];
  const late: (() => void)[] = [];
  let sealed = 0;
  const keeper = new Keeper();
  const record = (wait: number) => {
    while (late.length > wait) late.shift()!();
  };
  rig.packager.groups.subscribe(({ msn, startUs, durationUs, tracks }) => {
    if (sealed++ === watches) rig.stream.sinks.attach(keeper, { name: 'viewer', fromKeyFrame: true });
    lines.push(`${msn} ${startUs} ${durationUs}`);
    late.push(() => {
      for (const track of tracks) lines.push(`${msn} ${track.trackId} ${track.tfdt} ${hashOf(track.bytes)}`);
      rig.listWriter.recorded(msn);
    });
    record(3);
  });
  await using running = await pull(path, { input: rig.stream });
  await running.end();
  rig.stream.offline('over');
  record(0);
  for (const { frame, hash } of keeper.kept) {
    assert.equal(hashOf(frame.data), hash);
    lines.push(`viewer ${frame.trackId} ${frame.dts} ${hash}`);
  }
  assert.equal(keeper.kept.length > 0, Number.isFinite(watches));
  return lines;
}

suite('memory that is used again', { skip: need('ffmpeg') }, () => {
  before(() =>
    makeMedia({
      muxed: { seconds: 9, segmentS: 1 },
      silent: { seconds: 6, bFrames: 0, audio: 'none' },
      separate: { seconds: 6, audio: 'separate' },
    }),
  );
  after(removeMedia);

  for (const [path, watches] of [
    ['/muxed/index.m3u8', Number.POSITIVE_INFINITY],
    ['/muxed/index.m3u8', 1],
    ['/silent/index.m3u8', 0],
    ['/separate/master.m3u8', Number.POSITIVE_INFINITY],
  ] as const) {
    test(`is read by none that lives on: ${path}, a viewer from segment ${watches} on`, async () => {
      const read = () => Promise.all([recordedOf(path, watches), recordedOf(path, Number.POSITIVE_INFINITY)]);
      let own: Awaited<ReturnType<typeof read>>;
      {
        using _ = overwrite({ isReused: false });
        own = await read();
      }
      using memory = overwrite({ isReused: true });
      assert.deepEqual(await read(), own);
      assert.ok(memory.given >= 8, `${memory.given} blocks were given back`);
    });
  }
});
