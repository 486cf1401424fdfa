import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { framePool } from '../../lib/memory/slab-pool.ts';
import type { StreamInput } from '../../live/input.ts';
import { createPackagerRig, type PackagerRig } from '../../packager/packager.fixture.ts';
import { makeMedia, pull, removeMedia } from './pull.fixture.ts';

/** A stream that does not say whether frames are in use: each segment has its own memory. */
function silent(stream: StreamInput): StreamInput {
  return new Proxy(stream, {
    get(target, name) {
      if (name === 'flush') return () => target.flush();
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Every segment that the packager sealed, with the hash of its bytes at that time, and its times. */
async function recordedOf(path: string, inputOf: (rig: PackagerRig) => StreamInput): Promise<string[]> {
  const rig = createPackagerRig();
  const lines: string[] = [];
  rig.packager.groups.subscribe(({ msn, startUs, durationUs, tracks }) => {
    for (const { trackId, bytes, tfdt, duration, samples, crc } of tracks) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      lines.push([msn, startUs, durationUs, trackId, tfdt, duration, samples, crc, hash].join(' '));
    }
  });
  await using running = await pull(path, { input: inputOf(rig) });
  await running.end();
  rig.stream.offline('over');
  return lines;
}

suite('segments in memory that is used again', { skip: need('ffmpeg') }, () => {
  before(() =>
    makeMedia({
      muxed: { seconds: 9, segmentS: 2 },
      silent: { seconds: 6, bFrames: 0, audio: 'none' },
    }),
  );
  after(removeMedia);

  for (const name of ['muxed', 'silent']) {
    test(`have the bytes and times of segments in their own memory: ${name}`, async () => {
      const own = await recordedOf(`/${name}/index.m3u8`, ({ stream }) => silent(stream));
      assert.ok(own.length >= 3);
      const again = await recordedOf(`/${name}/index.m3u8`, ({ stream }) => stream);
      assert.deepEqual(again, own);
      assert.equal(framePool.bytes, framePool.freeBytes, 'no segment kept its memory');
      assert.ok(framePool.bytes > 0, 'it was used');
    });
  }
});
