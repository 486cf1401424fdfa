import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { parseVtt } from '@oxbow/media/webvtt/parse';
import { named, readManifest } from '../conformance/mpd.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeHls, openOrigin } from '../fixtures/origin.ts';
import {
  datesOf,
  type LoadedMedia,
  readFirstVariant,
  readMedia,
  readMultivariant,
  resolvePath,
} from '../fixtures/playlists.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { perSecond } from '../fixtures/sliding-list.ts';
import { BREAK, LONG_CUE, OWN_RANGE, putTimedSource } from '../fixtures/timed-source.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull } from '../full.ts';

const SECONDS = 16;
/** Segments that are out at the start: the list is begun at the third from its end. */
const FIRST = 4;

interface Probed {
  readonly format: { readonly start_time: string; readonly duration: string };
  readonly streams: readonly { readonly codec_type: string; readonly start_time: string; readonly duration: string }[];
}

/** All that an oxbow says beside the media. */
interface Said {
  readonly ranges: readonly DateRangeTag[];
  /** By name of the rendition: the files in order. */
  readonly subtitles: Readonly<Record<string, readonly string[]>>;
}

async function subtitlesOf(server: Server, { path, list }: LoadedMedia): Promise<string[]> {
  return Promise.all(
    list.segments.map(async ({ uri }) => Buffer.from(await server.bytes(resolvePath(uri, path))).toString()),
  );
}

async function readSaid(server: Server, index: string): Promise<Said> {
  const { renditions } = await readMultivariant(server, index);
  const subtitles: Record<string, string[]> = {};
  for (const { type, language, uri } of renditions) {
    if (type !== 'SUBTITLES') continue;
    subtitles[language!] = await subtitlesOf(server, await readMedia(server, resolvePath(uri!, index)));
  }
  return { ranges: (await readFirstVariant(server, index)).list.dateRanges ?? [], subtitles };
}

suite('timed metadata passes from source to viewers', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let startMs = 0;
  let data = '';
  let index = '';
  /** The list as it was when it ended, the window, and the window of a rebuilt database. */
  let live: Said;
  let window: Said;
  let rebuilt: Said;
  /** Of the window. */
  let manifest = '';
  let firstMs = 0;
  let ts: Uint8Array;
  let clip = '';

  before(async () => {
    folder = await openFolder('timed-metadata');
    const media = join(folder.path, 'media');
    data = join(folder.path, 'data');
    await makeHls({ folder: media, seconds: SECONDS, size: '128x72' });
    await using origin = await openOrigin({ folder: media });
    startMs = Date.now() - FIRST * 1000;
    const released = perSecond({ first: FIRST, seconds: 1, waits: true });
    await putTimedSource(origin, { folder: media, released, startMs });
    origin.fault('/deu/5.vtt', { kind: 'status', status: 404 });
    {
      await using server = await startPlainServer({ data, args: [`a=${origin.url}/master.m3u8`] });
      await server.stream('a', 'live');
      const { variants, renditions } = await readMultivariant(server, '/live/a/index.m3u8');
      assert.deepEqual(
        renditions.map((one) => [one.type, one.name, one.language, one.default, one.forced ?? false]),
        [
          ['SUBTITLES', 'English', 'eng', true, false],
          ['SUBTITLES', 'Deutsch', 'deu', false, true],
        ],
      );
      assert.equal(variants[0]!.subtitles, renditions[0]!.groupId);
      await server.stream('a', 'over');
      // Its list has ended, and can still be had under its own address.
      const list = await readMedia(server, resolvePath(variants[0]!.uri, '/live/a/'));
      const subtitles: Record<string, string[]> = {};
      for (const { language, uri } of renditions) {
        subtitles[language!] = await subtitlesOf(server, await readMedia(server, resolvePath(uri!, '/live/a/')));
      }
      live = { ranges: list.list.dateRanges ?? [], subtitles };
      firstMs = list.list.segments[0]!.programDateTimeMs!;
      const lastMs = datesOf(list.list).at(-1)!;
      const recorded = await until('all of it is recorded', async () => {
        const view = await server.stream('a', 'over');
        return Date.parse(view.recorded.to ?? '') > lastMs && view.recorded;
      });
      index = `/vod/a/${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}/index.m3u8`;
      window = await readSaid(server, index);
      manifest = Buffer.from(await server.bytes(index.replace('.m3u8', '.mpd'))).toString();
      const long = await readFirstVariant(server, index);
      ts = await server.bytes(`/live/a/ts/${/(\d+)\.m4s/.exec(long.list.segments[1]!.uri)![1]}.ts`);
      clip = join(folder.path, 'clip.mp4');
      const range = `${Date.parse(recorded.from!)}/${Date.parse(recorded.to!)}`;
      await writeFile(clip, await server.bytes(`/clip/a/${range}.mp4`));
      assert.deepEqual(server.log('error'), []);
    }
    if (!isFull) return;
    for (const name of await readdir(data)) if (name.startsWith('oxbow.db')) await rm(join(data, name));
    const { code, stderr } = await runOxbow(['doctor', '--rebuild', '--data', data]);
    assert.equal(code, 0, stderr);
    // The stream is identified by its name; its source is deleted.
    await using server = await startPlainServer({ data, args: [`a=${origin.url}/gone.m3u8`] });
    rebuilt = await until('the rebuilt stream is there', () => readSaid(server, index));
  });
  after(() => folder[Symbol.asyncDispose]());

  const find = (id: RegExp) => live.ranges.filter((range) => id.test(range.id));
  /** UTC of oxbow at second 0 of the source. */
  const zeroMs = () => firstMs - Math.round((firstMs - startMs) / 1000) * 1000;

  test('EXT-X-DATERANGE of a source keeps its ID and attributes, at its UTC in oxbow', () => {
    const [own, ...others] = find(/^own$/);
    assert.ok(own);
    assert.deepEqual(others, [], 'each ID occurs once');
    assert.ok(Math.abs(own.startDateMs - zeroMs() - OWN_RANGE.fromS * 1000) <= 2, `it begins at ${own.startDateMs}`);
    const { CLASS, DURATION, 'X-COM-EXAMPLE-NAME': name } = own.attributes;
    assert.deepEqual([CLASS, Number(DURATION)], ['"com.example.show"', OWN_RANGE.toS - OWN_RANGE.fromS]);
    assert.equal(name, '"A, \u{1f3a5}"');
    assert.equal(find(/^broken$/).length, 0);
  });

  test('an SCTE 35 break is one range from its out to its in point', () => {
    const [found, ...others] = find(/^splice-/);
    assert.ok(found);
    assert.deepEqual(others, []);
    assert.ok(Math.abs(found.startDateMs - zeroMs() - BREAK.fromS * 1000) <= 60, `it begins at ${found.startDateMs}`);
    assert.equal(Number(found.attributes['PLANNED-DURATION']), BREAK.plannedS);
    assert.equal(Number(found.attributes.DURATION), BREAK.toS - BREAK.fromS);
    assert.match(found.attributes['SCTE35-OUT']!, /^0xFC[0-9A-F]+$/);
    assert.match(found.attributes['SCTE35-IN']!, /^0xFC[0-9A-F]+$/);
  });

  test('the DASH manifest of the window has the same as events', () => {
    const { periods, root } = readManifest(manifest, index, assert.fail);
    assert.ok(periods.length > 0);
    const streams = named(root, 'Period').flatMap((period) => named(period, 'EventStream'));
    const count = (scheme: RegExp) =>
      streams.filter(({ attributes }) => scheme.test(attributes.schemeIdUri!)).flatMap((one) => named(one, 'Event'));
    assert.equal(count(/ID3$/).length, window.ranges.filter(({ id }) => id.startsWith('id3-')).length);
    assert.equal(count(/scte35/).length, 2, 'out and in');
    assert.match(count(/daterange$/)[0]!.text, /^ID="own",CLASS="com.example.show",/);
  });

  test('ID3 tags are date ranges of their own class that contain the tag', () => {
    const tags = find(/^id3-/);
    assert.ok(tags.length >= 3, `${tags.length} tags`);
    for (const { attributes } of tags) {
      assert.equal(attributes.CLASS, '"oxbow.id3"');
      const bytes = Buffer.from(attributes['X-OXBOW-ID3']!.slice(2), 'hex');
      assert.equal(bytes.length, Number(attributes['X-OXBOW-ID3-LENGTH']));
      assert.match(bytes.toString('latin1'), /^ID3.*TIT2.*song \d+$/s);
    }
  });

  test('the MPEG-TS rendition has the ID3 tags too', () => {
    const kinds = new Set<string>();
    const demuxer = createTsDemuxer({
      tracks: (tracks) => {
        for (const { config } of tracks) kinds.add(config.codec);
      },
      frame: () => {},
      damage: () => {},
    });
    demuxer.push(ts);
    demuxer.flush();
    assert.deepEqual([...kinds].sort(), ['aac', 'h264', 'id3']);
  });

  test('every segment has a subtitle file, and a cue is in all segments that it overlaps, with its own times', () => {
    const files = live.subtitles.eng!.map((text) => ({ text, parsed: parseVtt(text) }));
    assert.ok(files.length >= 5);
    for (const { parsed, text } of files) assert.ok(parsed.timestampMap, text);
    const long = files.filter(({ text }) => text.includes('eng long'));
    assert.ok(long.length >= 2, 'it lasts over several segments');
    const times = new Set(
      long.map(({ parsed }) => JSON.stringify(parsed.cues.find(({ text }) => text === 'eng long'))),
    );
    assert.equal(times.size, 1, [...times].join());
    for (const { parsed } of long) {
      const { startMs: from, endMs, settings } = parsed.cues.find(({ text }) => text === 'eng long')!;
      assert.ok(Math.abs(endMs - from - 1000 * (LONG_CUE.toS - LONG_CUE.fromS)) <= 1);
      assert.equal(settings, 'line:0');
    }
    const all = files.flatMap(({ parsed }) => parsed.cues.map(({ text }) => text));
    for (const i of [6, 8, 10, 12]) assert.ok(all.includes(`eng ${i}`), `eng ${i} is there: ${all.join()}`);
  });

  test('an unavailable subtitle segment has no effect on other media', () => {
    assert.equal(live.subtitles.deu!.length, live.subtitles.eng!.length);
    assert.ok(live.subtitles.deu!.some((text) => text.includes('deu 10')));
  });

  test('the window has the same metadata as the live playlist', () => {
    assert.deepEqual(window, live);
  });

  fullTest('so does a database that was rebuilt from the files', () => {
    assert.deepEqual(rebuilt, window);
  });

  fullTest('the clip lasts as long as its pictures, whatever its metadata', async () => {
    // ffprobe says of each track of text and metadata that it has no decoder for it: an error is a failure.
    const entries = 'format=start_time,duration:stream=codec_type,start_time,duration';
    const { stdout, stderr } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_entries', entries, clip]);
    assert.equal(stderr, '');
    const found = JSON.parse(stdout.toString()) as Probed;
    const video = found.streams.find(({ codec_type }) => codec_type === 'video')!;
    assert.equal(Number(found.format.start_time), 0);
    assert.ok(Number(video.start_time) < 0.001);
    const lacks = Number(found.format.duration) - Number(video.duration);
    assert.ok(Math.abs(lacks) < 0.1, `${found.format.duration} s, pictures ${video.duration} s`);
  });
});
