import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { parseVtt } from '@oxbow/media/webvtt/parse';
import { emptySample, printSample } from '@oxbow/media/webvtt/sample';
import { need } from '../../../test/fixtures/need.ts';
import type { ImportResult } from '../../api/library/asset-facts.ts';
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';
import { runHandler } from '../../jobs/worker-job.fixture.ts';
import { FilmFolder, h264, testInput } from './film.fixture.ts';
import { createImportHandler } from './import-original.ts';
import { TextPackets, unreadableTexts } from './text-packets.ts';

const srt = '1\n00:00:00,500 --> 00:00:01,500\nOne & <i>two</i>\n\n2\n00:00:02,000 --> 00:00:03,000\nthree\n';
const vtt = 'WEBVTT\n\n00:01.000 --> 00:02.000 line:0 align:start\n<v Bob>Hello\n';
const ass = `[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Sign,Arial,20,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,1,0,8,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.00,Sign,,0,0,0,,{\\fad(10,0)}Harbour, north
Dialogue: 1,0:00:00.20,0:00:00.80,Sign,,0,0,0,,{\\an2\\b1}first
`;
const chapters =
  ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=Begin\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=4000\ntitle=码头 & more\n';

suite('subtitles and chapters of an original', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  const films = new FilmFolder();
  after(() => films[Symbol.dispose]());
  const film = `${testInput(4, 2)} ${h264} -c:a aac`;
  const put = {
    srt: films.put(srt, 'srt'),
    vtt: films.put(vtt, 'vtt'),
    ass: films.put(ass, 'ass'),
    chapters: films.put(chapters, 'txt'),
  };

  async function importOf(original: Uint8Array) {
    const { result, outputs } = await runHandler(createImportHandler(), { files: { original } });
    const { facts, texts = [] } = result as ImportResult;
    const text = (name: string) => Buffer.from(outputs.get(`text/${name}`) ?? []).toString();
    const cues = (stream: number) =>
      parseVtt(text(`${stream}.vtt`)).cues.map(({ startMs, endMs, settings, text: own }) => [
        startMs,
        endMs,
        settings,
        own,
      ]);
    return { facts, texts, text, cues };
  }

  test('Matroska: SubRip, ASS and WebVTT become WebVTT; the script of ASS is kept; chapters have times and titles', async () => {
    const inputs = `-i ${put.srt} -i ${put.ass} -i ${put.vtt} -i ${put.chapters} -map_metadata 6 -map_chapters 6`;
    const maps =
      '-map 3 -map 4 -map 5 -c:s:0 srt -c:s:1 ass -c:s:2 copy -metadata:s:s:0 language=eng -metadata:s:s:1 language=jpn';
    const flags = '-metadata:s:s:1 title=Signs -disposition:s:0 default -disposition:s:1 forced';
    const args = film.replace(' -map 0', ` ${inputs} -map 0`);
    const { facts, texts, text, cues } = await importOf(films.make(`${args} ${maps} ${flags}`, 'mkv'));
    assert.deepEqual(
      texts.map(({ stream, language, title, isDefault, isForced, cues: count, hasScript }) => [
        ...[stream, language, title, isDefault, isForced, count, hasScript],
      ]),
      [
        [3, 'eng', '', true, false, 2, false],
        [4, 'jpn', 'Signs', false, true, 2, true],
        [5, 'und', '', false, false, 1, false],
      ],
    );
    assert.deepEqual(cues(3), [
      [500, 1500, '', 'One &amp; <i>two</i>'],
      [2000, 3000, '', 'three'],
    ]);
    assert.deepEqual(cues(4), [
      [200, 800, '', '<b>first</b>'],
      [1000, 2000, 'line:0', 'Harbour, north'],
    ]);
    assert.deepEqual(cues(5), [[1000, 2000, 'line:0 align:start', '<v Bob>Hello']]);
    assert.match(
      text('4.ass'),
      /Style: Sign,Arial.*\n[\s\S]*Dialogue: 0,0:00:01.00,0:00:02.00,Sign,,0,0,0,,{\\fad\(10,0\)}Harbour, north\n/,
    );
    assert.equal(text('4.ass').match(/^Dialogue:/gm)?.length, 2);
    // ffmpeg moves the media of Matroska by the priming of AAC, 21 ms, but not its chapters.
    assert.deepEqual(facts.chapters, [
      { startUs: 0, title: 'Begin' },
      { startUs: 1_979_000, title: '码头 & more' },
    ]);
    assert.deepEqual(facts.warnings, []);
    assert.equal(facts.tracks.filter(({ kind }) => kind === 'text').length, 3);
  });

  test('MP4: timed text becomes WebVTT, and chapters are no subtitles', async () => {
    const inputs = `-i ${put.srt} -i ${put.chapters} -map_metadata 4 -map_chapters 4`;
    const args = film.replace(' -map 0', ` ${inputs} -map 0`);
    const original = films.make(`${args} -map 3 -c:s mov_text -metadata:s:s:0 language=deu`, 'mp4');
    const { facts, texts, cues } = await importOf(original);
    assert.deepEqual(
      texts.map(({ language, cues: count }) => [language, count]),
      [['deu', 2]],
    );
    assert.deepEqual(cues(texts[0]!.stream), [
      [500, 1500, '', 'One &amp; <i>two</i>'],
      [2000, 3000, '', 'three'],
    ]);
    assert.deepEqual(
      facts.chapters.map(({ startUs, title }) => [startUs, title]),
      [
        [0, 'Begin'],
        [2_000_000, '码头 & more'],
      ],
    );
    const list = Buffer.from(original).indexOf('tref');
    original.set(Buffer.from('free'), list);
    assert.equal((await importOf(original)).facts.chapters[1]?.title, '码头 & more', 'also of the list of Nero alone');
  });
});

suite('text streams without a film', () => {
  const stream = (index: number, codec: string, sampleEntry = ''): DemuxStream =>
    ({
      index,
      kind: 'text',
      codec,
      sampleEntry,
      timeScale: 1000,
      timeStep: 1,
      language: 'und',
      title: '',
    }) as DemuxStream;
  const packet = (pts: number, duration: number, data: Uint8Array): DemuxPacket => ({
    index: 0,
    key: true,
    corrupt: false,
    hidden: false,
    pts,
    dts: pts,
    duration,
    data,
  });

  test('subtitles as pictures and teletext are named', () => {
    assert.deepEqual(
      unreadableTexts([stream(2, 'hdmv_pgs_subtitle'), stream(3, 'subrip'), stream(4, 'dvb_teletext')]),
      [
        'Stream 2 has subtitles that are not supported: pictures of Blu-ray (PGS).',
        'Stream 4 has subtitles that are not supported: teletext.',
      ],
    );
  });

  test('a cue of WebVTT in MP4 that continues in the next sample is one cue; damaged samples are left out', () => {
    const texts = new TextPackets([stream(0, 'none', 'wvtt')]);
    const cue = (text: string) => ({ id: '', settings: 'line:0', text, before: 0, after: 0 });
    texts.push(packet(10_000, 1000, printSample([cue('a')])));
    texts.push(packet(11_000, 1000, printSample([cue('a'), cue('b')])));
    texts.push(packet(12_000, 1000, emptySample));
    texts.push(packet(13_000, 1000, printSample([cue('a')])));
    texts.push(packet(14_000, 1000, Uint8Array.of(0, 0, 0, 99, 1)));
    const { files } = texts.files(10_000_000);
    assert.deepEqual(
      parseVtt(Buffer.from(files[0]!.vtt).toString()).cues.map(({ startMs, endMs, text }) => [startMs, endMs, text]),
      [
        [0, 2000, 'a'],
        [1000, 2000, 'b'],
        [3000, 4000, 'a'],
      ],
    );
  });

  test('too many packets are left out, with a warning; one without a length ends with the next', () => {
    const texts = new TextPackets([stream(0, 'subrip')]);
    const data = Buffer.from('x');
    for (let i = 0; i < 40_010; i++) texts.push(packet(i * 100, 0, data));
    const { files, warnings } = texts.files(0);
    assert.equal(files[0]?.cues, 20_000);
    assert.match(warnings[0]!, /20010 were left out/);
    assert.match(Buffer.from(files[0]!.vtt).toString().slice(0, 60), /00:00:00.000 --> 00:00:00.100\nx/);
  });
});
