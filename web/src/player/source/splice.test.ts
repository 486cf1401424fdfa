import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discontinuitiesOf, printSplice, readWindow, windowsJoin } from './splice.ts';

const base = Date.UTC(2026, 0, 31, 20);
const date = (second: number) => new Date(base + second * 1000).toISOString();
const url = (from: number) => `http://host/vod/cam/${from}/${from + 600}/av0.m3u8`;

/**
 * A window's playlist as the server prints it: segments of two seconds, `[msn, second]` each; `|` is a
 * discontinuity.
 */
function window(segments: ([number, number] | '|')[], { init = 1, sequence = 0, end = true } = {}): string {
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-TARGETDURATION:6',
    `#EXT-X-MEDIA-SEQUENCE:${segments.find((one) => one !== '|')![0]}`,
  ];
  if (sequence > 0) lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${sequence}`);
  lines.push('#EXT-X-PLAYLIST-TYPE:VOD', `#EXT-X-MAP:URI="../../../../live/cam/av0/init-${init}.mp4"`);
  for (const one of segments) {
    if (one === '|') lines.push('#EXT-X-DISCONTINUITY');
    else {
      lines.push(
        `#EXT-X-PROGRAM-DATE-TIME:${date(one[1])}`,
        '#EXTINF:2.00000,',
        `../../../../live/cam/av0/${one[0]}.m4s`,
      );
    }
  }
  if (end) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

const read = (...args: Parameters<typeof window>) => readWindow(window(...args), url(0));
const print = (windows: ReturnType<typeof readWindow>[], atSecond: number, complete = true) =>
  printSplice({
    windows,
    before: null,
    mediaSequence: 0,
    discontinuitySequence: 0,
    complete,
    atMs: base + atSecond * 1000,
  });

test('addresses become absolute, so that they are valid in a playlist at another address', () => {
  const { segments, complete, targetS } = read([[7, 0]]);
  assert.equal(segments[0]!.url, 'http://host/live/cam/av0/7.m4s');
  assert.equal(segments[0]!.mapUrl, 'http://host/live/cam/av0/init-1.mp4');
  assert.deepEqual([complete, targetS], [true, 6]);
});

test('contiguous windows are joined without a discontinuity and with one EXT-X-MAP', () => {
  const text = print(
    [
      read([
        [1, 0],
        [2, 2],
      ]),
      read([
        [3, 4],
        [4, 6],
      ]),
    ],
    0,
  );
  assert.equal(text.includes('#EXT-X-DISCONTINUITY\n'), false);
  assert.equal(text.match(/#EXT-X-MAP/g)?.length, 1);
  assert.deepEqual(text.match(/\d+\.m4s/g), ['1.m4s', '2.m4s', '3.m4s', '4.m4s']);
  assert.ok(text.endsWith('#EXT-X-ENDLIST\n'));
});

test('a window of another run, after a hole, or with another init begins with EXT-X-DISCONTINUITY (RFC 8216bis 4.4.4.3)', () => {
  const first = read([
    [1, 0],
    [2, 2],
  ]);
  assert.equal(windowsJoin(first, read([[3, 4]])), true);
  assert.equal(windowsJoin(first, read([[9, 4]])), false, 'another run');
  assert.equal(windowsJoin(first, read([[3, 64]])), false, 'a hole');
  assert.equal(windowsJoin(first, read([[3, 4]], { init: 2 })), false, 'another codec configuration');
  assert.equal(
    windowsJoin(read([[1, 0]], { sequence: 3 }), read([[2, 2]], { sequence: 4 })),
    false,
    'as the server says',
  );
  const text = print([first, read([[3, 4]], { init: 2 })], 0);
  assert.match(text, /2\.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="[^"]*init-2\.mp4"\n/);
});

test('a hole inside a window keeps its EXT-X-DISCONTINUITY and its date', () => {
  const list = read([[1, 0], '|', [9, 60]]);
  assert.match(print([list], 0), new RegExp(`#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:${date(60)}`));
  assert.equal(discontinuitiesOf(null, list), 1);
  assert.equal(discontinuitiesOf(read([[0, -50]]), list), 2);
});

test('the start offset counts media, without holes', () => {
  const lists = [read([[1, 0], [2, 2], '|', [9, 64], [10, 66]])];
  const offset = (second: number) => /TIME-OFFSET=([\d.]+)/.exec(print(lists, second))?.[1];
  assert.equal(offset(3.25), '3.250');
  assert.equal(offset(30), '4.000', 'a time in the hole starts right after it');
  assert.equal(offset(65), '5.000');
  assert.equal(offset(-9), '0.001', 'hls.js takes 0 for a playlist that was not started');
  assert.equal(offset(900), '6.000', 'after it: its last segment');
});

test('a playlist that still grows has no EXT-X-ENDLIST, and no type that forbids removing its oldest segments', () => {
  const text = print([read([[1, 0]], { end: false })], 0, false);
  assert.doesNotMatch(text, /ENDLIST|PLAYLIST-TYPE/);
});

test('no text makes the parser throw, and what it parses can be printed', () => {
  let seed = 20260131;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const good = window([[1, 0], [2, 2], '|', [9, 64]]);
  for (let turn = 0; turn < 2_000; turn++) {
    let text = good;
    for (let cut = random(4); cut >= 0; cut--) {
      const at = random(text.length);
      text = text.slice(0, at) + '#EX:",\n0é'.slice(random(9)) + text.slice(at + random(40));
    }
    const list = readWindow(text, url(0));
    print([list, list], random(100));
  }
});

test('keys are absolute, continue over the seam of windows, and never apply to a clear section', () => {
  const withKeys = (text: string, keys: Readonly<Record<string, string>>) =>
    Object.entries(keys).reduce(
      (changed, [before, key]) =>
        changed.replace(new RegExp(`(#EXT-X-PROGRAM[^\\n]*\\n#EXTINF[^\\n]*\\n[^\\n]*/${before}\\.m4s)`), `${key}\n$1`),
      text,
    );
  const tag = (key: string) => `#EXT-X-KEY:METHOD=AES-128,URI="../../../../live/cam/keys/${key}.key",IV=0x01`;
  const lines = (text: string) =>
    text.split('\n').flatMap((line) => (/^#EXT-X-(?:KEY|MAP)/.test(line) ? [line] : (/\d+\.m4s$/.exec(line) ?? [])));
  const first = readWindow(
    withKeys(
      window([
        [1, 0],
        [2, 2],
      ]),
      { 1: tag('a-1'), 2: tag('a-2') },
    ),
    url(0),
  );
  const second = readWindow(withKeys(window([[3, 4]]), { 3: tag('a-2') }), url(600));
  const other = readWindow(withKeys(window(['|', [4, 6]], { init: 2 }), { 4: tag('a-3') }), url(1200));
  const key = (name: string) => `#EXT-X-KEY:METHOD=AES-128,URI="http://host/live/cam/keys/${name}.key",IV=0x01`;
  const map = (number: number) => `#EXT-X-MAP:URI="http://host/live/cam/av0/init-${number}.mp4"`;
  assert.deepEqual(lines(print([first, second, other], 0)), [
    ...[map(1), key('a-1'), '1.m4s', key('a-2'), '2.m4s', '3.m4s'],
    ...['#EXT-X-KEY:METHOD=NONE', map(2), key('a-3'), '4.m4s'],
  ]);
});
