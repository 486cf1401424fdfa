import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '../errors.ts';
import { cuesOfEvents, parseAss, printAss } from './ass.ts';
import { decodeText } from './charset.ts';
import { safeCueText, safeSettings } from './cue-text.ts';
import { parseSubtitleFile } from './file.ts';
import { fuzzSubtitles } from './fuzz.fixture.ts';
import { parseSrt } from './srt.ts';
import { parseTx3g } from './tx3g.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

suite('text of cues', () => {
  test('tags of WebVTT stay, all others are removed, and what looks like one is escaped', () => {
    const cases: readonly (readonly [from: string, to: string])[] = [
      ['<i>one</I> <b.loud>two</b>', '<i>one</i> <b.loud>two</b>'],
      ['<font color="#ff0">a</font><script>b</script><img src=x onerror=y>', 'ab'],
      ['1 < 2 & 3 > 2 &lt; &copy; &#39;&#60;b&#62;', "1 &lt; 2 &amp; 3 &gt; 2 &lt; &amp;copy; '&lt;b&gt;"],
      ['<v Bob>Hi <00:01.500>there', '<v Bob>Hi <00:01.500>there'],
      ['a --> b\n\n \nc', 'a --&gt; b\nc'],
      ['\u0007bell\u0000', 'bell'],
    ];
    for (const [from, to] of cases) assert.equal(safeCueText(from), to, from);
  });

  test('only settings with a known name and value stay', () => {
    assert.equal(
      safeSettings('line:0 region:a position:10%,line-left x:y align:left size:900000%'),
      'line:0 position:10%,line-left align:left',
    );
  });
});

suite('subtitle files', () => {
  test('SubRip: numbers are no text, empty lines and a missing one between cues are accepted', () => {
    const text =
      '1\r\n00:00:01,000 --> 00:00:02,500 X1:0\r\n{\\an8}<i>One</i>\r\n\r\ntwo\r\n\r\n2\r\n0:0:3.5 --> 0:0:4\r\n1984\r\n3\r\n00:00:05,000 --> 00:00:04,000\r\nnever';
    assert.deepEqual(parseSrt(text).take(), [
      { id: '', startMs: 1000, endMs: 2500, settings: 'line:0', text: '<i>One</i>\ntwo' },
      { id: '', startMs: 3500, endMs: 4000, settings: '', text: '1984' },
    ]);
  });

  const head = [
    '[Script Info]',
    'ScriptType: v4.00+',
    '[V4+ Styles]',
    'Format: Name, Fontname, Alignment',
    'Style: Sign,Arial,8',
    '[Events]',
    'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text',
  ].join('\n');

  test('ASS: bold, italics, underline and place stay; drawings and comments are left out; layers of one text are one cue', () => {
    const script = [
      head,
      'Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,not shown',
      'Dialogue: 0,0:00:03.00,0:00:04.00,Sign,,0,0,0,,Harbour <1>, north',
      'Dialogue: 0,0:00:01.00,0:00:02.50,Default,Bob,0,0,0,,{\\fad(100,0)}Hello,\\N{\\i1}world{\\i0}!',
      'Dialogue: 1,0:00:01.00,0:00:02.50,Default,Bob,0,0,0,,{\\blur3}Hello,\\N{\\i1}world{\\i0}!',
      'Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}',
      'Dialogue: 0,0:00:07.00,0:00:08.00,Default,,0,0,0,,{\\an1\\b700}left',
    ].join('\r\n');
    assert.deepEqual(
      parseAss(script)
        .take()
        .map(({ startMs, endMs, settings, text }) => [startMs, endMs, settings, text]),
      [
        [1000, 2500, '', 'Hello,\n<i>world</i>!'],
        [3000, 4000, 'line:0', 'Harbour &lt;1&gt;, north'],
        [7000, 8000, 'position:0% align:start', '<b>left</b>'],
      ],
    );
    assert.equal(parseSubtitleFile(bytes(script)).script, script);
  });

  test('events of Matroska become a script again, in the order of the original', () => {
    const events = [
      { startMs: 3000, endMs: 4000, fields: '1,0,Sign,,0,0,0,,top, with a comma' },
      { startMs: 61_230, endMs: 62_000, fields: '0,2,Default,Bob,0,0,0,,text' },
    ];
    const script = printAss(`${head}\n\n`, events);
    assert.deepEqual(script.split('\n').slice(-3), [
      'Dialogue: 2,0:01:01.23,0:01:02.00,Default,Bob,0,0,0,,text',
      'Dialogue: 0,0:00:03.00,0:00:04.00,Sign,,0,0,0,,top, with a comma',
      '',
    ]);
    assert.deepEqual(parseAss(script).take(), cuesOfEvents(head, events).take());
  });

  test('the format is found by content; what has no cue or too much of anything is refused', () => {
    assert.equal(
      parseSubtitleFile(bytes('WEBVTT\n\n00:01.000 --> 00:02.000 line:0 x:1\n<b onclick=x>a')).cues[0]?.text,
      '<b>a',
    );
    assert.equal(parseSubtitleFile(bytes('1\n00:00:01,000 --> 00:00:02,000\na')).format, 'srt');
    const refused = [
      '',
      'PK\x03\x04',
      '<html>',
      'WEBVTT\n\n',
      '[Script Info]\n',
      'x'.repeat(5_000_000),
      `WEBVTT\n\n${Array.from({ length: 20_001 }, (_, i) => `${1000 + i}:00:00.000 --> ${1000 + i}:00:01.000\na\n`).join('\n')}`,
      Array.from({ length: 20_001 }, (_, i) => `00:00:01,000 --> 00:00:02,000\n${i}x\n`).join('\n'),
    ];
    for (const text of refused) {
      assert.throws(() => parseSubtitleFile(bytes(text)), FormatError, text.slice(0, 20));
    }
  });

  test('scrambled files are read or refused, and no other tag comes through', () => fuzzSubtitles(5, 2000));
});

suite('character sets', () => {
  test('a byte order mark, then what is declared, then UTF-8, then Chinese pairs, then windows-1252', () => {
    const gbk = Uint8Array.of(0xd7, 0xd6, 0xc4, 0xbb, 0x0a, 0xc4, 0xe3, 0xba, 0xc3);
    const cases: readonly (readonly [Uint8Array, string | undefined, string, string])[] = [
      [Uint8Array.of(0xff, 0xfe, 0x57, 0x5b), 'windows-1252', '字', 'utf-16le'],
      [Uint8Array.of(0xfe, 0xff, 0x5b, 0x57), undefined, '字', 'utf-16be'],
      [bytes('\uFEFFé'), undefined, 'é', 'utf-8'],
      [Uint8Array.of(0xcf, 0xf0, 0xe8), 'windows-1251', 'При', 'windows-1251'],
      [bytes('字幕 é'), undefined, '字幕 é', 'utf-8'],
      [gbk, undefined, '字幕\n你好', 'gb18030'],
      [Uint8Array.of(0xe9, 0x74, 0xe9, 0x20, 0x80), undefined, 'été €', 'windows-1252'],
    ];
    for (const [given, declared, text, charset] of cases) {
      assert.deepEqual(decodeText(given, declared), { text, charset });
    }
    assert.throws(() => decodeText(gbk, 'klingon'), FormatError);
  });
});

suite('timed text of MP4', () => {
  test('runs are bold, italic, underlined; UTF-16 is read; what is truncated is refused', () => {
    const text = bytes('a <b>');
    const styl = [0, 0, 0, 22, 0x73, 0x74, 0x79, 0x6c, 0, 1, 0, 2, 0, 5, 0, 1, 3, 18, 255, 255, 255, 255];
    assert.equal(parseTx3g(Uint8Array.from([0, text.length, ...text, ...styl])), 'a <b><i>&lt;b&gt;</i></b>');
    assert.equal(parseTx3g(Uint8Array.of(0, 4, 0xfe, 0xff, 0x5b, 0x57)), '字');
    assert.equal(parseTx3g(Uint8Array.of(0, 0)), '');
    assert.throws(() => parseTx3g(Uint8Array.of(0, 4, 65)), FormatError);
  });
});
