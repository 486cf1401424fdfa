import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import type { Origin } from '../../../test/fixtures/origin.ts';
import { createFollowerRig } from '../../packager/follower.fixture.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import { createPackagerRig } from '../../packager/packager.fixture.ts';
import { makeMedia, pull, removeMedia } from './pull.fixture.ts';

const SECONDS = 6;

/** A source of two variants, as the playlists of ffmpeg. */
function putMaster(origin: Origin): void {
  const variant = (name: string, bandwidth: number, size: string) =>
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=${size},CODECS="avc1.64000d,mp4a.40.2"\n/${name}/index.m3u8`;
  const variants = [variant('large', 500_000, '320x180'), variant('small', 200_000, '160x90')];
  origin.put('/master.m3u8', `#EXTM3U\n${variants.join('\n')}\n`);
}

/** Pulls the source into a stream with one derived quality. */
async function pullBoth(prepare: (origin: Origin) => void = () => {}, wanted: 'all' | 'best' | number[] = 'all') {
  // Nothing of six seconds leaves memory.
  const rig = createPackagerRig({ segmentS: 1 });
  const { stream } = rig;
  const quality = createFollowerRig(rig, 20_000_000);
  const opened: string[] = [];
  const qualities = {
    wanted,
    open(rung: string) {
      opened.push(rung);
      return quality.follower;
    },
    now() {
      const { context, utcOffsetUs } = stream.placement;
      return context && utcOffsetUs !== undefined
        ? { run: context.run.id, shiftUs: utcOffsetUs - context.run.utcOffsetUs }
        : undefined;
    },
  };
  await using p = await pull('/master.m3u8', { input: stream, qualities }, (origin) => {
    putMaster(origin);
    prepare(origin);
  });
  await p.end();
  stream.offline('over');
  rig.packager.endList();
  return { rig, list: quality.list, opened, requests: p.origin.requests };
}

const facts = (list: LiveWindow, trackId: number) =>
  list.segments.map(({ msn, startUs, sealed }) => {
    const media = sealed!.tracks.get(trackId);
    return [msn, startUs, sealed!.durationUs, media && media.tfdt + media.firstPtsOffset, media?.samples];
  });

suite('the qualities of a pulled multivariant source', { skip: need('ffmpeg') }, () => {
  before(async () => {
    await makeMedia({
      large: { seconds: SECONDS, size: '320x180' },
      small: { seconds: SECONDS, size: '160x90' },
    });
  });
  after(removeMedia);

  test('are on one cut list with the chosen one: the same MSNs, times and frames, each with its own picture', async () => {
    const { rig, list, opened } = await pullBoth();
    assert.deepEqual(opened, ['90']);
    const video = rig.list.tracks.find(({ kind }) => kind === 'video')!;
    assert.ok(rig.list.segments.length >= 5);
    assert.deepEqual(facts(list, 101), facts(rig.list, video.id));
    const own = list.tracks.find(({ kind }) => kind === 'video')!;
    assert.ok(own.kind === 'video' && own.config.width === 160);
    assert.equal(list.generation!.bandwidths[101], 200_000);
  });

  test('a segment that one variant lacks is a GAP there alone', async () => {
    const { rig, list } = await pullBoth((origin) =>
      origin.fault('/small/seg2', { kind: 'body', body: '<html>not here</html>' }),
    );
    const video = rig.list.tracks.find(({ kind }) => kind === 'video')!;
    const expected = facts(rig.list, video.id);
    const found = facts(list, 101);
    const missing = found.flatMap(([, , , , samples], i) => (samples === undefined ? [i] : []));
    assert.deepEqual(missing, [2]);
    assert.deepEqual(found.toSpliced(2, 1), expected.toSpliced(2, 1));
    assert.ok(expected.every(([, , , , samples]) => samples !== undefined));
  });

  test('are not read unless they are wanted', async () => {
    for (const wanted of ['best', [720]] as const) {
      const { opened, requests } = await pullBoth(undefined, wanted as never);
      assert.deepEqual(opened, []);
      assert.ok(!requests.some((path) => path.includes('/small/')));
    }
  });
});
