import assert from 'node:assert/strict';
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { parseMediaAddress } from '../../api/media-address.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { bytesOf } from '../../delivery/delivery.fixture.ts';
import { createMediaRouter } from '../../delivery/media-router.ts';
import { Stills } from '../../delivery/stills.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openStore } from '../../store/db.ts';
import { adoptRecordings } from '../stream-table.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder, timeline } from '../streams.fixture.ts';
import { checkIndex, checkSums, rebuildIndex } from './rebuild.ts';

const testSource = { source: { type: 'test' } } as const;
const { signal } = new AbortController();

/** Everything that anyone can learn of a stream's past: timeline, lists, every segment's bytes. */
async function allOf(rig: StreamsRig, name: string) {
  await using reader = openRangeReader(rig.segments);
  const stills = new Stills({ makeStill: assert.fail, reader, signal });
  const answer = createMediaRouter({
    find: (name) => rig.catalog.find(name)?.served,
    clock: rig.clock,
    reader,
    stills,
  });
  const bytes = async (url: string) => {
    const reply = await answer(parseMediaAddress(url)!, new URLSearchParams(), { signal });
    return Buffer.from(await bytesOf(reply, reader));
  };
  const timeline = await rig.api.timeline(name, 0, START_MS + 3600_000);
  const answers: Record<string, string> = {};
  for (const { from, rev } of timeline.windows) {
    const url = `/vod/${name}/${from}/${from + 600}/v${rev}/av0.m3u8`;
    const list = (await bytes(url)).toString();
    answers[url] = list;
    const named = [...list.matchAll(/(?:^|")((?:\.\.\/)+live\/[^"\n]+)/gm)].map(
      ([, uri]) => new URL(uri!, `http://x${url}`).pathname,
    );
    for (const one of named) answers[one] = (await bytes(one)).toString('base64');
  }
  return { timeline, answers };
}

/** A stream that went through a source that was down, a stop, and two windows. */
async function play(rig: StreamsRig, name: string): Promise<void> {
  await rig.api.create(name, testSource);
  rig.source(name).flow(8000);
  rig.source(name).down(20_000);
  rig.source(name).flow(6000);
  await rig.api.stop(name);
  rig.clock.advance(600_000);
  await rig.api.start(name);
  rig.source(name).flow(6000);
  await rig.settle();
}

async function open(folder: string): Promise<StreamsRig> {
  const rig = await openStreams({ folder, nowMs: START_MS + 1_900_000 });
  for (const { name } of rig.catalog.all) await rig.api.stop(name);
  return rig;
}

test('a rebuilt index gives the same timelines, playlists and segments, byte for byte', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await play(rig, 'door');
    await play(rig, 'gate');
  }
  let before: Awaited<ReturnType<typeof allOf>>[];
  {
    await using rig = await open(folder.path);
    before = [await allOf(rig, 'door'), await allOf(rig, 'gate')];
  }
  assert.equal(before[0]!.timeline.gaps.length, 1);
  assert.equal(before[0]!.timeline.windows.length, 2);
  assert.ok(Object.keys(before[0]!.answers).length > 10);
  assert.deepEqual(await checkIndex(folder.path, { signal }), { files: 6, problems: [] });
  const seen: number[] = [];
  const rebuilt = await rebuildIndex(folder.path, { signal, progress: (files) => seen.push(files) });
  assert.deepEqual({ ...rebuilt, segments: 0 }, { streams: 2, files: 6, segments: 0, repaired: 0, unusable: [] });
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
  {
    await using rig = await open(folder.path);
    assert.deepEqual([await allOf(rig, 'door'), await allOf(rig, 'gate')], before);
  }
  // And from nothing but the files.
  for (const name of await readdir(folder.path)) {
    if (name.startsWith('oxbow.db')) await rm(path.join(folder.path, name));
  }
  assert.equal((await rebuildIndex(folder.path, { signal })).files, 6);
  await using rig = await open(folder.path);
  for (const [i, name] of ['door', 'gate'].entries()) {
    const { timeline, answers } = await allOf(rig, name);
    assert.deepEqual(answers, before[i]!.answers);
    // Why nothing was recorded after the end stood in the database alone.
    const known = ({ spans, gaps, windows, runs }: typeof timeline) => ({ spans, gaps, windows, runs });
    assert.deepEqual(known(timeline), known(before[i]!.timeline));
  }
});

test('what follows a crash is a crash by the database, by a rebuild and by a start without either', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  for (const name of ['live', 'over']) {
    await rig.api.create(name, testSource);
    rig.source(name).flow(6500);
  }
  await rig.api.stop('over');
  const tails: string[][] = [];
  for (const how of ['database', 'rebuild', 'files']) {
    await using left = await rig.crash();
    if (how !== 'database') {
      for (const name of await readdir(left.path))
        if (name.startsWith('oxbow.db')) await rm(path.join(left.path, name));
    }
    if (how === 'rebuild') assert.equal((await rebuildIndex(left.path, { signal })).repaired, 1);
    if (how === 'files') {
      await using store = await openStore({ file: path.join(left.path, 'oxbow.db'), log: createSilentLog() });
      await using segments = openLocalSegmentStore({ folder: left.path });
      await adoptRecordings(store, segments, { onlyIfEmpty: true });
    }
    await using next = await openStreams({ folder: left.path, nowMs: START_MS + 60_000 });
    tails.push([(await timeline(next, 'live')).at(-1)!, (await timeline(next, 'over')).at(-1)!]);
  }
  assert.deepEqual(tails, Array(3).fill(['crash 6…60', 'offline 13…60']));
});

test('indexed files that are missing are reported, unusable files are reported and kept', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await play(rig, 'door');
  }
  const names = (await readdir(path.join(folder.path, 'recordings'), { recursive: true }))
    .filter((name) => name.endsWith('.mp4'))
    .sort();
  assert.equal(names.length, 3);
  await rm(path.join(folder.path, 'recordings', names[0]!));
  await writeFile(path.join(folder.path, 'recordings', names[1]!), 'overwritten');
  const torn = path.join(folder.path, 'recordings', names[2]!);
  await truncate(torn, 8000).catch(() => undefined);
  const { files, problems } = await checkIndex(folder.path, { signal });
  assert.deepEqual([files, problems.length], [3, 1]);
  assert.match(problems[0]!, /is in the index but not on the disk/);
  const rebuilt = await rebuildIndex(folder.path, { signal });
  assert.deepEqual([rebuilt.files, rebuilt.repaired, rebuilt.unusable.length], [1, 1, 1]);
  assert.deepEqual((await checkIndex(folder.path, { signal })).problems, []);
});

test('recordings without a database, or with an empty one, differ from the index, and a check creates nothing', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await play(rig, 'door');
  }
  const database = path.join(folder.path, 'oxbow.db');
  const names = await readdir(folder.path);
  assert.deepEqual(await checkIndex(folder.path, { signal }), { files: 3, problems: [] });
  assert.deepEqual(await readdir(folder.path), names);
  for (const name of names) if (name.startsWith('oxbow.db')) await rm(path.join(folder.path, name));
  const missing = await checkIndex(folder.path, { signal });
  assert.deepEqual(missing.problems, ['there is no oxbow.db, but there are 3 recorded files']);
  assert.ok(!(await readdir(folder.path)).includes('oxbow.db'));
  await (await openStore({ file: database, log: createSilentLog() }))[Symbol.asyncDispose]();
  const empty = await checkIndex(folder.path, { signal });
  assert.deepEqual(empty.problems, ['the index is empty, but there are 3 recorded files']);
  await writeFile(database, 'no database at all');
  await assert.rejects(checkIndex(folder.path, { signal }), { code: 'not-ready' });
  assert.equal(await readFile(database, 'utf8'), 'no database at all', 'it is not moved aside');
});

test('rows that a killed server left in the write-ahead log count', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  await play(rig, 'door');
  await using left = await rig.crash();
  assert.ok((await readdir(left.path)).includes('oxbow.db-wal'));
  assert.ok((await checkIndex(left.path, { signal })).files >= 2);
});

test('sums that are not those of the index are found, and a rebuild makes them again', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await play(rig, 'door');
  }
  const tamper = (statement: string) => {
    using db = new DatabaseSync(path.join(folder.path, 'oxbow.db'));
    db.exec(statement);
  };
  const differing = () => checkSums(folder.path, {});
  assert.equal(await differing(), 0);
  tamper('UPDATE recorded_total SET bytes = bytes + 1');
  assert.equal(await differing(), 1);
  await rebuildIndex(folder.path, { signal });
  assert.equal(await differing(), 0);
  tamper('UPDATE recorded_quarter SET first_us = first_us - 1');
  assert.equal(await differing(), 1);
  await rebuildIndex(folder.path, { signal });
  assert.equal(await differing(), 0);
});

test('a folder that a server uses is refused', async () => {
  await using folder = await temporaryFolder();
  await using _rig = await openStreams({ folder: folder.path });
  const inUse = (error: unknown) => error instanceof OxbowError && error.code === 'data-in-use';
  await assert.rejects(rebuildIndex(folder.path, { signal }), inUse);
  await assert.rejects(checkIndex(folder.path, { signal }), inUse);
});

test('the index of a server of several processes is rebuilt; that of nodes with their own folders is refused', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await play(rig, 'door');
  }
  const register = async (names: readonly string[]) => {
    await using store = await openStore({ file: path.join(folder.path, 'oxbow.db'), log: createSilentLog() });
    await store.db.deleteFrom('node').execute();
    const node = { url: 'http://127.0.0.1:1', roles: '[]', version: '', started_us: 0, draining_us: null, ended_us: 1 };
    await store.db
      .insertInto('node')
      .values(names.map((name) => ({ ...node, name })))
      .execute();
  };
  await register(['process-1', 'process-2']);
  assert.ok((await rebuildIndex(folder.path, { signal })).files > 0);
  await register(['a', 'b']);
  await assert.rejects(rebuildIndex(folder.path, { signal }), { code: 'bad-request', message: /cluster \(a, b\)/ });
});

test('an aborted rebuild continues at the next start', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await play(rig, 'door');
  }
  const controller = new AbortController();
  const progress = () => controller.abort(new Error('enough'));
  await assert.rejects(rebuildIndex(folder.path, { signal: controller.signal, progress }), /enough/);
  await using rig = await open(folder.path);
  assert.equal((await rig.api.timeline('door', 0, START_MS + 3600_000)).spans.length, 3);
});
