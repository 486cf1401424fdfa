import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import { canRequestDelta, mergeDelta } from './delta-update.ts';
import { isBeyond, nextOf, reloadUrl } from './reload-url.ts';

/** Segments `from` to `to`, of which `skipped` are skipped, and `parts` of the next. */
function list(from: number, to: number, { skipped = 0, parts = 0, name = 's', tags = '' } = {}): MediaPlaylist {
  const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:4', '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24'];
  lines.push('#EXT-X-PART-INF:PART-TARGET=1', `#EXT-X-MEDIA-SEQUENCE:${from}`);
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
  else lines.push('#EXT-X-MAP:URI="init.mp4"');
  if (tags) lines.push(tags);
  for (let n = from + skipped; n < to; n++) lines.push('#EXTINF:4,', `${name}${n}.m4s`);
  for (let n = 0; n < parts; n++) lines.push(`#EXT-X-PART:DURATION=1,URI="p${to}.${n}.m4s"`);
  const parsed = parsePlaylist(lines.join('\n'));
  assert.equal(parsed.kind, 'media');
  return parsed.playlist as MediaPlaylist;
}

const uris = (each: MediaPlaylist | undefined) => each?.segments.map(({ uri }) => uri);

suite('delta updates (RFC 8216bis 6.2.5.1)', () => {
  test('skipped segments come from the previous playlist, with the map that still applies', () => {
    const merged = mergeDelta(list(0, 10), list(2, 12, { skipped: 6, parts: 1 }));
    assert.deepEqual(uris(merged), uris(list(2, 12, { parts: 1 })));
    assert.ok(merged!.segments.every(({ map }) => map?.uri === 'init.mp4'));
    assert.equal(merged!.skippedSegments, undefined);
  });

  test('a playlist that skips nothing is returned unchanged', () => {
    assert.deepEqual(uris(mergeDelta(undefined, list(3, 5))), ['s3.m4s', 's4.m4s']);
  });

  test('an update that does not fit the previous playlist is refused', () => {
    assert.equal(mergeDelta(undefined, list(2, 12, { skipped: 6 })), undefined, 'nothing is known');
    assert.equal(mergeDelta(list(3, 10), list(2, 12, { skipped: 6 })), undefined, 'the first is not known');
    assert.equal(mergeDelta(list(0, 7), list(2, 12, { skipped: 6 })), undefined, 'the last is not known');
    assert.equal(mergeDelta(list(0, 10), list(2, 12, { skipped: 6, name: 'other' })), undefined, 'others are named');
    const key = '#EXT-X-KEY:METHOD=AES-128,URI="k"';
    assert.equal(mergeDelta(list(0, 10), list(2, 12, { skipped: 6, tags: key })), undefined, 'keys are ambiguous');
  });

  test('it is requested while the playlist is fresh, and never with keys', () => {
    assert.equal(canRequestDelta(list(0, 10), 11_000), true);
    assert.equal(canRequestDelta(list(0, 10), 13_000), false);
    assert.equal(canRequestDelta(list(0, 10, { tags: '#EXT-X-KEY:METHOD=AES-128,URI="k"' }), 0), false);
  });

  test('two playlists merge to a complete one, or not at all (2,000 seeded pairs)', () => {
    const upTo = seeded(20_261_120);
    let merges = 0;
    for (let i = 0; i < 2000; i++) {
      const from = upTo(6);
      const before = list(from, from + upTo(8), { parts: upTo(3) });
      const first = upTo(8);
      const count = upTo(8);
      const update = list(first, first + count, { skipped: upTo(count + 3), parts: upTo(3) });
      const merged = mergeDelta(before, update);
      if (!merged) continue;
      merges += 1;
      const whole = merged.segments.flatMap(({ uri }) => uri || []);
      const expected = whole.map((_, n) => `s${first + n}.m4s`);
      assert.deepEqual(whole, expected);
    }
    assert.ok(merges > 200, `${merges} merges`);
  });
});

suite('delivery directives (RFC 8216bis 6.2.5)', () => {
  test('the reload waits for the next part of the open segment, otherwise for the first of the next segment', () => {
    assert.deepEqual(nextOf(list(3, 5, { parts: 2 })), { msn: 5, part: 2 });
    assert.deepEqual(nextOf(list(3, 5)), { msn: 5, part: 0 });
    assert.deepEqual(nextOf(list(3, 9, { skipped: 4 })), { msn: 9, part: 0 });
  });

  test('the query stays unchanged because it may be signed', () => {
    const ask = (url: string, parts: boolean, skip: boolean) =>
      reloadUrl(new URL(url), list(3, 5, { parts: 2 }), { parts, skip }).href;
    assert.equal(
      ask('https://tv.example/l.m3u8?sig=a/b==&x=%7e', true, true),
      'https://tv.example/l.m3u8?sig=a/b==&x=%7e&_HLS_msn=5&_HLS_part=2&_HLS_skip=YES',
    );
    assert.equal(ask('https://tv.example/l.m3u8', false, false), 'https://tv.example/l.m3u8?_HLS_msn=5');
  });

  test('a list is beyond another with one part more', () => {
    assert.equal(isBeyond(list(0, 5, { parts: 1 }), list(0, 5)), true);
    assert.equal(isBeyond(list(0, 6), list(0, 5, { parts: 3 })), true);
    assert.equal(isBeyond(list(0, 5), list(0, 5)), false);
  });
});
