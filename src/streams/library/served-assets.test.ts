import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { Track } from '@oxbow/media/frame';
import { parseInit, printInit } from '@oxbow/media/isobmff/init';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import { parseSample } from '@oxbow/media/webvtt/sample';
import { parseMediaAddress } from '../../api/media-address.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { copyGroup, packSegments, SegmentWalker } from '../../archive/segment-index.ts';
import { segmentPrefix } from '../../archive/segment-store.ts';
import { AssetPictures, type MakeSheets } from '../../delivery/asset/asset-pictures.ts';
import { AssetTexts } from '../../delivery/asset/asset-texts.ts';
import { bytesOf } from '../../delivery/delivery.fixture.ts';
import { createMediaRouter } from '../../delivery/media-router.ts';
import type { Reply } from '../../delivery/reply.ts';
import { Stills } from '../../delivery/stills.ts';
import { createManualClock } from '../../lib/clock.ts';
import { AssetMediaCache } from '../../library/asset-media.ts';
import { addFilm, addRung } from '../../library/film.fixture.ts';
import { openTestLibrary } from '../../library/library.fixture.ts';
import { Subtitles } from '../../library/subtitles/subtitles.ts';
import { temporaryFolder } from '../../recording/recording.fixture.ts';

const run = promisify(execFile);
const never = new AbortController().signal;
const refusal = (code: string) => ({ name: 'OxbowError', code });

/** A library with delivery over it. */
async function openServed({ isDirect = false } = {}) {
  const library = await openTestLibrary();
  const { assets, db, segments } = library;
  const subtitles = new Subtitles({ db, segments });
  const media = new AssetMediaCache(db, assets, subtitles);
  const reader = openRangeReader(segments);
  const stills: string[] = [];
  const makeStill = async ({ bytes, atS = 0, width }: { bytes: Uint8Array; atS?: number; width: number }) => {
    stills.push(`${bytes.length > 1000} ${atS} ${width}`);
    return new Uint8Array([0xff, 0xd8, stills.length]);
  };
  const sheets: MakeSheets = {
    async makeTile({ bytes: media, atS, width, height }) {
      stills.push(`tile ${media.length > 500} ${atS} ${width}x${height}`);
      return new Uint8Array([stills.length]);
    },
    async makeSheet({ tiles, columns, width, height }) {
      stills.push(`sheet ${tiles.map((tile) => tile?.[0])} ${columns} ${width}x${height}`);
      return new Uint8Array([0xff, 0xd8, 0]);
    },
  };
  const answer = createMediaRouter({
    isDirect: () => isDirect,
    find: () => undefined,
    clock: createManualClock(0),
    reader,
    stills: new Stills({ makeStill, reader, signal: never }),
    assets: {
      find: (id) => media.find(id),
      reader,
      texts: new AssetTexts(segments),
      pictures: new AssetPictures({ makeStill, sheets, reader, segments, signal: never }),
    },
  });
  const get = (path: string): Promise<Reply> =>
    answer(parseMediaAddress(path)!, new URLSearchParams(), { signal: never });
  const bytes = async (path: string) => {
    return Buffer.from(await bytesOf(await get(path), reader));
  };
  return {
    ...library,
    media,
    subtitles,
    stills,
    get,
    bytes,
    text: async (path: string) => (await bytes(path)).toString(),
    async [Symbol.asyncDispose]() {
      media[Symbol.dispose]();
      reader[Symbol.dispose]();
      await library[Symbol.asyncDispose]();
    },
  };
}

suite('an asset', () => {
  test('is a multivariant playlist with all renditions that are complete, and VOD playlists without dates', async () => {
    await using served = await openServed();
    const id = await addFilm(served, { rungs: ['90'] });
    const lines = (await served.text(`/assets/${id}/index.m3u8`)).split('\n');
    assert.deepEqual(
      lines.filter((line) => line.endsWith('.m3u8')),
      ['av0.m3u8', 'av0-90.m3u8'],
    );
    assert.match(
      lines[2]!,
      /^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.\w+,mp4a\.40\.2",RESOLUTION=160x90,FRAME-RATE=25\.000$/,
    );
    const list = await served.text(`/assets/${id}/av0-90.m3u8`);
    assert.doesNotMatch(list, /PROGRAM-DATE-TIME|DISCONTINUITY\n|GAP/);
    assert.match(list, /#EXT-X-PLAYLIST-TYPE:VOD/);
    const parsed = parsePlaylist(list);
    assert.ok(parsed.kind === 'media');
    const { playlist } = parsed;
    assert.deepEqual(
      playlist.segments.map(({ uri, durationS }) => [uri, durationS]),
      [
        ['av0-90/1.m4s', 2],
        ['av0-90/2.m4s', 2],
      ],
    );
    assert.equal(playlist.endList, true);
  });

  test('whose bucket may answer has sound apart from derived qualities, so that all segments are ranges of files', async () => {
    await using served = await openServed({ isDirect: true });
    const id = await addFilm(served, { rungs: ['90'] });
    const index = await served.text(`/assets/${id}/index.m3u8`);
    const lists = [...index.matchAll(/^(?:#EXT-X-MEDIA:TYPE=AUDIO.*URI=")?([\w-]+)\.m3u8"?/gm)].map(
      ([, name]) => name!,
    );
    assert.deepEqual(lists.sort(), ['a0', 'v0', 'v0-90']);
    for (const rendition of lists) {
      const parsed = parsePlaylist(await served.text(`/assets/${id}/${rendition}.m3u8`));
      assert.ok(parsed.kind === 'media' && parsed.playlist.segments.length === 2);
      for (const [i, { uri, byteRange }] of parsed.playlist.segments.entries()) {
        const { startsAt, length, stored } = await served.get(`/assets/${id}/${uri}`);
        assert.deepEqual([startsAt, length, stored!.offset], [byteRange!.offset, byteRange!.length, byteRange!.offset]);
        const usual = await served.bytes(`/assets/${id}/${rendition}/${i + 1}.m4s`);
        assert.deepEqual(await served.bytes(`/assets/${id}/${uri}`), usual);
      }
    }
    await using one = await openServed({ isDirect: true });
    const plain = await addFilm(one, {});
    assert.match(await one.text(`/assets/${plain}/index.m3u8`), /^av0\.m3u8$/m);
  });

  test('plays and downloads with every frame of each rendition', async () => {
    await using served = await openServed();
    await using folder = await temporaryFolder();
    const id = await addFilm(served, { rungs: ['90'] });
    const frames = async (name: string, content: Uint8Array) => {
      const path = join(folder.path, name);
      await writeFile(path, content);
      const { stdout } = await run('ffprobe', [
        '-v',
        'error',
        '-count_packets',
        '-show_entries',
        'stream=codec_type,nb_read_packets',
        '-of',
        'csv=p=0',
        path,
      ]);
      return stdout.trim().split('\n').sort();
    };
    for (const rendition of ['av0', 'av0-90']) {
      const folderOf = `/assets/${id}/${rendition}`;
      const pieces = [`${folderOf}/init-1.mp4`, `${folderOf}/1.m4s`, `${folderOf}/2.m4s`];
      const joined = Buffer.concat(await Promise.all(pieces.map(served.bytes)));
      const expected = await frames(`${rendition}.mp4`, joined);
      assert.equal(expected[1], 'video,100');
      assert.deepEqual(
        await frames(`${rendition}-file.mp4`, await served.bytes(`/assets/${id}/${rendition}.mp4`)),
        expected,
      );
    }
    assert.deepEqual(
      await frames('best.mp4', await served.bytes(`/assets/${id}/best.mp4`)),
      await frames('av0.mp4', await served.bytes(`/assets/${id}/av0.mp4`)),
    );
    assert.equal((await served.get(`/assets/${id}/best.mp4`)).filename, 'Film — 1.mp4');
  });

  test('has a static DASH manifest in which all qualities of the picture are one AdaptationSet', async () => {
    await using served = await openServed();
    const id = await addFilm(served, { rungs: ['90'] });
    const mpd = await served.text(`/assets/${id}/index.mpd`);
    assert.match(mpd, /type="static"[^>]* mediaPresentationDuration="PT4S"/);
    assert.deepEqual(
      mpd.match(/<Representation id="[^"]+"/g),
      ['v0', 'v0-90', 'a0'].map((one) => `<Representation id="${one}"`),
    );
    assert.equal(mpd.match(/<AdaptationSet/g)?.length, 2);
    assert.match(mpd, /media="v0-90\/\$Number\$\.m4s"/);
  });

  test('lists a further rendition once it is complete; addresses of before stay valid', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    const before = await served.get(`/assets/${id}/index.m3u8`);
    assert.equal(before, await served.get(`/assets/${id}/index.m3u8`), 'rendered once');
    await served.db
      .insertInto('asset_rendition')
      .values({ asset_id: id, id: 'v-45', state: 'running', progress: 0, failure: null, plan: '{}', init: null })
      .execute();
    await served.processed.mediaChanged(id);
    const growing = await served.get(`/assets/${id}/index.m3u8`);
    assert.deepEqual([growing.etag, growing.cacheControl], [before.etag, 'public, max-age=5']);
    await addRung(served, id, '90');
    await served.processed.mediaChanged(id);
    assert.match(await served.text(`/assets/${id}/index.m3u8`), /av0-90\.m3u8/);
    assert.equal((await served.get(`/assets/${id}/av0/1.m4s`)).cacheControl, 'public, max-age=31536000, immutable');
  });

  test('keeps muxed segments available when a second sound changes how its tracks are offered', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    const segment = await served.bytes(`/assets/${id}/av0/1.m4s`);
    const { init } = (await served.db.selectFrom('asset_rendition').select('init').executeTakeFirst())!;
    const sound = parseInit(init!).find(({ kind }) => kind === 'audio')!;
    await served.db
      .insertInto('asset_rendition')
      .values({
        asset_id: id,
        id: 'a-opus',
        state: 'done',
        progress: 1,
        failure: null,
        plan: '{}',
        init: printInit([{ ...sound, id: 121 }]),
      })
      .execute();
    const [chunk] = await served.db.selectFrom('asset_chunk').selectAll().execute();
    const walker = new SegmentWalker(chunk!.segments);
    assert.ok(walker.next());
    const group = copyGroup(walker.group);
    const sounds = {
      ...group,
      tracks: group.tracks.flatMap((track) => (track.trackId === sound.id ? [{ ...track, trackId: 121 }] : [])),
    };
    await served.db
      .insertInto('asset_chunk')
      .values({ ...chunk!, rendition: 'a-opus', segments: packSegments([sounds]) })
      .execute();
    await served.processed.mediaChanged(id);
    assert.match(await served.text(`/assets/${id}/index.m3u8`), /TYPE=AUDIO.*URI="a1\.m3u8"/);
    assert.deepEqual(await served.bytes(`/assets/${id}/av0/1.m4s`), segment);
    assert.match(await served.text(`/assets/${id}/av0.m3u8`), /av0\/1\.m4s/);
  });

  test('has a text segment under every number of its manifest, also where there is no cue', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    const { init } = (await served.db.selectFrom('asset_rendition').select('init').executeTakeFirst())!;
    const record = new TextEncoder().encode('WEBVTT');
    const text: Track = {
      id: 3,
      kind: 'text',
      timescale: 1000,
      language: 'eng',
      label: '',
      config: { codec: 'webvtt', record, codecs: 'wvtt' },
    };
    await served.db
      .updateTable('asset_rendition')
      .set({ init: printInit([...parseInit(init!), text]) })
      .execute();
    await served.processed.mediaChanged(id);
    assert.match(await served.text(`/assets/${id}/index.mpd`), /s0-eng\/\$Number\$\.m4s/);
    for (const msn of [1, 2]) {
      assert.equal((await served.bytes(`/assets/${id}/s0-eng/${msn}.m4s`)).subarray(4, 8).toString(), 'moof');
      assert.match(await served.text(`/assets/${id}/s0-eng/${msn}.vtt`), /^WEBVTT/);
    }
  });

  test('subtitles beside its media are segments of HLS and DASH and whole files; a removed one leaves the others their names', async () => {
    await using served = await openServed();
    const { subtitles } = served;
    const id = await addFilm(served);
    const add = async (language: string, text: string) => {
      const given = { language, title: '', isDefault: false, isForced: language === 'de', charset: undefined };
      const added = await subtitles.add(id, { ...given, bytes: new TextEncoder().encode(text) });
      await served.processed.subtitlesChanged(id);
      return added.track.id;
    };
    const ass = '[Script Info]\n[Events]\nDialogue: 0,0:00:00.50,0:00:02.50,Default,,0,0,0,,{\\i1}Hello';
    const [german, english] = [await add('de', '1\n00:00:03,000 --> 00:00:03,500\nHallo'), await add('en', ass)];
    const index = await served.text(`/assets/${id}/index.m3u8`);
    assert.match(
      index,
      /TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="de",LANGUAGE="de",.*FORCED=YES.*URI="s1001-de\.m3u8"/,
    );
    assert.match(index, /#EXT-X-STREAM-INF:.*SUBTITLES="subtitles"/);
    assert.match(await served.text(`/assets/${id}/s1002-en.m3u8`), /s1002-en\/1\.vtt[\s\S]*s1002-en\/2\.vtt/);
    const segment = (msn: number) => served.text(`/assets/${id}/s1002-en/${msn}.vtt`);
    const clock = (msn: number) =>
      `WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:${(msn - 1) * 180_000},LOCAL:00:00:0${2 * (msn - 1)}.000`;
    const [first, second] = [await segment(1), await segment(2)];
    const id1 = /\n\n(c\w+)\n00:/.exec(first)?.[1];
    assert.equal(first, `${clock(1)}\n\n${id1}\n00:00:00.500 --> 00:00:02.500\n<i>Hello</i>\n`);
    // Players recognize a cue of several segments by its identifier.
    assert.equal(second, first.replace(clock(1), clock(2)));
    assert.match(await served.text(`/assets/${id}/index.mpd`), /codecs="wvtt"[\s\S]*media="s1001-de\/\$Number\$\.m4s"/);
    const frames = parseSegment(await served.bytes(`/assets/${id}/s1002-en/2.m4s`))!;
    assert.deepEqual(
      frames.map(({ pts, duration, data }) => [
        pts / 90_000,
        duration / 90_000,
        parseSample(data).map(({ text }) => text),
      ]),
      [
        [2, 0.5, ['<i>Hello</i>']],
        [2.5, 1.5, []],
      ],
    );
    assert.equal(await served.text(`/assets/${id}/s1002-en.ass`), ass);
    assert.match(
      await served.text(`/assets/${id}/s1001-de.vtt`),
      /^WEBVTT\n\n00:00:03\.000 --> 00:00:03\.500\nHallo\n$/,
    );
    await assert.rejects(served.get(`/assets/${id}/s1001-de.ass`), refusal('not-found'));
    await assert.rejects(served.get(`/assets/${id}/s1001-de.mp4`), refusal('not-found'));
    assert.equal(await subtitles.remove(id, german), true);
    await served.processed.subtitlesChanged(id);
    await assert.rejects(served.get(`/assets/${id}/s1001-de/1.vtt`), refusal('not-found'));
    assert.match(await segment(1), /Hello/);
    assert.equal(
      await add('en', 'WEBVTT\n\n00:01.000 --> 00:02.000\nagain'),
      english + 1,
      'replaced, under another name',
    );
    assert.doesNotMatch(await served.text(`/assets/${id}/index.m3u8`), /s1002/);
    const keys = await served.segments.list(segmentPrefix(`assets/${id}/extra`));
    assert.equal((await Array.fromAsync(keys)).length, 1, 'files of removed ones are gone');
    await assert.rejects(add('fr', 'no subtitles'), refusal('unsupported-media'));
  });

  test('chapters are a WebVTT file with a cue for each', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    await assert.rejects(served.get(`/assets/${id}/chapters.vtt`), refusal('not-found'));
    const chapters = [
      { startUs: 0, title: 'Begin' },
      { startUs: 1_500_000, title: '<b>& so on' },
    ];
    await served.processed.describe(id, { facts: { tracks: [], chapters } });
    assert.equal(
      await served.text(`/assets/${id}/chapters.vtt`),
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nBegin\n\n00:00:01.500 --> 00:00:04.000\n&lt;b&gt;&amp; so on\n',
    );
  });

  test('refuses what it does not have, with the reason', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    for (const path of [
      'v7.m3u8',
      'av0/3.m4s',
      'v7/1.m4s',
      'av0/init-2.mp4',
      'v7.mp4',
      's0/1.vtt',
      'storyboard-9.jpg',
    ]) {
      await assert.rejects(served.get(`/assets/${id}/${path}`), refusal('not-found'), path);
    }
    await assert.rejects(served.get('/assets/none/index.m3u8'), refusal('asset-unknown'));
    const uploading = await served.uploaded.begin({ owner: 'admin', filename: 'a.mp4', length: 1 });
    for (const path of [
      'index.m3u8',
      'index.mpd',
      'av0.m3u8',
      'poster.jpg',
      'original',
      'best.mp4',
      'storyboard.vtt',
    ]) {
      await assert.rejects(served.get(`/assets/${uploading}/${path}`), refusal('asset-unfinished'), path);
    }
  });

  test('gives the original with its name and type', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    const { contentType, filename, length, etag } = await served.get(`/assets/${id}/original`);
    assert.deepEqual([contentType, filename, length, etag], ['video/mp4', 'Film — 1.mp4', 6, 'ab'.repeat(32)]);
    assert.equal(await served.text(`/assets/${id}/original`), 'filmed');
    await served.processed.describe(id, { contentType: 'text/html' });
    assert.equal((await served.get(`/assets/${id}/original`)).contentType, 'application/octet-stream');
  });
});

suite('pictures of an asset', () => {
  test('the poster is from the middle or from where its owner wants it, decoded once and stored', async () => {
    await using served = await openServed();
    const id = await addFilm(served, { rungs: ['90'] });
    const first = await served.bytes(`/assets/${id}/poster.jpg`);
    assert.deepEqual(await served.bytes(`/assets/${id}/poster.jpg`), first);
    assert.deepEqual(served.stills, ['true 0 160']);
    await served.assets.update(id, { posterUs: 3_500_000 });
    await served.bytes(`/assets/${id}/poster.jpg`);
    await served.assets.update(id, { posterUs: 1_500_000 });
    await served.bytes(`/assets/${id}/poster.jpg`);
    assert.deepEqual(served.stills.slice(1), ['true 1.5 160', 'true 1.5 160']);
  });

  test('the storyboard names a place on a sheet for every stretch of the asset; a sheet is made once and stored', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    const text = await served.text(`/assets/${id}/storyboard.vtt`);
    assert.equal(
      text,
      'WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nstoryboard-0.jpg#xywh=0,0,160,90\n\n' +
        '00:00:02.000 --> 00:00:04.000\nstoryboard-0.jpg#xywh=160,0,160,90\n',
    );
    const sheet = await served.bytes(`/assets/${id}/storyboard-0.jpg`);
    assert.deepEqual(await served.bytes(`/assets/${id}/storyboard-0.jpg`), sheet);
    // Pictures are as far apart as segments: the key frames are enough.
    assert.deepEqual(served.stills, ['tile true 0 160x90', 'tile true 0 160x90', 'sheet 1,2 5 160x90']);
    await assert.rejects(served.get(`/assets/${id}/storyboard-1.jpg`), refusal('not-found'));
  });

  test('the storyboard of a long or tall asset has at most 100 pictures on four sheets', async () => {
    await using served = await openServed();
    const id = await addFilm(served);
    await served.processed.describe(id, {
      durationUs: 3600e6,
      facts: { tracks: [{ kind: 'video', displayAspect: 9 / 16 }] },
    });
    const lines = (await served.text(`/assets/${id}/storyboard.vtt`))
      .split('\n')
      .filter((line) => line.includes('jpg'));
    assert.deepEqual([lines.length, lines[99]], [100, 'storyboard-3.jpg#xywh=360,640,90,160']);
  });
});
