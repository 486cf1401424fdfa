import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { id3Frame, id3Tag, timeFrame } from '@oxbow/media/packed-audio/packed.fixture';
import { run } from '../../../test/fixtures/ffmpeg.ts';
import { need } from '../../../test/fixtures/need.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import { FPS, listOf, makeMedia, type Pull, pull, removeMedia } from './pull.fixture.ts';

const SECONDS = 3;
/** First timestamp of ffmpeg's MPEG-TS, ticks of 90 kHz. */
const TS_START = 126_000;
const packed = { adts: 'aac', mp3: 'libmp3lame', ac3: 'ac3', eac3: 'eac3' } as const;

/**
 * Duration of each track over all runs, and distance of its first frame from the first video frame, seconds.
 */
function tracksOf({ input }: Pull) {
  const { start, frames } = input.runs[0]!;
  const of = (id: number) => input.runs.flatMap((one) => one.frames.filter(({ trackId }) => trackId === id));
  const videoS = frames.find(({ trackId }) => trackId === start.tracks[0]!.id)!.pts / start.tracks[0]!.timescale;
  return start.tracks.map(({ id, kind, language, label, timescale, config }) => {
    const own = of(id);
    const seconds = own.reduce((sum, { duration }) => sum + duration, 0) / timescale;
    return { kind, language, label, codecs: config.codecs, seconds, apartS: own[0]!.pts / timescale - videoS };
  });
}

suite('pulling audio with separate playlists', { skip: need('ffmpeg') }, () => {
  let folder = '';
  const read = (path: string) => readFile(join(folder, path));
  before(async () => {
    folder = await makeMedia({
      ts: { seconds: SECONDS, audio: 'none' },
      muxed: { seconds: SECONDS },
      eng: { seconds: SECONDS, container: 'fmp4', audio: 'separate' },
    });
    const tone = ['-f', 'lavfi', '-i', `sine=frequency=700:sample_rate=48000:duration=${SECONDS}`];
    for (const [format, codec] of Object.entries(packed)) {
      const segmenter = ['-f', 'segment', '-segment_time', '1', '-segment_format', format];
      const { code, stderr } = await run('ffmpeg', [
        ...['-loglevel', 'error', '-y', ...tone, '-c:a', codec, '-b:a', '96k', ...segmenter],
        ...['-segment_list', join(folder, `${format}.csv`), join(folder, `${format}%d.${format}`)],
      ]);
      assert.equal(code, 0, stderr);
    }
  });
  after(removeMedia);

  /** Rows of ffmpeg's list: file, start, end. */
  async function rowsOf(format: string): Promise<(readonly [string, number, number])[]> {
    const text = (await read(`${format}.csv`)).toString().trim();
    return text.split('\n').map((line) => {
      const [file, from, to] = line.split(',') as [string, string, string];
      return [file, Number(from), Number(to)];
    });
  }
  const body = (rows: readonly (readonly [string, number, number])[], prefix = '') =>
    `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${rows
      .map(([file, from, to]) => `#EXTINF:${(to - from).toFixed(3)},\n${prefix}${file}`)
      .join('\n')}\n#EXT-X-ENDLIST\n`;

  for (const [format, codecs] of [
    ['adts', /^mp4a\.40\.2$/],
    ['mp3', /^mp4a\.6B$/],
    ['ac3', /^ac-3$/],
    ['eac3', /^ec-3$/],
  ] as const) {
    test(`a source of packed ${format} is published completely, in one run`, async () => {
      await using p = await pull(`/${format}.m3u8`, {}, async (origin) => {
        origin.put(`/${format}.m3u8`, body(await rowsOf(format)));
      });
      await p.end();
      assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
      const [track, ...others] = tracksOf(p);
      assert.equal(others.filter(({ kind }) => kind !== 'data').length, 0);
      assert.equal(track!.kind, 'audio');
      assert.match(track!.codecs, codecs);
      assert.ok(Math.abs(track!.seconds - SECONDS) < 0.15, `${track!.seconds} s`);
    });

    test(`packed ${format} with a timestamp is merged with video in MPEG-TS`, async () => {
      await using p = await pull('/master.m3u8', {}, async (origin) => {
        const rows = await rowsOf(format);
        for (const [file, from] of rows) {
          const tag = id3Tag(timeFrame(TS_START + Math.round(from * 90_000)));
          origin.put(`/timed/${file}`, Buffer.concat([tag, await read(file)]));
        }
        origin.put('/audio.m3u8', body(rows, 'timed/'));
        const media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Deutsch",LANGUAGE="de",URI="audio.m3u8"';
        origin.put('/master.m3u8', `#EXTM3U\n${media}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nts/index.m3u8\n`);
      });
      await p.end();
      assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
      assert.equal(p.input.videoFrames, SECONDS * FPS);
      const [video, audio] = tracksOf(p);
      assert.equal(video!.kind, 'video');
      assert.deepEqual([audio!.kind, audio!.language, audio!.label], ['audio', 'de', 'Deutsch']);
      assert.match(audio!.codecs, codecs);
      assert.ok(Math.abs(audio!.seconds - SECONDS) < 0.15, `${audio!.seconds} s`);
      assert.ok(Math.abs(audio!.apartS) < 0.15, `${audio!.apartS} s apart`);
    });
  }

  test('a title in the ID3 tags of a radio stream becomes a metadata track', async () => {
    await using p = await pull('/radio.m3u8', {}, async (origin) => {
      const title = id3Frame('TIT2', Buffer.from('\x03A song'));
      const rows = await rowsOf('adts');
      for (const [file, from] of rows) {
        origin.put(`/radio/${file}`, Buffer.concat([id3Tag(timeFrame(from * 90_000), title), await read(file)]));
      }
      origin.put('/radio.m3u8', body(rows, 'radio/'));
    });
    await p.end();
    assert.deepEqual([p.input.absences, p.input.damages], [[], []]);
    const { start, frames } = p.input.runs.at(-1)!;
    assert.deepEqual(
      start.tracks.map(({ kind, config }) => [kind, config.codec]),
      [
        ['audio', 'aac'],
        ['data', 'id3'],
      ],
    );
    assert.ok(frames.filter(({ trackId }) => trackId === start.tracks[1]!.id).length >= SECONDS - 1);
  });

  test('every language of the group becomes a track with its name; one that fails stops neither the others nor the video', async () => {
    const media = (name: string, language: string, uri: string, more = '') =>
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${name}",LANGUAGE="${language}",URI="${uri}"${more}`;
    const warnings: object[] = [];
    const log = { info() {}, warn: (fields: object) => void warnings.push(fields) };
    await using p = await pull('/master.m3u8', { log }, async (origin) => {
      const index = (await read('eng/master.m3u8')).toString();
      const video = /^(?!#).*\.m3u8$/m.exec(index.slice(index.indexOf('RESOLUTION')))![0];
      const audio = /URI="([^"]*)"/.exec(index)![1]!;
      origin.put(
        '/copy.m3u8',
        (await read(`eng/${audio}`))
          .toString()
          .replaceAll(/^(\d.*m4s)$/gm, 'eng/$1')
          .replaceAll('URI="', 'URI="eng/'),
      );
      origin.put('/drm.m3u8', listOf({ segments: ['#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"\nx.aac'], end: true }));
      origin.put(
        '/master.m3u8',
        [
          '#EXTM3U',
          media('English', 'en', `eng/${audio}`, ',DEFAULT=YES'),
          media('Español', 'es', 'copy.m3u8'),
          media('Closed', 'xx', 'drm.m3u8'),
          '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"',
          `eng/${video}`,
        ].join('\n'),
      );
    });
    await p.end();
    assert.equal(p.input.videoFrames, SECONDS * FPS);
    assert.equal(p.input.runs.length, 1);
    const tracks = tracksOf(p);
    assert.deepEqual(
      tracks.map(({ kind, language, label }) => [kind, language, label]),
      [
        ['video', 'und', ''],
        ['audio', 'en', 'English'],
        ['audio', 'es', 'Español'],
      ],
    );
    for (const { seconds } of tracks.slice(1)) assert.ok(Math.abs(seconds - SECONDS) < 0.15, `${seconds} s`);
    assert.match(JSON.stringify(warnings), /protected by FairPlay/);
  });

  test('audio within the variant has the name of its Rendition, and the other languages are merged', async () => {
    await using p = await pull('/master.m3u8', {}, async (origin) => {
      const rows = await rowsOf('adts');
      for (const [file, from] of rows) {
        const tag = id3Tag(timeFrame(TS_START + Math.round(from * 90_000)));
        origin.put(`/timed/${file}`, Buffer.concat([tag, await read(file)]));
      }
      origin.put('/audio.m3u8', body(rows, 'timed/'));
      origin.put(
        '/master.m3u8',
        [
          '#EXTM3U',
          '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES',
          '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Deutsch",LANGUAGE="de",URI="audio.m3u8"',
          '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"',
          'muxed/index.m3u8',
        ].join('\n'),
      );
    });
    await p.end();
    assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
    assert.deepEqual(
      tracksOf(p).map(({ kind, language, label }) => [kind, language, label]),
      [
        ['video', 'und', ''],
        ['audio', 'en', 'English'],
        ['audio', 'de', 'Deutsch'],
      ],
    );
  });

  test('unreadable audio renditions are listed as left out: another codec, unknown packed audio, web pages', async () => {
    const reported: SourceFacts[] = [];
    const onFacts = (facts: SourceFacts) => reported.push(facts);
    await using p = await pull('/master.m3u8', { onFacts }, async (origin) => {
      const made = await run('ffmpeg', [
        ...['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${SECONDS}`],
        ...['-c:a', 'dca', '-strict', '-2', '-ac', '2', join(folder, 'dts.ts')],
      ]);
      assert.equal(made.code, 0, made.stderr);
      origin.put('/dts.ts', await read('dts.ts'));
      origin.put('/unknown.aac', Buffer.concat([id3Tag(timeFrame(TS_START)), Buffer.alloc(4000, 0x55)]));
      origin.put('/page.aac', '<html>sign in</html>');
      const names = ['dts.ts', 'unknown.aac', 'page.aac'];
      for (const file of names) origin.put(`/${file}.m3u8`, body([[file, 0, SECONDS]]));
      const media = names.map((file) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${file}",URI="${file}.m3u8"`);
      origin.put(
        '/master.m3u8',
        ['#EXTM3U', ...media, '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"', 'ts/index.m3u8'].join('\n'),
      );
    });
    await p.end();
    assert.equal(p.input.videoFrames, SECONDS * FPS);
    const names = reported
      .at(-1)!
      .leftOut!.map(({ kind, name }) => `${kind}: ${name}`)
      .sort();
    assert.equal(names.length, 3);
    assert.equal(names[0], 'audio: DTS audio (dts.ts)');
    assert.match(names[1]!, /^audio: the audio rendition page\.aac \(page\.aac: the segment is a web page/);
    assert.match(names[2]!, /^audio: the audio rendition unknown\.aac \(unknown\.aac: /);
  });
});
