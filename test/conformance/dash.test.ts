import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { encode, withHole } from './harness/encoded-media.ts';
import { MARK_MS, STREAM, StreamHarness } from './harness/stream-harness.ts';
import { checkManifest, parseXml, secondsOf } from './mpd.ts';

const FROM_S = MARK_MS / 1000;
const seenFromS = Number.POSITIVE_INFINITY;
const MANIFEST = `/vod/${STREAM}/${FROM_S}/20m/index.mpd`;

async function settle(harness: StreamHarness): Promise<void> {
  await harness.end();
  await harness.pause(3_600_000);
}

/** Seconds since 1970 of the first segment of each Period. */
const startsOf = ({ root, periods }: Awaited<ReturnType<typeof checkManifest>>) =>
  periods.map(({ startS }) => Date.parse(root.attributes.availabilityStartTime!) / 1000 + startS);

suite('DASH manifests of windows (ISO 23009-1)', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  test('a run is a Period: its start is UTC, and each S has the times of the samples (docs/media.md 19)', async () => {
    await using harness = await StreamHarness.open({ players: false });
    const media = await encode({ seconds: 12, rate: '25', gopS: 2 });
    const beganMs = harness.nowMs;
    await harness.play(media);
    await harness.down(30_000);
    const againMs = harness.nowMs;
    await harness.play(media);
    await settle(harness);
    const checked = await checkManifest(harness.fetch, MANIFEST);
    assert.deepEqual(checked.problems, []);
    assert.equal(checked.root.attributes.type, 'static');
    assert.match(checked.root.attributes.profiles!, /isoff-live/);
    const starts = startsOf(checked);
    assert.equal(starts.length, 2);
    assert.ok(Math.abs(starts[0]! - beganMs / 1000) < 0.1 && Math.abs(starts[1]! - againMs / 1000) < 0.1);
    for (const { representations } of checked.periods) {
      assert.deepEqual(
        representations.map(({ id }) => id),
        ['v0', 'a0'],
      );
      for (const { segments } of representations) assert.ok(segments.length >= 5);
    }
  });

  test('media after a gap is another Period, and none is within the gap', async () => {
    await using harness = await StreamHarness.open({ players: false });
    await harness.play(withHole(await encode({ seconds: 24, rate: '25', gopS: 2 }), 'video', 6, 14), { seenFromS });
    await settle(harness);
    const checked = await checkManifest(harness.fetch, MANIFEST);
    assert.deepEqual(checked.problems, []);
    const [before, after] = startsOf(checked);
    assert.equal(after! - before!, 14);
  });

  test('each audio track is an AdaptationSet with language and role', async () => {
    await using harness = await StreamHarness.open({ players: false });
    const audio = [{ language: 'deu' }, { language: 'eng' }];
    await harness.play(await encode({ seconds: 8, rate: '25', gopS: 2, audio }), { seenFromS });
    await settle(harness);
    const { root, problems, periods } = await checkManifest(harness.fetch, MANIFEST);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      periods[0]!.representations.map(({ id }) => id),
      ['v0', 'a0-deu', 'a1-eng'],
    );
    const sets = root.children.flatMap(({ children }) => children);
    const roles = sets.map(({ children }) => children.find(({ name }) => name === 'Role')!.attributes.value);
    assert.deepEqual(roles, ['main', 'main', 'alternate']);
    assert.deepEqual(
      sets.map(({ attributes }) => attributes.lang),
      [undefined, 'deu', 'eng'],
    );
  });

  test('a growing window is dynamic, never changes its content, and becomes static', async () => {
    await using harness = await StreamHarness.open({ players: false });
    const media = await encode({ seconds: 6, rate: '25', gopS: 2 });
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) {
      await harness.play(media, { seenFromS });
      const { problems } = await checkManifest(harness.fetch, MANIFEST);
      assert.deepEqual(problems, []);
      texts.push((await harness.fetch(MANIFEST)).text);
    }
    await settle(harness);
    texts.push((await harness.fetch(MANIFEST)).text);
    assert.deepEqual(
      texts.map((text) => parseXml(text).attributes.type),
      ['dynamic', 'dynamic', 'dynamic', 'dynamic', 'static'],
    );
    const said = texts.map((text) => parseXml(text).attributes.availabilityStartTime);
    assert.equal(new Set(said).size, 1);
    const periods = texts.map((text) => parseXml(text).children.filter(({ name }) => name === 'Period'));
    for (const [i, list] of periods.entries()) {
      const before = periods[i - 1] ?? [];
      for (const [p, { attributes }] of before.entries()) {
        assert.equal(list[p]!.attributes.id, attributes.id);
        assert.equal(secondsOf(list[p]!.attributes.start), secondsOf(attributes.start));
      }
    }
  });

  test('a window without media has no manifest', async () => {
    await using harness = await StreamHarness.open({ players: false });
    await harness.play(await encode({ seconds: 4, rate: '25', gopS: 2 }), { seenFromS });
    await settle(harness);
    const { status, code } = await harness.fetch(`/vod/${STREAM}/${FROM_S - 3600}/10m/index.mpd`);
    assert.equal(`${status} ${code}`, '404 no-media');
  });
});
