import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import { noCounters } from '../pull-log.ts';
import { hasTrueDate } from '../run/run-anchor.ts';
import { type QueueItem, SegmentQueue } from './segment-queue.ts';

const url = new URL('https://tv.example/live/index.m3u8?token=1');

function list(first: number, uris: readonly string[], head = '', tail = ''): MediaPlaylist {
  const body = uris.map((uri) => `#EXTINF:4,\n${uri}\n`).join('');
  return parsePlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${head}${body}${tail}`)
    .playlist as MediaPlaylist;
}

const names = (first: number, count: number, prefix = 's') =>
  Array.from({ length: count }, (_, i) => `${prefix}${first + i}.ts`);

/** Passes playlists to a queue, four seconds apart, and returns the items of each. */
function follow(...lists: readonly MediaPlaylist[]): string[][] {
  const queue = new SegmentQueue(noCounters);
  return lists.map((each, i) =>
    queue
      .take(each, url, 1_000_000 + 4000 * i)
      .map((item) =>
        item.kind === 'lost'
          ? `lost ${item.count}`
          : `${item.segment.discontinuity ? '!' : ''}${item.segment.msn} ${item.segment.url.pathname.slice(6)}`,
      ),
  );
}

test('a reload returns the new segments only', () => {
  assert.deepEqual(follow(list(0, names(0, 5)), list(1, names(1, 5)), list(1, names(1, 5)), list(3, names(3, 5))), [
    ['2 s2.ts', '3 s3.ts', '4 s4.ts'],
    ['5 s5.ts'],
    [],
    ['6 s6.ts', '7 s7.ts'],
  ]);
});

test('a stream with media continues at its end if the playlist still has that and its dates are plausible', () => {
  const edgeMs = Date.UTC(2026, 10, 20, 8);
  const dated = (count: number, endMs: number) =>
    list(0, names(0, count), `#EXT-X-PROGRAM-DATE-TIME:${new Date(endMs - 4000 * count).toISOString()}\n`);
  const first = (each: MediaPlaylist, hadUntilMs: number | undefined) => {
    const [item] = new SegmentQueue(noCounters, { hadUntilMs }).take(each, url, edgeMs);
    return item?.kind === 'segment' ? item.segment.msn : undefined;
  };
  assert.equal(first(dated(10, edgeMs), edgeMs - 24_000), 4, 'segments after the end only');
  assert.equal(first(dated(10, edgeMs), edgeMs - 23_990), 4, 'within the rounding of dates');
  assert.equal(first(dated(10, edgeMs), edgeMs - 3_600_000), 0, 'the complete playlist after a long time');
  assert.equal(first(dated(100, edgeMs), edgeMs - 3_600_000), 85, 'but no more than a minute');
  assert.equal(first(dated(10, edgeMs), edgeMs - 1000), 7, 'no later than any other start');
  assert.equal(first(dated(10, edgeMs), undefined), 7);
  assert.equal(first(dated(10, edgeMs - 90_000), edgeMs - 24_000), 7, 'implausible dates are ignored');
  assert.equal(first(list(0, names(0, 10)), edgeMs - 24_000), 7, 'so is a playlist without dates');
});

test('an empty playlist has no effect', () => {
  assert.deepEqual(follow(list(7, []), list(7, names(7, 1))), [[], ['7 s7.ts']]);
});

test('an empty playlist in between has no effect: no repetition and no silent loss', () => {
  assert.deepEqual(follow(list(50, names(50, 3)), list(0, []), list(51, names(51, 4))), [
    ['50 s50.ts', '51 s51.ts', '52 s52.ts'],
    [],
    ['53 s53.ts', '54 s54.ts'],
  ]);
  assert.deepEqual(follow(list(50, names(50, 3)), list(60, []), list(60, names(60, 1)))[2], ['lost 7', '60 s60.ts']);
});

test('an origin that serves an empty playlist before it restarts has restarted', () => {
  assert.deepEqual(follow(list(2, names(2, 3)), list(0, []), list(0, names(0, 2)), list(0, names(0, 3))), [
    ['2 s2.ts', '3 s3.ts', '4 s4.ts'],
    [],
    ['!0 s0.ts', '1 s1.ts'],
    ['2 s2.ts'],
  ]);
});

test('an old copy from a cache is ignored', () => {
  assert.deepEqual(
    follow(
      list(0, names(0, 5)),
      list(2, names(2, 5)),
      list(0, names(0, 5)),
      list(1, names(1, 5)),
      list(3, names(3, 5)),
    ),
    [['2 s2.ts', '3 s3.ts', '4 s4.ts'], ['5 s5.ts', '6 s6.ts'], [], [], ['7 s7.ts']],
  );
});

test('a restart with other names is detected at once, with a discontinuity', () => {
  assert.deepEqual(follow(list(50, names(50, 3)), list(0, names(0, 2, 'new')), list(0, names(0, 3, 'new'))), [
    ['50 s50.ts', '51 s51.ts', '52 s52.ts'],
    ['!0 new0.ts', '1 new1.ts'],
    ['2 new2.ts'],
  ]);
});

test('a restart with the same names is detected', () => {
  assert.deepEqual(follow(list(50, names(50, 3)), list(0, names(0, 1)), list(0, names(0, 2))), [
    ['50 s50.ts', '51 s51.ts', '52 s52.ts'],
    ['!0 s0.ts'],
    ['1 s1.ts'],
  ]);
});

test('a restart with overlapping numbers and names is detected at once by dates', () => {
  const dated = (second: number, count: number) =>
    list(0, names(0, count), `#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:${second}Z\n`);
  assert.deepEqual(follow(dated(10, 3), dated(40, 1), dated(40, 2)), [
    ['0 s0.ts', '1 s1.ts', '2 s2.ts'],
    ['!0 s0.ts'],
    ['1 s1.ts'],
  ]);
});

test('a playlist that lags for longer than it needs to catch up has restarted', () => {
  const told = follow(list(0, names(0, 3)), ...Array.from({ length: 7 }, () => list(0, names(0, 1))));
  assert.deepEqual(told.slice(1, 7), [[], [], [], [], [], []]);
  assert.deepEqual(told[7], ['!0 s0.ts']);
});

test('overlapping numbers with other names are a restart', () => {
  assert.deepEqual(follow(list(0, names(0, 3)), list(0, names(0, 4, 'b'))), [
    ['0 s0.ts', '1 s1.ts', '2 s2.ts'],
    ['!0 b0.ts', '1 b1.ts', '2 b2.ts', '3 b3.ts'],
  ]);
});

test('a renumbered playlist repeats no segment', () => {
  assert.deepEqual(follow(list(100, names(5, 3)), list(0, names(6, 3))), [
    ['100 s5.ts', '101 s6.ts', '102 s7.ts'],
    ['!2 s8.ts'],
  ]);
});

test('hosts and tokens may change with each reload', () => {
  const tokens = (token: number) =>
    names(token, 3).map((name) => `https://cdn${token}.example/${token}/${name}?t=${token}`);
  assert.deepEqual(
    follow(list(0, tokens(0)), list(1, tokens(1))).map((items) => items.length),
    [3, 1],
  );
});

test('a programme that repeats after a DISCONTINUITY is pulled completely, in one playlist and in a sliding one', () => {
  const loop = (first: number, count: number) => {
    const body = Array.from({ length: count }, (_, i) => (first + i) % 3).map(
      (i) => `${i === 0 ? '#EXT-X-DISCONTINUITY\n' : ''}#EXTINF:4,\nr${i}.ts\n`,
    );
    return `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${body.join('')}`;
  };
  const parse = (text: string) => parsePlaylist(text).playlist as MediaPlaylist;
  const whole = follow(parse(`${loop(0, 6)}#EXT-X-ENDLIST\n`));
  assert.deepEqual(whole, [['!0 r0.ts', '1 r1.ts', '2 r2.ts', '!3 r0.ts', '4 r1.ts', '5 r2.ts']]);
  const slides = follow(...[0, 1, 2, 3, 4].map((first) => parse(loop(first, 3))));
  assert.deepEqual(slides, [['!0 r0.ts', '1 r1.ts', '2 r2.ts'], ['!3 r0.ts'], ['4 r1.ts'], ['5 r2.ts'], ['!6 r0.ts']]);
});

test('a programme that repeats continues behind a segment of another name', () => {
  const rounds = [
    ['r0.ts', 'r1.ts', 'r2.ts'],
    ['r0.ts', 'other.ts', 'r2.ts'],
    ['r0.ts', 'r1.ts', 'r2.ts'],
  ];
  const text = rounds.map((round) => `#EXT-X-DISCONTINUITY\n${round.map((name) => `#EXTINF:4,\n${name}\n`).join('')}`);
  const playlist = parsePlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:4\n${text.join('')}#EXT-X-ENDLIST`);
  const [items] = follow(playlist.playlist as MediaPlaylist);
  assert.deepEqual(items, [
    ...['!0 r0.ts', '1 r1.ts', '2 r2.ts'],
    ...['!3 r0.ts', '4 other.ts', '5 r2.ts'],
    ...['!6 r0.ts', '7 r1.ts', '8 r2.ts'],
  ]);
});

test('after a loop, a segment that is listed again is known', () => {
  const slate = '#EXT-X-DISCONTINUITY\n#EXTINF:4,\nslate.ts\n';
  const text = `${slate}${slate}#EXT-X-DISCONTINUITY\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n#EXTINF:4,\na.ts\n`;
  const playlist = parsePlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:4\n${text}#EXT-X-ENDLIST`);
  const [items] = follow(playlist.playlist as MediaPlaylist);
  assert.deepEqual(items, ['!0 slate.ts', '!1 slate.ts', '!2 a.ts', '3 b.ts']);
});

test('a slate that is repeated after discontinuities is pulled each time', () => {
  const slate = ['a.ts', 'b.ts'].flatMap((name) => [name, 'slate.ts']);
  const text = slate
    .map((name) => `${name === 'slate.ts' ? '#EXT-X-DISCONTINUITY\n' : ''}#EXTINF:4,\n${name}\n`)
    .join('');
  const playlist = parsePlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:4\n${text}#EXT-X-ENDLIST`).playlist as MediaPlaylist;
  assert.deepEqual(follow(playlist), [['0 a.ts', '!1 slate.ts', '2 b.ts', '!3 slate.ts']]);
});

test('segments that leave the playlist unseen are lost', () => {
  assert.deepEqual(follow(list(0, names(0, 3)), list(10, names(10, 2))), [
    ['0 s0.ts', '1 s1.ts', '2 s2.ts'],
    ['lost 7', '10 s10.ts', '11 s11.ts'],
  ]);
});

test('a delta update counts the skipped segments (RFC 8216bis 4.4.5.2)', () => {
  assert.deepEqual(follow(list(0, names(0, 5)), list(0, names(4, 2), '#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n')), [
    ['2 s2.ts', '3 s3.ts', '4 s4.ts'],
    ['5 s5.ts'],
  ]);
});

test('each segment has its date, its distance from the edge and its discontinuity sequence number', () => {
  const queue = new SegmentQueue(noCounters);
  const text = [
    '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-DISCONTINUITY-SEQUENCE:5\n#EXT-X-MAP:URI="i.mp4",BYTERANGE="9@1"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF:4,\na.m4s\n#EXTINF:3,\nb.m4s',
    '#EXT-X-DISCONTINUITY\n#EXTINF:2,\nc.m4s\n#EXT-X-PART:DURATION=0.5,URI="d.0.m4s"',
  ].join('\n');
  const items = queue.take(parsePlaylist(text).playlist as MediaPlaylist, url, 77);
  const [a, b, c] = items.map((item) => (item.kind === 'segment' ? item.segment : undefined));
  const base = Date.UTC(2026, 0, 1);
  assert.deepEqual([a?.programDateTimeMs, b?.programDateTimeMs, c?.programDateTimeMs], [base, base + 4000, undefined]);
  assert.deepEqual([a?.dated, b?.dated], [true, false]);
  assert.deepEqual([a?.toEdgeS, b?.toEdgeS, c?.toEdgeS], [9.5, 5.5, 2.5]);
  assert.deepEqual([a?.discontinuitySequence, c?.discontinuitySequence], [5, 6]);
  assert.deepEqual(c?.map, { url: new URL('https://tv.example/live/i.mp4'), byteRange: { offset: 1, length: 9 } });
  assert.equal(queue.isListed(a!), true);
  queue.take(list(2, names(2, 3)), url, 78);
  assert.equal(queue.isListed(a!), false);
});

test('a day of reloads does not make the memory grow', () => {
  const queue = new SegmentQueue(noCounters);
  let count = 0;
  for (let first = 0; first < 3000; first++)
    count += queue.take(list(first, names(first, 3)), url, first * 4000).length;
  assert.equal(count, 3002);
});

test('300 random histories return every segment at most once and in order', () => {
  const random = seeded(7);
  for (let history = 0; history < 300; history++) {
    const queue = new SegmentQueue(noCounters);
    const seen = new Set<string>();
    let first = random(100);
    let epoch = 0;
    let current = list(first, names(first, 5, `${history}-0-`));
    let older = current;
    let lags = 0;
    for (let load = 0; load < 15; load++) {
      const kind = random(100);
      let served = older;
      // Sometimes an old copy, within the tolerated time, otherwise the current playlist.
      if (kind >= 15 || older === current || ++lags > 3) {
        lags = 0;
        older = current;
        if (kind >= 90) {
          first = random(5);
          epoch += 1;
        } else first += random(4);
        current = list(first, names(first, 5, `${history}-${epoch}-`));
        if (kind >= 90) older = current;
        served = current;
      }
      const items = queue.take(served, url, load * 4000);
      let last = -1;
      for (const item of items) {
        if (item.kind === 'lost') continue;
        assert.ok(item.segment.msn > last);
        last = item.segment.msn;
        assert.equal(seen.has(item.segment.url.href), false, `${item.segment.url.href} twice`);
        seen.add(item.segment.url.href);
      }
    }
  }
});

test('a pull may begin before the edge, as far as the playlist reaches, but not before the end of the stream', () => {
  const edgeMs = Date.UTC(2026, 10, 20, 8);
  const dated = (endMs: number) =>
    list(0, names(0, 100), `#EXT-X-PROGRAM-DATE-TIME:${new Date(endMs - 400_000).toISOString()}\n`);
  const first = (each: MediaPlaylist, fromMs: number, hadUntilMs?: number) => {
    const [item] = new SegmentQueue(noCounters, { fromMs, hadUntilMs }).take(each, url, edgeMs);
    return item?.kind === 'segment' ? item.segment.msn : undefined;
  };
  for (const each of [dated(edgeMs), list(0, names(0, 100))]) {
    assert.equal(first(each, 60_000), 85);
    assert.equal(first(each, 3_600_000), 0, 'no further than the list');
    assert.equal(first(each, 1000), 97, 'no later than any other start');
    assert.equal(first(each, 3_600_000, edgeMs - 100_000), 75, 'recorded media is not pulled twice');
    assert.equal(first(each, 60_000, edgeMs - 100_000), 85);
    assert.equal(first(each, 60_000, edgeMs), 99, 'nor is all of it');
  }
});

test('dates are plausible across gaps that durations do not show', () => {
  const edgeMs = Date.UTC(2026, 10, 20, 8);
  const date = (ms: number) => `#EXT-X-PROGRAM-DATE-TIME:${new Date(ms).toISOString()}\n`;
  const broken = list(
    0,
    names(0, 3),
    date(edgeMs - 620_000),
    `#EXT-X-DISCONTINUITY\n${date(edgeMs - 8000)}#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n`,
  );
  const [item] = new SegmentQueue(noCounters, { fromMs: 60_000 }).take(broken, url, edgeMs);
  assert.ok(item?.kind === 'segment');
  assert.ok(hasTrueDate(item.segment));
  assert.equal(item.segment.programDateTimeMs, edgeMs - 620_000);
});

const ranged = (first: number, ranges: readonly string[]) =>
  list(first, [], '', ranges.map((range) => `#EXT-X-BYTERANGE:${range}\n#EXTINF:4,\nall.mp4\n`).join(''));

test('each range of a file is a segment, and the same range is the same segment', () => {
  const given = (queue: SegmentQueue, each: MediaPlaylist) =>
    queue.take(each, url, 1_000_000).map((item) => {
      assert.equal(item.kind, 'segment');
      return item.kind === 'segment' && item.segment.byteRange?.offset;
    });
  const queue = new SegmentQueue(noCounters);
  assert.deepEqual(given(queue, ranged(0, ['10@0', '10@10', '10@20'])), [0, 10, 20]);
  assert.deepEqual(given(queue, ranged(0, ['10@0', '10@10', '10@20', '10@30'])), [30]);
  assert.deepEqual(given(queue, ranged(2, ['10@20', '10@30', '10@20'])), [], 'listed again');
});

test('another range with the same number is a restart', () => {
  const queue = new SegmentQueue(noCounters);
  queue.take(ranged(0, ['10@0', '10@10', '10@20']), url, 1_000_000);
  const [item] = queue.take(ranged(0, ['10@500', '10@510', '10@520']), url, 1_004_000);
  assert.ok(item?.kind === 'segment' && item.segment.discontinuity);
});

test('512 remembered segments suffice for a stream of any length', () => {
  const queue = new SegmentQueue(noCounters);
  let given = 0;
  for (let first = 0; first < 5000; first += 3)
    given += queue.take(list(first, names(first, 20)), url, 4000 * first).length;
  assert.equal(given, 3 + 1666 * 3);
  const more = (first: number, ...others: string[]) =>
    queue.take(list(first, [...names(first, 5018 - first), ...others]), url, 20_000_000).length;
  assert.equal(more(4999, 's4700.ts'), 0, 'a segment of the last 512 that is listed again is known');
  assert.equal(more(5000, 's4700.ts', 's100.ts'), 1, 'an older one is not');
});

suite('parts', () => {
  const partsOf = (msn: number, count: number, name = 'p') =>
    Array.from({ length: count }, (_, i) => `#EXT-X-PART:DURATION=1,URI="${name}${msn}.${i}.m4s"\n`).join('');
  /** Segments 0 to `whole`, with the parts of the last of them, and parts of the next. */
  const parted = (whole: number, parts: number, name = 'p') => {
    const old = names(0, whole - 1)
      .map((uri) => `#EXTINF:4,\n${uri}\n`)
      .join('');
    return list(
      0,
      [],
      '',
      `${old}${partsOf(whole - 1, 4)}#EXTINF:4,\ns${whole - 1}.ts\n${partsOf(whole, parts, name)}`,
    );
  };
  const say = (item: QueueItem) => {
    if (item.kind === 'lost') return `lost ${item.count}`;
    if (item.kind === 'segment-end') return `end ${item.segment.msn} of ${item.parts}`;
    return `${item.segment.discontinuity ? '!' : ''}${item.segment.msn}${item.segment.part === undefined ? '' : `.${item.segment.part}`}`;
  };
  const follow = (...lists: readonly [MediaPlaylist, boolean?][]) => {
    const queue = new SegmentQueue(noCounters);
    return lists.map(([each, parts = true], i) =>
      queue
        .take(each, url, 1_000_000 + 1000 * i, { parts })
        .map(say)
        .join(' '),
    );
  };

  test('the parts of the open segment come after the last complete segments, each once', () => {
    assert.deepEqual(follow([parted(5, 2)], [parted(5, 3)], [parted(5, 3)], [parted(6, 0)], [parted(6, 1)]), [
      '2 3 4 5.0 5.1',
      '5.2',
      '',
      '5.3 end 5 of 4',
      '6.0',
    ]);
  });

  test('a segment whose parts were missed is queued as a complete segment', () => {
    assert.deepEqual(follow([parted(5, 0)], [parted(7, 1)]), ['2 3 4', '5 6 7.0']);
  });

  test('a segment whose parts are no longer listed may lack parts', () => {
    assert.deepEqual(follow([parted(5, 2)], [parted(7, 0)]), ['2 3 4 5.0 5.1', 'end 5 of undefined 6']);
  });

  test('parts with other names are different: the complete segment is needed', () => {
    assert.deepEqual(follow([parted(5, 2)], [parted(5, 3, 'q')], [parted(6, 0)]), [
      '2 3 4 5.0 5.1',
      '',
      '5.2 5.3 end 5 of 4',
    ]);
  });

  test('after the end of low latency complete segments are queued, and the open segment ends', () => {
    assert.deepEqual(follow([parted(5, 2)], [parted(5, 3), false], [parted(6, 1), false]), [
      '2 3 4 5.0 5.1',
      '',
      'end 5 of undefined',
    ]);
  });

  test('a part has its own date and distance from the edge', () => {
    const queue = new SegmentQueue(noCounters);
    const items = queue.take(parted(5, 3), url, 1_000_000, { parts: true });
    const last = items.at(-1)!;
    assert.ok(last.kind === 'segment');
    assert.equal(last.segment.toEdgeS, 1);
    assert.equal(last.segment.durationS, 1);
    const first = items[0]!;
    assert.ok(first.kind === 'segment');
    assert.equal(first.segment.toEdgeS, 15);
  });
});
