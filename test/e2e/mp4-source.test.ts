import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { makeReal, realPairs, remux } from '@oxbow/media/isobmff/real-media.fixture';
import { filmHashes, probe } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { openOrigin } from '../fixtures/origin.ts';
import { download, readFirstVariant, readMultivariant, stretchesOf } from '../fixtures/playlists.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 3;
/** Audio before the first picture or after the last may be missing. */
const MAX_MISSING = 4;

/** What one file became. */
interface Made {
  readonly source: string;
  /** CODECS of its window. */
  readonly codecs: string;
  readonly window: string;
  readonly mp4: string;
  readonly mkv: string;
  readonly chunks: readonly string[];
}

/** Names of the streams: index behind the media, index in front, fragments. */
const forms: readonly { readonly name: string; readonly pair: (typeof realPairs)[number]; readonly flags: string }[] = [
  { name: 'av1-opus', pair: realPairs[0]!, flags: '-movflags 0' },
  { name: 'vp9-mp3', pair: realPairs[1]!, flags: '-movflags +faststart' },
  { name: 'hevc-ac3', pair: realPairs[2]!, flags: '-movflags frag_keyframe+delay_moov+default_base_moof' },
];

suite('an MP4 file over HTTP is recorded as a source that ends', { skip: need('ffmpeg') }, () => {
  const made = new Map<string, Made>();
  let folder: Folder;

  before(async () => {
    folder = await openFolder('mp4-source');
    for (const { name, pair, flags } of forms) remux(makeReal(pair, folder.path), `${name}-film.mp4`, flags);
    await using origin = await openOrigin({ folder: folder.path });
    const data = join(folder.path, 'data');
    const args = forms.map(({ name }) => `${name}=${origin.url}/${name}-film.mp4`);
    await using server = await startPlainServer({ data, args });
    for (const { name } of forms) {
      const recorded = await until(`all of ${name} is recorded`, async () => {
        const view = await server.stream(name, 'over');
        return view.recorded.seconds > SECONDS - 0.1 && view.recorded;
      });
      const [from, to] = [Date.parse(recorded.from!), Date.parse(recorded.to!)];
      const index = `/vod/${name}/${from}/${to}/index.m3u8`;
      const past = await readFirstVariant(server, index);
      const file = (extension: string) => join(folder.path, `${name}-${extension}`);
      const stretches = stretchesOf(past.list);
      assert.equal(stretches.length, 1, `${name}: nothing breaks the list`);
      await download(server, past.path, stretches[0]!, file('window.mp4'));
      for (const extension of ['mp4', 'mkv'] as const) {
        await writeFile(file(`clip.${extension}`), await server.bytes(`/clip/${name}/${from}/${to}.${extension}`));
      }
      const { variants } = await readMultivariant(server, index);
      made.set(name, {
        source: file('film.mp4'),
        codecs: variants[0]!.codecs ?? '',
        chunks: [],
        window: file('window.mp4'),
        mp4: file('clip.mp4'),
        mkv: file('clip.mkv'),
      });
    }
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(server.log('error'), []);
    for (const [name, chunks] of await chunkFiles(data)) made.set(name, { ...made.get(name)!, chunks });
  });
  after(() => folder[Symbol.asyncDispose]());

  const codecs: Readonly<Record<string, RegExp>> = {
    'av1-opus': /^av01\.0\.\d\d[MH]\.08,opus$/,
    'vp9-mp3': /^vp09\.00\.\d\d\.08,mp4a\.6B$/,
    'hevc-ac3': /^hvc1\.[^,]*,ac-3$/,
  };
  for (const { name } of forms) {
    test(`${name}: window, clips and files have all pictures and their audio`, async () => {
      const { source, window, mp4, mkv, chunks, codecs: listed } = made.get(name)!;
      assert.match(listed, codecs[name]!);
      const files = [source, window, mp4, mkv, ...chunks];
      const [film, ...found] = await filmHashes(files);
      assert.equal(film!.pictures.length, SECONDS * 25);
      for (const [i, own] of found.slice(0, 3).entries()) {
        assert.deepEqual(own.pictures, film!.pictures, files[i + 1]);
        assertSound(own.sound, film!.sound);
      }
      const recorded = found.slice(3).flatMap(({ pictures }) => pictures);
      assert.deepEqual(recorded, film!.pictures);
      for (const path of [mp4, mkv]) {
        const { durationS } = await probe(path);
        assert.ok(Math.abs(durationS - SECONDS) < 0.2, `${path}: ${durationS} s`);
      }
    });
  }
});

function assertSound(ours: readonly string[], source: readonly string[]): void {
  const at = source.indexOf(ours[0]!);
  assert.ok(at >= 0 && at <= MAX_MISSING, `sound begins with frame ${at} of the source`);
  assert.deepEqual(ours, source.slice(at, at + ours.length));
  assert.ok(source.length - at - ours.length <= MAX_MISSING, `${source.length - at - ours.length} frames are missing`);
}
