import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../../lib/errors.ts';
import type { Emitter } from '../../lib/events.ts';
import { type Delivery, generation, openLive, tracks } from '../delivery.fixture.ts';
import type { Reply } from '../reply.ts';

const never = new AbortController().signal;

/** Reads a growing reply in the background. */
function read({ grows }: Reply, signal = never): { readonly chunks: Uint8Array[]; readonly done: Promise<void> } {
  const chunks: Uint8Array[] = [];
  const done = (async () => {
    for await (const bytes of grows!({ signal })) chunks.push(bytes);
  })();
  done.catch(() => {});
  return { chunks, done };
}

const turn = () => new Promise(setImmediate);

async function finish(live: Delivery, from: number): Promise<Uint8Array> {
  for (let i = from; i < 10; i++) live.part({ msn: 103 }, i);
  live.seal({ msn: 103 });
  return live.bytes(await live.get('/live/door/v0/103.m4s'));
}

const isRefused = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

suite('the segment in progress (docs/media.md 28)', () => {
  test('is answered at once, part by part, and has the bytes of the complete segment; no cache keeps it', async () => {
    await using live = await openLive();
    const reply = await live.get('/live/door/v0/103.m4s');
    assert.deepEqual([reply.cacheControl, reply.contentType, reply.etag], ['no-store', 'video/iso.segment', undefined]);
    const { chunks, done } = read(reply);
    await turn();
    assert.equal(chunks.length, 2);
    live.part({ msn: 103 }, 2);
    await turn();
    assert.equal(chunks.length, 3, 'each chunk is a whole part');
    const whole = await finish(live, 3);
    await done;
    assert.deepEqual(Buffer.concat(chunks), Buffer.from(whole));
  });

  test('ends as soon as its track has begun the next segment, before other tracks have closed it', async () => {
    await using live = await openLive();
    const { chunks, done } = read(await live.get('/live/door/v0/103.m4s'));
    for (let i = 2; i < 10; i++) live.part({ msn: 103 }, i);
    await turn();
    live.open({ msn: 104 });
    live.part({ msn: 104, without: [2] }, 0);
    await done;
    const whole = await finish(live, 10);
    assert.deepEqual(Buffer.concat(chunks), Buffer.from(whole));
  });

  test('waits for its first part', async () => {
    await using live = await openLive();
    for (let i = 2; i < 10; i++) live.part({ msn: 103 }, i);
    live.seal({ msn: 103 });
    live.open({ msn: 104 });
    const asked = live.get('/live/door/a0/104.m4s');
    await turn();
    live.part({ msn: 104 }, 0);
    assert.ok((await asked).grows);
  });

  test('ends with an error where the source ends within it, and with the reason where the client leaves', async () => {
    await using live = await openLive();
    const cut = read(await live.get('/live/door/v0/103.m4s'));
    const leaving = new AbortController();
    const left = read(await live.get('/live/door/v0/103.m4s'), leaving.signal);
    await turn();
    leaving.abort(new DOMException('the viewer disconnected', 'AbortError'));
    await assert.rejects(left.done, { name: 'AbortError' });
    live.listWriter.end();
    await assert.rejects(cut.done, isRefused('gone'));
    assert.equal((live.list.changes as Emitter<void>).size, 0, 'nothing waits any more');
  });

  test('muxed renditions, segments that have not begun and lists without parts have none', async () => {
    await using live = await openLive();
    for (const path of ['/live/door/av0/103.m4s', '/live/door/v0/104.m4s', '/live/door/v9/103.m4s'])
      await assert.rejects(live.get(path), isRefused('not-found'), path);
    const { parts: _, ...plain } = generation;
    live.listWriter.begin({ ...plain, number: 8, firstMsn: 104 }, tracks);
    live.open({ msn: 104 });
    await assert.rejects(live.get('/live/door/v0/104.m4s'), isRefused('not-found'));
  });
});
