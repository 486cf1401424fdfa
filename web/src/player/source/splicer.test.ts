import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListError, Splicer } from './splicer.ts';

const start = 1_795_160_400; // a ten-minute mark, unix seconds
const list = (from: number, name = 'av0.m3u8') => `http://host/vod/cam/${from}/${from + 600}/${name}`;

/**
 * A server with the recorded windows in `windows`, two segments of five minutes each; a window that contains
 * `nowS` is open.
 */
function setUp(windows: number[], { atS = start + 100, nowS = start + 86_400 } = {}) {
  const requested: string[] = [];
  let msn = 1;
  const msns = new Map<number, number>();
  for (const from of windows) {
    msns.set(from, msn);
    msn += 2;
  }
  const server = { nowS, broken: false };
  const splicer = new Splicer({
    stream: 'cam',
    atMs: atS * 1000,
    now: () => server.nowS * 1000,
    facts: { window: (from) => (from === start + 600 ? { rev: 2, closed: true } : undefined) },
    recorded: {
      find: async (targetMs) => {
        const next = windows.find((from) => (from + 600) * 1000 > targetMs);
        return next === undefined ? undefined : { atMs: Math.max(targetMs, next * 1000) };
      },
    },
    fetchText: async (url) => {
      requested.push(new URL(url).pathname);
      const from = Number(/cam\/(\d+)/.exec(url)![1]);
      if (server.broken) throw new ListError(503, '');
      const first = msns.get(from);
      if (first === undefined || from > server.nowS) throw new ListError(404, '{"code":"no-media"}');
      const lines = [
        '#EXTM3U',
        '#EXT-X-TARGETDURATION:300',
        `#EXT-X-MEDIA-SEQUENCE:${first}`,
        '#EXT-X-MAP:URI="/init.mp4"',
      ];
      for (let index = 0; index < 2; index++) {
        const second = from + index * 300;
        if (second + 300 > server.nowS) break;
        lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(second * 1000).toISOString()}`);
        lines.push('#EXTINF:300,', `/live/cam/av0/${first + index}.m4s`);
      }
      if (from + 600 <= server.nowS) lines.push('#EXT-X-ENDLIST');
      return lines.join('\n');
    },
  });
  const load = (name?: string) => splicer.list(list(start, name), {}, new AbortController().signal);
  return { splicer, requested, server, load };
}

const segments = (text: string) => [...text.matchAll(/(\d+)\.m4s/g)].map(([, msn]) => Number(msn));
const sequence = (text: string) => Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)![1]);
const day = (count: number) => Array.from({ length: count }, (_, index) => start + index * 600);

test('the next window is added when the playhead is within two minutes of the end, and not before', async () => {
  const { splicer, requested, load } = setUp(day(3));
  assert.deepEqual(segments(await load()), [1, 2]);
  assert.equal(requested.length, 1);
  splicer.playhead((start + 500) * 1000);
  const text = await load();
  assert.deepEqual(segments(text), [1, 2, 3, 4]);
  assert.equal(text.includes('DISCONTINUITY\n'), false, 'it is contiguous');
  assert.equal(
    requested.at(-1),
    `/vod/cam/${start + 600}/${start + 1200}/v2/av0.m3u8`,
    'a closed window by its revision',
  );
});

test('closed windows are requested once', async () => {
  const { requested, load } = setUp(day(1));
  for (let turn = 0; turn < 5; turn++) await load();
  assert.equal(requested.length, 1);
});

test('the playlist drops its oldest segments, and numbers stay with their segments', async () => {
  const { splicer, load } = setUp(day(12));
  const numbers = new Map<number, number>();
  for (let at = start + 100; at < start + 7_000; at += 60) {
    splicer.playhead(at * 1000);
    const text = await load();
    const first = sequence(text);
    for (const [index, msn] of segments(text).entries()) {
      assert.equal(numbers.get(msn) ?? first + index, first + index, `segment ${msn}`);
      numbers.set(msn, first + index);
    }
    assert.ok(splicer.windows <= 4, `${splicer.windows} windows`);
  }
  assert.equal(numbers.size, 24);
});

test('a rendition that joins late has the same numbers as the others', async () => {
  const { splicer, load } = setUp(day(12));
  for (let at = start + 100; at < start + 5_000; at += 60) {
    splicer.playhead(at * 1000);
    await load();
  }
  assert.equal(sequence(await load('v0-480.m3u8')), sequence(await load()));
});

test('a hole of hours is skipped with a discontinuity, to the next window with media', async () => {
  const { splicer, load } = setUp([start, start + 36_000]);
  await load();
  splicer.playhead((start + 590) * 1000);
  const text = await load();
  assert.deepEqual(segments(text), [1, 2, 3, 4]);
  assert.match(text, /2\.m4s\n#EXT-X-DISCONTINUITY\n/);
});

test('if nothing more is recorded, the playlist ends', async () => {
  const { splicer, load } = setUp(day(1));
  assert.doesNotMatch(await load(), /ENDLIST/);
  splicer.playhead((start + 590) * 1000);
  assert.match(await load(), /ENDLIST/);
});

test('an open window is requested again while little of it is left, and the next one once its time has come', async () => {
  const { splicer, server, load } = setUp(day(2), { nowS: start + 310 });
  assert.deepEqual(segments(await load()), [1]);
  splicer.playhead((start + 290) * 1000);
  server.nowS = start + 601;
  assert.deepEqual(segments(await load()), [1, 2]);
  splicer.playhead((start + 590) * 1000);
  assert.doesNotMatch(await load(), /ENDLIST/, 'the next recorded media is only seconds away');
  server.nowS = start + 1_000;
  assert.deepEqual(segments(await load()), [1, 2, 3]);
});

test('a server that is briefly unreachable delays only the next window', async () => {
  const { splicer, server, load } = setUp(day(3));
  await load();
  splicer.playhead((start + 590) * 1000);
  server.broken = true;
  assert.deepEqual(segments(await load()), [1, 2]);
  server.broken = false;
  assert.deepEqual(segments(await load()), [1, 2, 3, 4]);
});

test('a time at the start of a window may be in a segment that began before: both windows are loaded', async () => {
  const { load } = setUp(day(3), { atS: start + 601 });
  assert.deepEqual(segments(await load()), [1, 2, 3, 4]);
});

test('a neighbour without media is left out', async () => {
  const { load } = setUp([start], { atS: start + 1 });
  assert.deepEqual(segments(await load()), [1, 2]);
});

test('if not even the first window is available, an error is thrown', async () => {
  const { load } = setUp([]);
  await assert.rejects(load(), { name: 'ListError', status: 404 });
});

test('a neighbour that is not recorded is not requested', async () => {
  const first = setUp(day(1), { atS: start + 5 });
  await first.load();
  assert.equal(first.requested.length, 1, 'nothing was recorded before');
  const newest = setUp(day(2), { atS: start + 560, nowS: start + 601 });
  await newest.load();
  assert.equal(newest.requested.length, 1, 'no segment may have begun in a window that has just begun');
  newest.server.nowS = start + 616;
  await newest.load();
  assert.ok(newest.requested.length > 1, 'now it is');
});
