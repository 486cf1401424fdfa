import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type FilmHashes, filmHashes, probe } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type HlsSpec, makeHls, openOrigin } from '../fixtures/origin.ts';
import { download, readFirstVariant, stretchesOf } from '../fixtures/playlists.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder, startPlainServer } from '../fixtures/server.ts';
import { perRequest, putSlidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';
import { lastOf } from '../full.ts';

/** Not a whole number of segments, so that the end is no seam. */
const SECONDS = 7.4;
const FRAMES = SECONDS * 25;

const all = (['h264', 'hevc'] as const).flatMap((codec) =>
  (['ts', 'fmp4'] as const).map((container) => ({ codec, container, name: `${codec}-${container}` })),
);
const sources = lastOf(1, all);

/** What one source became. */
interface Made {
  readonly source: FilmHashes;
  readonly window: FilmHashes;
  readonly clip: FilmHashes;
  /** Of its sealed files, one after the other. */
  readonly recorded: FilmHashes;
  readonly clipFile: string;
  /** Sealed files, in order of time. */
  readonly chunks: readonly string[];
}

suite('a pulled stream equals the source, picture by picture', { skip: need('ffmpeg') }, () => {
  const made = new Map<string, Made>();
  let folder: Folder;

  before(async () => {
    folder = await openFolder('pull-md5');
    await using origin = await openOrigin({ folder: folder.path });
    const args = await Promise.all(
      sources.map(async ({ name, codec, container }) => {
        const spec: HlsSpec = { folder: join(folder.path, name), seconds: SECONDS, codec, container, bFrames: 3 };
        await makeHls(spec);
        // Four segments at a time, each reload two more: the whole of it passes in five reloads.
        const released = perRequest({ first: 3, step: 2 });
        const at = { folder: spec.folder, window: 4, released, path: `/${name}/live.m3u8` };
        return `${name}=${await putSlidingList(origin, at)}`;
      }),
    );
    const data = join(folder.path, 'data');
    await using server = await startPlainServer({ data, args });
    const found = await Promise.all(
      sources.map(async ({ name }) => {
        const recorded = await until(`all of ${name} is recorded`, async () => {
          const view = await server.stream(name, 'over');
          return view.recorded.seconds > SECONDS - 0.01 && view.recorded;
        });
        const [from, to] = [Date.parse(recorded.from!), Date.parse(recorded.to!)];
        const past = await readFirstVariant(server, `/vod/${name}/${from}/${to}/index.m3u8`);
        assert.equal(past.list.endList, true, 'all of it is recorded, so it is whole');
        const stretches = stretchesOf(past.list);
        assert.equal(stretches.length, 1, `${name}: nothing breaks the list`);
        const file = (kind: string) => join(folder.path, `${name}-${kind}.mp4`);
        await download(server, past.path, stretches[0]!, file('window'));
        await writeFile(file('clip'), await server.bytes(`/clip/${name}/${from}/${to}.mp4`));
        return { name, window: file('window'), clip: file('clip') };
      }),
    );
    const { code } = await server.stop();
    assert.equal(code, 0);
    assert.deepEqual(server.log('error'), []);
    const byStream = await chunkFiles(data);
    for (const { name, window, clip } of found) {
      const index = join(folder.path, name, 'index.m3u8');
      const chunks = byStream.get(name)!;
      const files = [index, window, clip, ...chunks];
      const [source, ofWindow, ofClip, ...ofChunks] = await filmHashes(files, { aac: true });
      assert.equal(source!.pictures.length, FRAMES);
      const recorded = {
        pictures: ofChunks.flatMap(({ pictures }) => pictures),
        sound: ofChunks.flatMap(({ sound }) => sound),
      };
      made.set(name, { source: source!, window: ofWindow!, clip: ofClip!, recorded, clipFile: clip, chunks });
    }
  });
  after(() => folder[Symbol.asyncDispose]());

  for (const { name } of sources) {
    test(`${name}: the window of the past has all pictures and their audio`, async () => {
      const { source, window } = made.get(name)!;
      assert.deepEqual(window.pictures, source.pictures);
      assertSound(window.sound, source.sound);
    });

    test(`${name}: so has the clip, which starts at 0`, async () => {
      const { source, clip, clipFile } = made.get(name)!;
      assert.deepEqual(clip.pictures, source.pictures);
      assertSound(clip.sound, source.sound);
      await assertWhole([clipFile], source.pictures.length);
    });

    test(`${name}: so have the sealed chunk files, which are ordinary MP4 files`, async () => {
      const { source, recorded, chunks } = made.get(name)!;
      assert.deepEqual(recorded.pictures, source.pictures);
      assertSound(recorded.sound, source.sound);
      await assertWhole(chunks, source.pictures.length);
    });
  }
});

/** Audio before the first picture or after the last may be missing: less than a tenth of a second. */
function assertSound(ours: readonly string[], source: readonly string[]): void {
  const at = source.indexOf(ours[0]!);
  assert.ok(at >= 0 && at <= 4, `sound begins with frame ${at} of the source`);
  assert.deepEqual(ours, source.slice(at, at + ours.length));
  assert.ok(source.length - at - ours.length <= 4, `${source.length - at - ours.length} frames are missing at the end`);
}

/** Each file begins at 0, is as long as its pictures, and knows how many it has. */
async function assertWhole(files: readonly string[], pictures: number): Promise<void> {
  let count = 0;
  for (const file of files) {
    const { startS, durationS, streams } = await probe(file);
    const video = streams.find(({ kind }) => kind === 'video')!;
    const sound = streams.find(({ kind }) => kind === 'audio')!;
    assert.equal(startS, 0, `${file} begins at 0`);
    assert.ok(video.startS < 0.001, `the first picture comes at ${video.startS} s`);
    assert.ok(
      Math.abs(video.durationS - video.frames / 25) < 0.041,
      `${video.frames} pictures in ${video.durationS} s`,
    );
    assert.ok(Math.abs(durationS - video.durationS) < 0.1, `${durationS} s, pictures ${video.durationS} s`);
    assert.ok(Math.abs(sound.durationS - video.durationS) < 0.1, `sound ${sound.durationS} s`);
    count += video.frames;
  }
  assert.equal(count, pictures);
}
