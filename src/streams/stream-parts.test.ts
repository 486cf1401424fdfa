import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import { mediaPlaylistText } from '@oxbow/media/m3u8/print.fixture';
import { seeded } from '@oxbow/media/random.fixture';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { hlsMediaPlaylist } from '../delivery/format/hls-media.ts';
import { livePresentation } from '../delivery/live/live-presentation.ts';
import type { LiveWindowView } from '../packager/live-segment.ts';
import { openStreams, START_MS, temporaryFolder, timeline } from './streams.fixture.ts';

const pull = { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } } as const;
const testSource = { source: { type: 'test' } } as const;
const EVER = [0, 4e12] as const;

/** The list's lines about whole segments. */
function printed(view: LiveWindowView): string[] {
  const [rendition] = renditionsOf(view.tracks).variants;
  const lines = mediaPlaylistText(
    hlsMediaPlaylist(livePresentation(view), rendition!.id, { folderOf: () => '' }),
  ).split('\n');
  return lines.filter((line) => line !== '' && !/^#EXT-X-(PART|PRELOAD|RENDITION)/.test(line));
}

test('an assertion that fails while a segment is recorded is counted and logged with its stack, and is not a failing disk', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  await rig.api.create('door', testSource);
  const { recording } = rig.catalog.get('door').served;
  const committed = mock.method(recording, 'committed', () => assert.fail('an invariant'));
  rig.source('door').flow(4000);
  await rig.settle();
  committed.mock.restore();
  rig.source('door').flow(6000);
  await rig.settle();
  const { metrics } = rig.deps;
  assert.ok((await metrics.bugs.get()).values[0]!.value > 0);
  assert.deepEqual(new Set((await metrics.gaps.get()).values.map(({ labels }) => labels.cause)), new Set(['internal']));
  const line = rig.logged.find(({ msg }) => msg === 'a segment was not recorded: a bug in oxbow');
  assert.match(String(line?.stack), /^AssertionError.* an invariant\n +at /);
});

suite('over restarts and crashes', () => {
  test('a crash is a gap from the last recorded segment on; a regular stop is offline', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(10_000);
    await using left = await rig.crash();
    const recordedS = Number((await timeline(rig))[0]!.split('…')[1]);
    assert.ok(recordedS >= 6);
    {
      await using again = await openStreams({ folder: left.path, nowMs: START_MS + 20_000 });
      assert.deepEqual(await timeline(again), [`media 0…${recordedS}`, `crash ${recordedS}…20`]);
      again.source('door').flow(6000);
    }
    await using last = await openStreams({ folder: left.path, nowMs: START_MS + 40_000 });
    assert.deepEqual(await timeline(last), [
      `media 0…${recordedS}`,
      `crash ${recordedS}…20`,
      'media 20…26',
      'offline 26…40',
    ]);
  });

  test('a source that was down when oxbow crashed stays down', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    rig.source('door').flow(5000);
    rig.source('door').down(5000);
    await using left = await rig.crash();
    await using again = await openStreams({ folder: left.path, nowMs: START_MS + 20_000 });
    assert.deepEqual(await timeline(again), ['media 0…5', 'source-down 5…20']);
  });

  test('the first hour of a source that is down from the start is a gap', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    rig.clock.advance(1000);
    rig.source('door').down(3_599_000);
    assert.deepEqual(await timeline(rig), ['offline 0…1', 'source-down 1…3600']);
    rig.source('door').flow(6000);
    await rig.settle();
    assert.deepEqual((await timeline(rig)).slice(0, 2), ['offline 0…1', 'source-down 1…3600']);
  });

  test('a crash while recording was off is offline, not a crash, up to the next media', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    rig.source('door').flow(10_000);
    await rig.settle();
    await rig.api.replace('door', { ...pull, record: false });
    rig.source('door').flow(10_000);
    await using left = await rig.crash();
    await using again = await openStreams({ folder: left.path, nowMs: START_MS + 60_000 });
    again.clock.advance(1000);
    assert.deepEqual(await timeline(again), ['media 0…8', 'offline 8…61']);
    await again.api.replace('door', pull);
    again.source('door').flow(10_000);
    await again.settle();
    const pieces = await timeline(again);
    assert.deepEqual(pieces.slice(0, 2), ['media 0…8', 'offline 8…61']);
    assert.match(pieces[2]!, /^media 61…/);
  });

  test('a crash right after recording was switched on does not change the time before', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { ...pull, record: false });
    rig.source('door').flow(10_000);
    await rig.settle();
    await rig.api.replace('door', pull);
    await using left = await rig.crash();
    await using again = await openStreams({ folder: left.path, nowMs: START_MS + 60_000 });
    assert.deepEqual(await timeline(again), ['offline 0…60']);
  });

  test('the served playlist ends unchanged, and the next one begins after a DISCONTINUITY', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    const source = rig.source('door');
    source.flow(10_000);
    source.down(1000);
    source.flow(10_000);
    await using left = await rig.crash();
    const before = rig.catalog.get('door').served.list;
    const { number } = before.generation!;
    await using again = await openStreams({ folder: left.path, nowMs: START_MS + 30_000 });
    const after = again.catalog.get('door').served.list;
    const [listed, ended] = [before, after].map((list) => printed(list.view(number)!));
    const sealed = before.segments.filter((segment) => segment.sealed).length;
    assert.equal(after.view(number)!.segments.length, sealed);
    assert.ok(listed!.includes('#EXT-X-DISCONTINUITY'), 'there is something to get wrong');
    assert.deepEqual(ended, [...listed!.slice(0, ended!.length - 1), '#EXT-X-ENDLIST']);
    assert.deepEqual([after.ready, after.generation], [false, undefined]);
    again.source('door').flow(6000);
    const first = after.segments[0]!;
    assert.ok(after.generation!.number > number);
    assert.ok(first.msn > before.segments.at(-1)!.msn && first.msn === after.generation!.firstMsn);
    assert.equal(first.discontinuity, true);
    assert.ok(first.discontinuitySequence > before.segments.at(-1)!.discontinuitySequence);
    assert.equal(after.view(number)!.ended, true);
  });

  test('without recording the next playlist has higher MSNs', async () => {
    await using folder = await temporaryFolder();
    let before: { number: number; msn: number };
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', { ...testSource, record: false });
      rig.source('door').flow(10_000);
      const { list } = rig.catalog.get('door').served;
      before = { number: list.generation!.number, msn: list.segments.at(-1)!.msn };
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 15_000 });
    rig.source('door').flow(6000);
    const { list } = rig.catalog.get('door').served;
    assert.ok(list.generation!.number > before.number);
    assert.ok(list.segments[0]!.msn > before.msn);
  });

  for (const seed of [5, 61]) {
    test(`whatever happens, spans + gaps + offline = the time since the creation (seed ${seed})`, async () => {
      const random = seeded(seed);
      let folder = await temporaryFolder();
      let nowMs = START_MS;
      let rig = await openStreams({ folder: folder.path });
      await using _closing = {
        async [Symbol.asyncDispose]() {
          await rig[Symbol.asyncDispose]();
          await folder[Symbol.asyncDispose]();
        },
      };
      await rig.api.create('door', pull);
      const msns = new Set<number>();
      for (let step = 0; step < 24; step++) {
        const ms = 100 * (10 + random(80));
        const stream = rig.catalog.get('door');
        const [source] = rig.sources.slice(-1);
        if (source && stream.status.state !== 'stopped' && random(2)) source.flow(ms);
        else if (source && stream.status.state !== 'stopped' && random(3) === 0) source.down(ms);
        else if (random(4) === 0) await rig.api.stop('door');
        else if (random(3) > 0) await rig.api.start('door');
        else {
          for (const { msn } of stream.served.list.segments) {
            assert.ok(!msns.has(msn), `MSN ${msn} was used twice`);
            msns.add(msn);
          }
          const left = random(2) ? await rig.crash() : undefined;
          nowMs = rig.clock.nowMs() + 100 * random(100);
          await rig[Symbol.asyncDispose]();
          if (left) {
            await folder[Symbol.asyncDispose]();
            folder = left;
          }
          rig = await openStreams({ folder: folder.path, nowMs });
        }
        await rig.settle();
        const view = await rig.api.timeline('door', ...EVER);
        const pieces = [...view.spans, ...view.gaps, ...view.offline].sort(
          (a, b) => Date.parse(a.from) - Date.parse(b.from),
        );
        for (const [i, piece] of pieces.slice(1).entries()) assert.equal(piece.from, pieces[i]!.to);
        const nowIsKnown = rig.catalog.get('door').status.state !== 'live';
        if (pieces.length === 0) continue;
        assert.equal(pieces[0]!.from, new Date(START_MS).toISOString());
        if (nowIsKnown && rig.catalog.get('door').stream.edge.gap) {
          assert.equal(pieces.at(-1)!.to, new Date(rig.clock.nowMs()).toISOString());
        }
      }
    });
  }
});

test('media is in shared memory only if serving threads have copies of it', async () => {
  for (const threads of [1, 2]) {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path, config: { threads } });
    await rig.api.create('door', pull);
    rig.source('door').flow(8000);
    const { list } = rig.catalog.get('door').served;
    const bytes = list.segments.flatMap((segment) => [...(segment.bytes?.values() ?? [])]);
    assert.ok(bytes.length > 0);
    for (const { buffer } of bytes) assert.equal(buffer instanceof SharedArrayBuffer, threads > 1);
  }
});

suite('a clock that is wrong', () => {
  const DAY = 24 * 3_600_000;

  test('at the start removes nothing of a stream: neither index, nor timeline, nor the open file of a crash', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    rig.source('door').flow(70_000);
    await using left = await rig.crash();
    const recorded = (await timeline(rig))[0];
    await using again = await openStreams({ folder: left.path, nowMs: START_MS + 1000 * DAY });
    assert.equal((await timeline(again))[0], recorded);
    assert.equal((await again.deps.recordings.chunks.files(again.catalog.get('door').definition.id)).paths.size, 2);
    assert.ok(again.logged.some(({ level, msg }) => level === 'warn' && /retention is paused/.test(msg)));
  });

  test('that is set forward while media flows deletes nothing recorded then, and the timeline still has it', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    rig.source('door').flow(20_000);
    await rig.settle();
    const stream = rig.catalog.get('door');
    const [fromUs] = [stream.served.recording.open[0]!.startUs];
    rig.clock.step(2 * DAY);
    assert.ok(stream.served.horizonUs() <= fromUs);
    rig.clock.advance(2 * 3_600_000);
    assert.equal(rig.deps.recordings.horizons.pause, undefined, 'the hour is over');
    assert.ok(stream.served.horizonUs() <= fromUs, 'it was committed two hours ago');
    rig.clock.advance(2 * DAY);
    assert.ok(stream.served.horizonUs() > fromUs);
  });
});
