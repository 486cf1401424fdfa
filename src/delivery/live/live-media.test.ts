import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { printInit } from '@oxbow/media/isobmff/init';
import { OxbowError } from '../../lib/errors.ts';
import { slabPool } from '../../lib/memory/slab-pool.ts';
import { DEFAULT_LIMITS } from '../../packager/live-window.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { generation, makeGroup, openDelivery, openLive, tracks } from '../delivery.fixture.ts';
import type { Reply } from '../reply.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

suite('segments and parts', () => {
  test('a request for the hinted part waits and gets all of it; a request for another missing part does not wait', async () => {
    await using live = await openLive();
    const pending = live.get('/live/door/av0/103.2.m4s');
    live.part({ msn: 103 }, 2);
    const reply = await pending;
    assert.equal(reply.cacheControl, 'public, max-age=31536000, immutable');
    const expected = await Promise.all(
      ['v0', 'a0'].map(async (id) => live.bytes(await live.get(`/live/door/${id}/103.2.m4s`))),
    );
    assert.deepEqual(await live.bytes(reply), Uint8Array.from(Buffer.concat(expected)));
    for (const part of ['103.5', '104.0', '99.0', '100.10']) {
      await assert.rejects(live.get(`/live/door/av0/${part}.m4s`), (error) => error instanceof OxbowError);
    }
  });

  test('a hinted part of a list that ended never comes, though the next generation gives its name to other media', async () => {
    await using live = await openLive();
    const pending = live.get('/live/door/av0/103.2.m4s');
    live.listWriter.begin({ ...generation, number: 8 }, tracks);
    live.live({ msn: 103 });
    await assert.rejects(pending, refusal('not-found'));
    assert.ok((await live.get('/live/door/av0/103.2.m4s')).length > 0);
  });

  test('are the same bytes from memory and from the chunk file, open or sealed: the parts in sequence', async () => {
    const limits = { ...DEFAULT_LIMITS, memoryUs: 3_000_000 };
    await using live = await openDelivery({ limits });
    live.listWriter.begin(generation, tracks);
    const first = live.live({ msn: 100 });
    const urls = ['av0/100', 'v0/100', 'a0/100', 'av0/100.0', 'av0/100.9', 'a0/100.3'].map(
      (url) => `/live/door/${url}.m4s`,
    );
    const read = async () => Promise.all(urls.map(async (url) => live.bytes(await live.get(url))));
    const inMemory = await read();
    const parts = Array.from({ length: 10 }, (_, i) => live.get(`/live/door/av0/100.${i}.m4s`));
    const inParts = await Promise.all(parts.map(async (part) => live.bytes(await part)));
    assert.deepEqual(inMemory[0], Uint8Array.from(Buffer.concat(inParts)));
    await live.record(first);
    live.listWriter.recorded(100);
    for (const msn of [101, 102, 103]) live.live({ msn });
    assert.equal(live.list.find(100)!.bytes, undefined, 'it left memory');
    assert.deepEqual(await read(), inMemory);
    await live.rig.recorder.seal();
    assert.deepEqual(await read(), inMemory);
    // The next request is answered from memory, until retention.
    const ready = async (rendition: string) => {
      const reply = live.lookup.findRecorded({ kind: 'segment', stream: 'door', rendition, msn: 100 });
      return reply && live.bytes(reply);
    };
    for (const [i, rendition] of ['av0', 'v0', 'a0'].entries()) assert.deepEqual(await ready(rendition), inMemory[i]);
    assert.equal(await ready('v9'), undefined);
    live.state.horizonUs = Number.POSITIVE_INFINITY;
    assert.equal(await ready('av0'), undefined);
  });

  test('that were answered keep their bytes when they leave memory; the memory of others is used again', async () => {
    await using live = await openDelivery({ limits: { ...DEFAULT_LIMITS, memoryUs: 3_000_000 } });
    live.listWriter.begin(generation, tracks);
    const blocks = [100, 101, 102, 103, 104, 105].map((msn) => {
      live.open({ msn });
      live.part({ msn }, 0);
      const group = makeGroup({ msn }, live.init);
      const moved = group.tracks.map((track) => {
        const block = slabPool.take(track.bytes.length);
        block.set(track.bytes);
        return { ...track, bytes: block.subarray(0, track.bytes.length) };
      });
      live.listWriter.seal({ ...group, tracks: moved });
      return moved[0]!.bytes;
    });
    const replies = [await live.get('/live/door/av0/100.m4s'), await live.get('/live/door/av0/101.0.m4s')];
    const before = await Promise.all(replies.map(async (reply) => (await live.bytes(reply)).slice()));
    live.listWriter.recorded(105);
    assert.equal(live.list.find(102)!.bytes, undefined, 'it left memory');
    assert.equal(blocks[2]!.length, 0);
    slabPool.take(before[0]!.length).fill(0);
    assert.deepEqual(await Promise.all(replies.map((reply) => live.bytes(reply))), before);
  });

  test('whose tracks lie the other way round in the file are still video first', async () => {
    await using live = await openDelivery();
    const swapped = [
      { ...tracks[1]!, id: 1 },
      { ...tracks[0]!, id: 2 },
    ] as const;
    const init = live.inits.of(swapped);
    live.listWriter.begin(generation, swapped);
    const group = live.live({ msn: 100, init });
    const before = await live.bytes(await live.get('/live/door/av0/100.m4s'));
    await live.record(group);
    live.listWriter.begin({ ...generation, number: 8 }, swapped);
    live.listWriter.begin({ ...generation, number: 9 }, swapped);
    assert.equal(live.list.find(100), undefined);
    const reply = await live.get('/live/door/av0/100.m4s');
    assert.deepEqual(await live.bytes(reply), before);
  });

  test('are 410 once retention took them, 404 where there never was one; parts are 410 when their segment left the list', async () => {
    await using live = await openDelivery({ limits: { ...DEFAULT_LIMITS, windowUs: 12_000_000 } });
    live.listWriter.begin(generation, tracks);
    for (let msn = 100; msn < 112; msn++) await live.record(live.live({ msn }));
    assert.equal(live.list.find(100), undefined);
    assert.ok(await live.get('/live/door/av0/100.m4s'));
    await assert.rejects(live.get('/live/door/av0/100.0.m4s'), refusal('gone'));
    await live.rig.recorder.seal();
    await live.rig.table.clear('s');
    await live.record(live.live({ msn: 112 }));
    await assert.rejects(live.get('/live/door/av0/100.m4s'), refusal('gone'));
    await assert.rejects(live.get('/live/door/av0/113.m4s'), refusal('not-found'));
    await assert.rejects(live.get('/live/door/av0/999999.m4s'), refusal('not-found'));
    await assert.rejects(live.get('/live/door/v9/112.m4s'), refusal('not-found'));
  });

  test('have an ETag of their name and the CRC-32 of their bytes: the same in memory and in the file, another for other bytes', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    const group = live.live({ msn: 100 });
    const tagOf = async (path: string) => (await live.get(path)).etag!;
    const paths = ['/live/door/av0/100.m4s', '/live/door/v0/100.m4s', '/live/door/av0/100.3.m4s'];
    const inMemory = await Promise.all(paths.map(tagOf));
    const hex = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, '0');
    assert.equal(inMemory[0], `av0-100-${group.tracks.map(({ bytes }) => hex(bytes)).join('-')}`);
    assert.equal(inMemory[1], `v0-100-${hex(group.tracks[0]!.bytes)}`);
    assert.match(inMemory[2]!, /^av0-100\.3-[0-9a-f]{8}-[0-9a-f]{8}$/);
    for (const [i, name] of ['av0', 'v0'].entries()) {
      const now = live.lookup.find(
        { kind: 'segment', stream: 'door', rendition: name, msn: 100 },
        new URLSearchParams(),
      );
      assert.equal((now as Reply).etag, inMemory[i]);
    }
    await live.record(group);
    live.listWriter.recorded(100);
    for (let msn = 101; msn < 110; msn++) live.live({ msn });
    assert.equal(live.list.find(100)!.bytes, undefined, 'it left memory');
    assert.deepEqual(await Promise.all(paths.map(tagOf)), inMemory);

    await using other = await openDelivery();
    other.listWriter.begin(generation, tracks);
    other.live({ msn: 100, run: 2 });
    for (const [i, path] of paths.entries()) assert.notEqual((await other.get(path)).etag, inMemory[i]);
    for (const path of ['/live/door/ts/100.ts', `/live/door/av0/init-${live.init.number}.mp4`]) {
      assert.match(await tagOf(path), /-[0-9a-f]{8}$/);
    }
  });

  test('are 410 between pinned windows and after a restart, 404 where a number was never used', async () => {
    await using live = await openDelivery();
    const us = (seconds: number) => START_US + seconds * 1_000_000;
    // What a process before this one recorded: a pinned stretch, a deleted one, and what is kept.
    await live.record(makeGroup({ msn: 100, startUs: us(0) }, live.init));
    await live.record(makeGroup({ msn: 200, run: 2, startUs: us(600) }, live.init));
    await live.record(makeGroup({ msn: 300, run: 3, startUs: us(900) }, live.init));
    live.state.horizonUs = us(600);
    const codeOf = async (path: string) => {
      const error: unknown = await live.get(path).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return error instanceof OxbowError ? error.code : 'found';
    };
    for (const [msn, code] of [
      [3, 'not-found'], // before the first of the stream's life
      [50, 'gone'],
      [100, 'found'],
      [150, 'gone'],
      [200, 'found'],
      [250, 'not-found'], // nothing of after the horizon was deleted
      [300, 'found'],
      [3_000_000, 'not-found'],
    ] as const) {
      for (const path of [`/live/door/av0/${msn}.m4s`, `/live/${msn}.ts`]) assert.equal(await codeOf(path), code, path);
    }
    await live.rig.recorder.seal();
    await live.rig.table.clear('s');
    live.state.horizonUs = us(3600);
    assert.deepEqual(
      [await codeOf('/live/door/av0/200.m4s'), await codeOf('/live/door/av0/3.m4s')],
      ['gone', 'not-found'],
    );
  });

  test('init sections are those of the rendition, for good', async () => {
    await using live = await openLive();
    const reply = await live.get(`/live/door/a0/init-${live.init.number}.mp4`);
    assert.deepEqual(await live.bytes(reply), printInit([tracks[1]!]));
    assert.match(reply.cacheControl, /immutable/);
    assert.deepEqual(
      await live.bytes(await live.get(`/live/door/av0/init-${live.init.number}.mp4`)),
      printInit(tracks),
    );
    await assert.rejects(live.get('/live/door/av0/init-99.mp4'), refusal('not-found'));
    await assert.rejects(live.get(`/live/door/a7/init-${live.init.number}.mp4`), refusal('not-found'));
  });
});
