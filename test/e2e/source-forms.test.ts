import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { TrackView } from '../../src/api/shapes.ts';
import { packetHashes, pictureHashes, probe, run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { openOrigin } from '../fixtures/origin.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder, startServer } from '../fixtures/server.ts';
import { FORM_PICTURES, FORM_SECONDS, makeForm, sourceForms } from '../fixtures/source-forms.ts';
import { until } from '../fixtures/wait.ts';

/** What one source became. */
interface Made {
  readonly source: string;
  /** As the API showed them while it was live. */
  readonly tracks: readonly TrackView[];
  readonly clip: string;
  /** Sealed files, in order of time. */
  readonly chunks: readonly string[];
  readonly causes: readonly string[];
}

/**
 * Sound may begin with the first picture and end with the last: this much may be missing, in frames of any
 * codec.
 */
const MAX_MISSING = 8;

suite('a source in any form is recorded as it is', { skip: need('ffmpeg') }, () => {
  const made = new Map<string, Made>();
  let folder: Folder;

  before(async () => {
    folder = await openFolder('source-forms');
    for (const form of sourceForms) await makeForm(form, join(folder.path, form.name));
    await using origin = await openOrigin({ folder: folder.path });
    const data = join(folder.path, 'data');
    const args = sourceForms.map(({ name }) => `${name}=${origin.url}/${name}/index.m3u8`);
    await using server = await startServer({ data, args });
    for (const { name } of sourceForms) {
      const view = await until(`all of ${name} is recorded`, async () => {
        const now = await server.stream(name, 'over');
        return now.recorded.seconds > FORM_SECONDS - 0.2 && now;
      });
      const [from, to] = [Date.parse(view.recorded.from!), Date.parse(view.recorded.to!)];
      const clip = join(folder.path, `${name}.mp4`);
      await writeFile(clip, await server.bytes(`/clip/${name}/${from}/${to}.mp4`));
      const { gaps } = await server.timeline(name, `?from=${from}&to=${to}`);
      made.set(name, {
        source: join(folder.path, name, 'index.m3u8'),
        tracks: view.tracks,
        clip,
        chunks: [],
        causes: gaps.map(({ cause, detail }) => `${cause}: ${detail}`),
      });
    }
    assert.equal((await server.stop()).code, 0);
    assert.deepEqual(server.log('error'), []);
    for (const [name, chunks] of await chunkFiles(data)) made.set(name, { ...made.get(name)!, chunks });
  });
  after(() => folder[Symbol.asyncDispose]());

  for (const { name, sentence, codecs, languages } of sourceForms) {
    test(`${sentence} (${name})`, async () => {
      const { source, tracks, clip, chunks, causes } = made.get(name)!;
      assert.equal(tracks.length, codecs.length, JSON.stringify(tracks));
      for (const [i, codec] of codecs.entries()) assert.match(tracks[i]!.codecs, codec);
      if (languages)
        assert.deepEqual(
          tracks.map(({ language }) => language),
          languages,
        );
      assert.deepEqual(causes, []);
      const pictures = tracks.some(({ kind }) => kind === 'video');
      if (pictures) {
        const shown = await pictureHashes(source);
        assert.equal(shown.length, FORM_PICTURES);
        assert.deepEqual(await pictureHashes(clip), shown, 'the clip has every picture');
        // One decoder reads all: at a mark of ten minutes a file may begin in the middle of an open GOP.
        const list = join(folder.path, `${name}.ffconcat`);
        const lines = chunks.map((file) => `file '${relative(folder.path, file)}'`);
        await writeFile(list, ['ffconcat version 1.0', ...lines].join('\n'));
        assert.deepEqual(await pictureHashes(list), shown, 'so have the files');
      }
      for (let i = 0; i < codecs.length - (pictures ? 1 : 0); i++) {
        const sound = await packetHashes(source, `a:${i}`);
        const recorded = (await Promise.all(chunks.map((file) => packetHashes(file, `a:${i}`)))).flat();
        const at = sound.indexOf(recorded[0]!);
        assert.ok(at >= 0 && at <= MAX_MISSING, `track ${i} begins with frame ${at} of the source`);
        assert.deepEqual(recorded, sound.slice(at, at + recorded.length));
        assert.ok(sound.length - at - recorded.length <= MAX_MISSING, `${sound.length - at - recorded.length} missing`);
      }
    });
  }

  test('every clip is a file that plays to its end', async () => {
    for (const [name, { clip }] of made) {
      const { durationS } = await probe(clip);
      assert.ok(Math.abs(durationS - FORM_SECONDS) < 0.2, `${name}: ${durationS} s`);
    }
    const clips = [...made.values()].map(({ clip }) => clip);
    const inputs = clips.flatMap((clip) => ['-threads', '1', '-i', clip]);
    const tracks = clips.flatMap((_, i) => ['-map', `${i}:v?`, '-map', `${i}:a`]);
    const { code, stderr } = await run('ffmpeg', ['-v', 'error', ...inputs, ...tracks, '-f', 'null', '-']);
    assert.equal(`${code}${stderr}`, '0');
  });
});
