/**
 * Found media is a part of the recording wherever it is read, and goes with it.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { localDays, parseDay } from '../../api/local-days.ts';
import { openTimeZone } from '../../api/local-time.ts';
import { parseMediaAddress } from '../../api/media-address.ts';
import { openRangeReader, type RangeReader } from '../../archive/range-reader.ts';
import { healedRecording, recordingPrefix } from '../../archive/recording-locations.ts';
import { bytesOf } from '../../delivery/delivery.fixture.ts';
import { createMediaRouter } from '../../delivery/media-router.ts';
import { Stills } from '../../delivery/stills.ts';
import { Retention } from '../../recording/retention.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { healerOf, healNow, programme, ticksOf } from './healing.fixture.ts';

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;

function fetchOf(rig: StreamsRig, reader: RangeReader): (url: string) => Promise<Uint8Array> {
  const stills = new Stills({ makeStill: async ({ bytes }) => bytes, reader, signal });
  const find = (name: string) => rig.catalog.find(name)?.served;
  const answer = createMediaRouter({ find, clock: rig.clock, reader, stills });
  return async (url) => bytesOf(await answer(parseMediaAddress(url)!, new URLSearchParams(), { signal }), reader);
}

/** A recording with a gap from second 4 to 14, that is filled. */
async function healedRig(rig: StreamsRig, reader: RangeReader): Promise<void> {
  await rig.control.create('door', { source: { type: 'test' } });
  rig.source('door').flow(4000);
  rig.source('door').down(10_000);
  rig.source('door').flow(8000);
  await rig.settle();
  await healNow(rig, healerOf(rig, reader, [programme('backup')]));
}

async function listAt(fetch: (url: string) => Promise<Uint8Array>, url: string): Promise<MediaPlaylist> {
  return parsePlaylist(Buffer.from(await fetch(url)).toString()).playlist as MediaPlaylist;
}

suite('media that was found later', () => {
  test('is in windows of the past, clips and stills; lists that are loaded again stay as they are', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    using reader = openRangeReader(rig.segments);
    await rig.control.create('door', { source: { type: 'test' } });
    const source = rig.source('door');
    source.flow(4000);
    source.down(10_000);
    source.flow(8000);
    await rig.settle();
    const fetch = fetchOf(rig, reader);
    const { number } = rig.catalog.get('door').served.list.generation!;
    const dvr = `/live/door/dvr-1h/av0/g${number}.m3u8`;
    const listed = Buffer.from(await fetch(dvr)).toString();
    await healNow(rig, healerOf(rig, reader, [programme('backup')]));
    assert.equal(Buffer.from(await fetch(dvr)).toString(), listed);
    assert.equal((await ticksOf(rig, reader)).length, new Set(await ticksOf(rig, reader)).size);

    const range = `${START_MS}/${START_MS + 18_000}`;
    assert.ok(!(await listAt(fetch, `/vod/door/${range}/av0.m3u8`)).segments.some(({ uri }) => uri.length > 60));
    const past = await listAt(fetch, `/vod/door/${range}/v1/av0.m3u8`);
    assert.ok(past.endList);
    assert.ok(past.segments.reduce((sum, { durationS }) => sum + durationS, 0) > 17.5);
    for (const { uri } of past.segments) {
      const path = new URL(uri, `http://x/vod/door/${range}/v1/av0.m3u8`).pathname;
      assert.ok((await fetch(path)).length > 100, path);
    }
    let pictures = 0;
    const demuxer = createFmp4Demuxer({
      tracks() {},
      frame: ({ trackId }) => {
        if (trackId === 1) pictures++;
      },
      damage: (reason) => assert.fail(reason),
    });
    demuxer.push(await fetch(`/clip/door/${range}.mp4`));
    demuxer.flush();
    assert.ok(pictures >= 180, `${pictures} pictures are in the clip`);
    assert.ok((await fetch(`/thumb/door/${Math.floor(START_MS / 1000) + 8}.jpg`)).length > 0);
    const manifest = Buffer.from(await fetch(`/vod/door/${range}/v1/index.mpd`)).toString();
    assert.equal(manifest.match(/<Period /g)?.length, 3);
  });

  test('makes the files of its gaps complete in the calendar, and its time counts', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    using reader = openRangeReader(rig.segments);
    await rig.control.create('door', { source: { type: 'test' } });
    rig.source('door').flow(4000);
    rig.source('door').down(10_000);
    rig.source('door').flow(70_000);
    // A gap that no source has.
    rig.source('door').down(10_000);
    rig.source('door').flow(140_000);
    await rig.settle();
    const day = new Date(START_MS).toISOString().slice(0, 10);
    const days = localDays(openTimeZone('UTC'), parseDay(day), parseDay(day));
    const dayOf = async () => (await rig.api.days('door', days)).days[0]!;
    const before = await dayOf();
    assert.equal(before.incomplete, 2);
    await healNow(rig, healerOf(rig, reader, [programme('backup', ({ fromMs }) => fromMs < START_MS + 60_000)]));
    const after = await dayOf();
    assert.equal(after.incomplete, 1);
    assert.ok(Math.abs(after.seconds - before.seconds - 10) < 1, `${after.seconds - before.seconds} s were found`);
    assert.deepEqual((await rig.api.get('door'))!.recorded.seconds, after.seconds);
  });

  test('is found again after a crash, and from its files alone', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    using reader = openRangeReader(rig.segments);
    await healedRig(rig, reader);
    const before = (await rig.api.timeline('door', START_MS, START_MS + 18_000)).healed;
    assert.deepEqual(
      before.map(({ source, cause, detail }) => [source, cause, detail]),
      [['backup', 'source-down', 'HTTP 404 seg81.ts']],
    );
    const ticks = await ticksOf(rig, reader);
    const { id } = rig.catalog.get('door').definition;
    await rig.deps.recordings.table.clear(id);
    await using left = await rig.crash();
    await using again = await openStreams({ folder: left.path, nowMs: START_MS + 60_000 });
    assert.deepEqual((await again.api.timeline('door', START_MS, START_MS + 18_000)).healed, before);
    using read = openRangeReader(again.segments);
    assert.deepEqual(await ticksOf(again, read), ticks);
    const totals = await again.deps.recordings.table.totals(id);
    const { size } = (await again.deps.recordings.chunks.last(healedRecording(id)))!;
    assert.ok(totals.bytes > size && size > 0, 'its bytes count');
  });

  test('has other numbers, and is deleted by retention with the rest', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    using reader = openRangeReader(rig.segments);
    await healedRig(rig, reader);
    const { recording } = rig.catalog.get('door').served;
    const recorded = Array.from(await recording.recorded(0, Number.MAX_SAFE_INTEGER), ({ msn }) => msn);
    const found = Array.from(await recording.healed!.recorded(0, Number.MAX_SAFE_INTEGER), ({ msn }) => msn);
    assert.ok(found.length > 0 && Math.min(...found) > Math.max(...recorded), 'its numbers are others');
    const { catalog, deps, clock } = rig;
    const { id } = catalog.get('door').definition;
    await rig.api.stop('door');
    await rig.settle();
    const retention = new Retention({
      ...deps.recordings,
      clock,
      settings: deps.settings,
      streams: () => catalog.recordings.retentionRules,
      release: (location) => reader.forget(location),
      deleted() {},
      failed: (error) => assert.fail(String(error)),
    });
    clock.advance(deps.settings.now.record.keep + HOUR_MS);
    // The index first, the bytes a minute later.
    for (let i = 0; i < 3; i++) {
      await retention.pass();
      clock.advance(2 * HOUR_MS);
    }
    const left = await Array.fromAsync(rig.segments.list(recordingPrefix(id)));
    assert.deepEqual(
      left.filter((location) => location.endsWith('.mp4')),
      [],
    );
  });

  test('is requested again with growing pauses, also after a restart, and no longer than the settings say', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    using reader = openRangeReader(rig.segments);
    await rig.control.create('door', { source: { type: 'test' } });
    rig.source('door').flow(4000);
    rig.source('door').down(10_000);
    rig.source('door').flow(4000);
    await rig.settle();
    let asked = 0;
    let hasIt = false;
    const late = {
      ...programme('source'),
      find: async (...request: Parameters<ReturnType<typeof programme>['find']>) => {
        asked++;
        if (hasIt) return programme('source').find(...request);
        return { kind: 'nothing', reason: 'its playlist ends too early', mayComeLater: true } as const;
      },
    };
    const healer = healerOf(rig, reader, [late]);
    await healNow(rig, healer);
    const pauses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const pauseMs = healer.nextMs! - rig.clock.nowMs();
      pauses.push(Math.round(pauseMs / 1000));
      rig.clock.advance(Math.ceil(pauseMs));
      await healer.work({ signal });
    }
    assert.deepEqual([asked, pauses], [5, [15, 60, 180, 600]]);
    const next = healer.nextMs;
    const restarted = healerOf(rig, reader, [late]);
    await restarted.look(rig.catalog.get('door'));
    assert.equal(restarted.nextMs, next);
    hasIt = true;
    rig.clock.advance(HOUR_MS);
    await restarted.work({ signal });
    assert.equal(restarted.waiting, 0);
    assert.deepEqual((await rig.api.timeline('door', START_MS, START_MS + 18_000)).gaps, []);
  });
});
