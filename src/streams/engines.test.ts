/**
 * A recording from live to deletion on every engine of stored media: recorded, listed, clipped, recovered
 * after a crash, deleted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMediaAddress } from '../api/media-address.ts';
import { MemorySegmentStore } from '../archive/memory-segment-store.fixture.ts';
import { openRangeReader, type RangeReader } from '../archive/range-reader.ts';
import { recordingPrefix } from '../archive/recording-locations.ts';
import type { SegmentStore } from '../archive/segment-store.ts';
import { type Engine, engines } from '../archive/segment-stores.fixture.ts';
import { loadConfig } from '../config/load.ts';
import { bytesOf } from '../delivery/delivery.fixture.ts';
import { createMediaRouter } from '../delivery/media-router.ts';
import { Stills } from '../delivery/stills.ts';
import { Retention } from '../recording/retention.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder, timeline } from './streams.fixture.ts';

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;
const testSource = { source: { type: 'test' } } as const;

/** Every segment is on the disk before it is listed as recorded. */
const { record } = (await loadConfig({})).config;
const config = { record: { ...record, sync: 'segment' as const, maxDisk: undefined } };

/** Answers media requests from what a store has. */
function createFetch(rig: StreamsRig, reader: RangeReader): (url: string) => Promise<Uint8Array> {
  const stills = new Stills({ makeStill: async ({ bytes }) => bytes, reader, signal });
  const answer = createMediaRouter({
    find: (name) => rig.catalog.find(name)?.served,
    clock: rig.clock,
    reader,
    stills,
  });
  return async (url) => {
    return bytesOf(await answer(parseMediaAddress(url)!, new URLSearchParams(), { signal }), reader);
  };
}

/** Lists, segments, a clip in each format and a picture of the first two seconds, by their addresses. */
async function everythingOf(rig: StreamsRig): Promise<Map<string, string>> {
  using reader = openRangeReader(rig.segments);
  const fetch = createFetch(rig, reader);
  const { windows } = await rig.api.timeline('door', 0, START_MS + HOUR_MS);
  const generation = rig.catalog.get('door').served.list.generation?.number;
  const answers = new Map<string, string>();
  const from = Math.floor(START_MS / 1000);
  const clips = ['mp4', 'mkv', 'ts'].map((format) => `/clip/door/${from}/${from + 4}.${format}`);
  for (const url of [...clips, `/thumb/door/${from + 1}.jpg`]) answers.set(url, toText(await fetch(url)));
  for (const url of [
    // A stream that was just started has no live list yet.
    ...(generation ? ['/live/door/dvr-1h/index.m3u8', `/live/door/dvr-1h/av0/g${generation}.m3u8`] : []),
    ...windows.map(({ from, rev }) => `/vod/door/${from}/${from + 600}/v${rev}/av0.m3u8`),
  ]) {
    const list = await fetch(url);
    answers.set(url, toText(list));
    for (const [uri] of Buffer.from(list)
      .toString()
      .matchAll(/(?:\.\.\/)+live\/[^"\n]+|^\d+\.m4s$/gm)) {
      const address = new URL(uri, `http://x${url}`).pathname;
      answers.set(address, toText(await fetch(address)));
    }
  }
  return answers;
}

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A pass of retention as the program makes it. */
async function retain({ deps, catalog, clock }: StreamsRig, reader: RangeReader): Promise<void> {
  await new Retention({
    segments: deps.recordings.segments,
    table: deps.recordings.table,
    chunks: deps.recordings.chunks,
    clock,
    horizons: deps.recordings.horizons,
    settings: deps.settings,
    streams: () => catalog.recordings.retentionRules,
    onDeletedBefore: (streamId, us) => catalog.recordings.setDeletedBefore(streamId, us),
    release: (location) => reader.forget(location),
    deleted() {},
    failed: (error) => assert.fail(String(error)),
  }).pass();
}

/** The store that a crash of the system leaves. */
function openAfterCrash(engine: Engine, store: SegmentStore, folder: string): SegmentStore {
  return store instanceof MemorySegmentStore ? store.crash() : engine.open(folder);
}

/**
 * Media for this many seconds. The disk keeps up: otherwise the recorder syncs each file, no longer each
 * segment.
 */
async function flow(rig: StreamsRig, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    rig.source('door').flow(1000);
    await rig.settle();
  }
}

/** Plays the same on an engine; gives all answers before and after a crash. */
async function playOn(engine: Engine): Promise<Map<string, string>> {
  await using folder = await temporaryFolder();
  await using segments = engine.open(folder.path);
  await using rig = await openStreams({ folder: folder.path, segments, config });
  await rig.api.create('door', testSource);
  await flow(rig, 12);
  rig.source('door').down(0);
  await rig.settle();
  rig.clock.advance(20_000);
  await flow(rig, 8);
  const before = await everythingOf(rig);
  const lived = await timeline(rig);
  assert.ok([...before.keys()].filter((url) => url.endsWith('.m4s')).length >= 6);

  await using left = await rig.crash();
  await using survived = openAfterCrash(engine, segments, left.path);
  await using again = await openStreams({ folder: left.path, segments: survived, config, nowMs: START_MS + 60_000 });
  assert.deepEqual((await timeline(again)).slice(0, lived.length - 1), lived.slice(0, -1));
  const after = await everythingOf(again);
  const recorded = [...after.keys()].filter((url) => url.endsWith('.m4s')).length;
  assert.ok(recorded >= 6, `${recorded} segments are recorded`);
  for (const [url, bytes] of before) {
    if (/\.(m4s|mp4|mkv|ts|jpg)$/.test(url) && after.has(url)) assert.equal(after.get(url), bytes, url);
  }

  // Retention: the index first, the bytes a minute later; readers let go of them.
  using reader = openRangeReader(survived);
  const fetch = createFetch(again, reader);
  const { id } = again.catalog.get('door').definition;
  const segment = [...before.keys()].find((url) => url.endsWith('.m4s'))!;
  await fetch(segment);
  await again.api.stop('door');
  await again.settle();
  again.clock.advance(config.record.keep + HOUR_MS);
  await retain(again, reader);
  await assert.rejects(fetch(segment), { code: 'gone' });
  again.clock.advance(2 * HOUR_MS);
  await retain(again, reader);
  const chunks = async () =>
    (await Array.fromAsync(survived.list(recordingPrefix(id)))).filter((one) => /\.mp4$/.test(one));
  assert.deepEqual(await chunks(), []);

  // Recording continues, and deleting the stream deletes everything.
  await again.api.start('door');
  await flow(again, 6);
  assert.equal((await chunks()).length, 1);
  await again.api.remove('door', { recordings: 'delete' });
  assert.deepEqual(await Array.fromAsync(survived.list(recordingPrefix(id))), []);
  return new Map([...before, ...[...after].map(([url, bytes]) => [`after the crash: ${url}`, bytes] as const)]);
}

test('a recording behaves the same on every engine, with the same bytes in every response', async () => {
  const [first, ...others] = await Promise.all(engines.map(playOn));
  assert.ok(first!.size > 12, `${first!.size} answers`);
  for (const other of others) {
    assert.deepEqual([...other.keys()], [...first!.keys()]);
    for (const [url, bytes] of other) assert.equal(bytes, first!.get(url), url);
  }
});
