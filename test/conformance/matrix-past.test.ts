/**
 * The matrix of media, fourth side: windows of the past over everything that a stream may go through.
 * docs/media.md 5, 14 to 17.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import { Retention } from '../../src/recording/retention.ts';
import { need } from '../fixtures/need.ts';
import { checkPresentation, checkReload, printFindings } from './checker.ts';
import { encode, withHole } from './harness/encoded-media.ts';
import { MARK_MS, STREAM, StreamHarness } from './harness/stream-harness.ts';

/** A mark of the ten-minute grid, unix seconds, just ahead of where the harnesses begin. */
const MARK_S = MARK_MS / 1000 + 600;
const FIRST = `/vod/${STREAM}/${MARK_S - 600}/${MARK_S}`;
const SECOND = `/vod/${STREAM}/${MARK_S}/${MARK_S + 600}`;
/** Twenty seconds before the mark. */
const EARLY_MS = MARK_S * 1000 - 20_000;

async function list(harness: StreamHarness, path: string): Promise<MediaPlaylist> {
  const { status, code, text } = await harness.fetch(path);
  assert.equal(status, 200, `${path}: ${code}`);
  const parsed = parsePlaylist(text);
  assert.equal(parsed.kind, 'media');
  return parsed.playlist;
}

/** MSNs of a list. */
const names = ({ segments }: MediaPlaylist) => segments.map(({ uri }) => Number(/(\d+)\.m4s$/.exec(uri)![1]));

/** `|` for a DISCONTINUITY. */
const shape = ({ segments }: MediaPlaylist) =>
  segments.map(({ discontinuity }) => (discontinuity ? '|.' : '.')).join('');

/** All rules over a window and its media. */
async function assertWindow(harness: StreamHarness, window: string, except: readonly string[] = []): Promise<void> {
  const found = await checkPresentation((path) => harness.fetch(path), `${window}/index.m3u8`, { still: true });
  const kept = found.filter(({ rule, severity }) => severity === 'must' && !except.includes(rule));
  assert.equal(printFindings(kept), '', window);
}

/** Nothing will come to what has been: an hour has passed. */
async function settle(harness: StreamHarness): Promise<void> {
  await harness.end();
  await harness.pause(3_600_000);
}

const refusal = async (harness: StreamHarness, path: string) => {
  const { status, code } = await harness.fetch(path);
  return `${status} ${code}`;
};

suite('windows of the past', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  test('a segment belongs to the window in which it starts: adjacent windows have each segment once', async () => {
    await using harness = await StreamHarness.open({ nowMs: EARLY_MS - 700 });
    await harness.play(await encode({ seconds: 30, rate: '25', gopS: 2 }));
    await settle(harness);
    const windows = [await list(harness, `${FIRST}/av0.m3u8`), await list(harness, `${SECOND}/av0.m3u8`)];
    const all = await list(harness, `/vod/${STREAM}/${MARK_S - 60}/2m/av0.m3u8`);
    assert.deepEqual(windows.flatMap(names), names(all));
    assert.ok(windows.every(({ segments }) => segments.length > 3));
    assert.equal(shape(all).includes('|'), false);
    for (const window of [FIRST, SECOND, `/vod/${STREAM}/${MARK_S - 60}/2m`]) await assertWindow(harness, window);
  });

  test('a growing window is EVENT and never changes its content; then it ends', async () => {
    await using harness = await StreamHarness.open({ nowMs: EARLY_MS });
    const media = await encode({ seconds: 6, rate: '25', gopS: 2 });
    const paths = ['av0', 'v0', 'a0'].flatMap((id) =>
      [FIRST, SECOND, `/vod/${STREAM}/${MARK_S - 30}/45s`].map((w) => `${w}/${id}.m3u8`),
    );
    const before = new Map<string, string>();
    const look = async () => {
      for (const path of paths) {
        const { status, text } = await harness.fetch(path);
        if (status !== 200) continue;
        const last = before.get(path);
        if (last !== undefined) assert.equal(printFindings(checkReload(path, last, text)), '');
        before.set(path, text);
      }
    };
    for (let i = 0; i < 6; i++) {
      await harness.play(media, { seenFromS: Number.POSITIVE_INFINITY });
      await look();
    }
    assert.match(before.get(`${SECOND}/av0.m3u8`)!, /TYPE:EVENT/);
    await assertWindow(harness, SECOND);
    assert.match(before.get(`${FIRST}/av0.m3u8`)!, /TYPE:EVENT[\s\S]*ENDLIST/);
    await settle(harness);
    await look();
    for (const [path, text] of before) assert.match(text, /TYPE:EVENT[\s\S]*ENDLIST/, path);
  });

  test('any from and to select the same segments, rounded outward, from a key frame', async () => {
    await using harness = await StreamHarness.open({ nowMs: EARLY_MS });
    await harness.play(await encode({ seconds: 40, rate: '12', gopS: 10 }), { seenFromS: Number.POSITIVE_INFINITY });
    await settle(harness);
    const all = await list(harness, `/vod/${STREAM}/${MARK_S - 600}/20m/av0.m3u8`);
    const starts = all.segments.map(({ programDateTimeMs }) => programDateTimeMs!);
    const random = seeded(7);
    for (let i = 0; i < 12; i++) {
      const fromMs = EARLY_MS + random(30_000);
      const toMs = fromMs + 1 + random(9_000);
      const found = await list(harness, `/vod/${STREAM}/${fromMs}/${toMs}/av0.m3u8`);
      const inside = all.segments.filter(
        (_, at) => starts[at]! < toMs && (starts[at + 1] ?? Number.POSITIVE_INFINITY) > fromMs,
      );
      const uris = (one: readonly { uri: string }[]) => one.map(({ uri }) => uri.split('/').at(-1));
      assert.deepEqual(uris(found.segments).slice(-inside.length), uris(inside));
      assert.ok(found.segments.length - inside.length <= 2, 'no more than what leads there from the key frame');
      if (i % 4 === 0) await assertWindow(harness, `/vod/${STREAM}/${fromMs}/${toMs}`);
    }
  });

  test('all four forms of a time, and a duration, give the same bytes', async () => {
    await using harness = await StreamHarness.open({ nowMs: EARLY_MS });
    await harness.play(await encode({ seconds: 12, rate: '25', gopS: 2 }), { seenFromS: Number.POSITIVE_INFINITY });
    await settle(harness);
    const forms = (ms: number) => [
      String(ms / 1000),
      String(ms),
      encodeURIComponent(new Date(ms).toISOString()),
      encodeURIComponent(new Date(ms + 7_200_000).toISOString().replace('.000Z', '+02:00')),
      new Date(ms).toISOString().replaceAll(/[-:T]|\.000Z/g, ''),
    ];
    const texts = new Set<string>();
    for (const from of forms(EARLY_MS + 2000)) {
      for (const to of [...forms(EARLY_MS + 9000), '7s', '7', '7000ms']) {
        const { status, text } = await harness.fetch(`/vod/${STREAM}/${from}/${to}/av0.m3u8`);
        assert.equal(status, 200, `${from} ${to}`);
        texts.add(text);
      }
    }
    assert.equal(texts.size, 1);
  });

  test('restarts, a crash, a gap, another codec, another size: each follows one DISCONTINUITY', async () => {
    await using harness = await StreamHarness.open({ nowMs: EARLY_MS });
    const plan = { seconds: 8, rate: '25', gopS: 2 };
    await harness.play(await encode(plan));
    await harness.restart(3000);
    await harness.play(await encode(plan));
    await harness.restart(3000, { crash: true });
    await harness.play(await encode({ ...plan, size: '192x108' }));
    await harness.play(await encode({ ...plan, codec: 'hevc' }));
    await harness.down(5000);
    await harness.play(withHole(await encode({ ...plan, seconds: 12 }), 'all', 4, 7));
    await settle(harness);
    const windows = [await list(harness, `${FIRST}/av0.m3u8`), await list(harness, `${SECOND}/av0.m3u8`)];
    const all = await list(harness, `/vod/${STREAM}/${MARK_S - 60}/4m/av0.m3u8`);
    assert.deepEqual(windows.flatMap(names), names(all));
    assert.deepEqual(
      names(all),
      names(all).toSorted((a, b) => a - b),
      'MSNs rise, and none is used twice',
    );
    assert.equal(shape(all).split('|').length - 1, 5, shape(all));
    // Changes of the codec within a window: the index has the last one.
    for (const window of [FIRST, SECOND, `/vod/${STREAM}/${MARK_S - 60}/4m`]) await assertWindow(harness, window);
  });

  test('errors: 400, 404 no-media, 410 after retention deleted the media', async () => {
    await using harness = await StreamHarness.open({ nowMs: EARLY_MS });
    await harness.play(await encode({ seconds: 30, rate: '25', gopS: 2 }), { seenFromS: Number.POSITIVE_INFINITY });
    await settle(harness);
    const { segments } = await list(harness, `${FIRST}/av0.m3u8`);
    const from = `/vod/${STREAM}/${MARK_S}`;
    assert.deepEqual(
      await Promise.all(
        [
          `/vod/${STREAM}/${MARK_S + 600}/10m/index.m3u8`,
          `/vod/${STREAM}/${MARK_S + 600}/10m/av0.m3u8`,
          `/vod/${STREAM}/${MARK_S - 6000}/10m/index.m3u8`,
          `${from}/0s/index.m3u8`,
          `${from}/${MARK_S - 1}/index.m3u8`,
          `${from}/25h/index.m3u8`,
          `${from}/tomorrow/index.m3u8`,
          `/vod/${STREAM}/2026-11-18T11:10:00/10m/index.m3u8`,
          `${from}/10m/v3.m3u8`,
          `/vod/unknown/${MARK_S}/10m/index.m3u8`,
        ].map((path) => refusal(harness, path)),
      ),
      [
        '404 no-media',
        '404 no-media',
        '404 no-media',
        '400 bad-time',
        '400 bad-time',
        '400 window-too-long',
        '400 bad-time',
        '400 bad-time',
        '404 not-found',
        '404 stream-unknown',
      ],
    );
    const { rig } = harness;
    const retention = new Retention({
      segments: rig.segments,
      table: rig.deps.recordings.table,
      chunks: rig.deps.recordings.chunks,
      clock: rig.clock,
      horizons: rig.deps.recordings.horizons,
      settings: { now: { record: { maxDisk: undefined } } },
      streams: () => rig.catalog.recordings.retentionRules,
      onDeletedBefore: (id, us) => rig.catalog.recordings.setDeletedBefore(id, us),
      release: () => {},
      deleted: () => {},
      failed: (error) => assert.fail(String(error)),
    });
    rig.clock.advance(24 * 3_600_000 - 3_600_000);
    await retention.pass();
    assert.equal(await refusal(harness, `${FIRST}/index.m3u8`), '410 gone');
    assert.equal(await refusal(harness, `${FIRST}/av0.m3u8`), '410 gone');
    assert.equal(
      await refusal(harness, new URL(segments[0]!.uri, `http://stage${FIRST}/av0.m3u8`).pathname),
      '410 gone',
    );
    assert.equal((await harness.fetch(`${SECOND}/index.m3u8`)).status, 200, 'the window after it is kept');
  });
});
