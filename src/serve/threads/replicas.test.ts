import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Frame } from '@oxbow/media/frame';
import { WatchTokens } from '../../accounts/watch-tokens.ts';
import { type LiveAddress, parseMediaAddress } from '../../api/media-address.ts';
import { MemorySegmentStore } from '../../archive/memory-segment-store.fixture.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { ContentKeys, deriveSettings } from '../../delivery/encryption/content-keys.ts';
import { EncryptedReplies } from '../../delivery/encryption/encrypted-replies.ts';
import { createLiveLookup, type LiveLookup } from '../../delivery/live/live-lookup.ts';
import { findWindow } from '../../delivery/live/quality-window.ts';
import { type CachedSegment, SegmentCache } from '../../delivery/live/segment-cache.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { ServedLiveStream } from '../../delivery/served-stream.ts';
import { audioFrames, audioTrack, interleave, videoFrames, videoTrack } from '../../live/frames.fixture.ts';
import { createFollowerRig, Repacketizer } from '../../packager/follower.fixture.ts';
import { firstOpenOf, lastSealedOf } from '../../packager/live-segment.ts';
import { continuous, createPackagerRig, type PackagerRig } from '../../packager/packager.fixture.ts';
import type { StreamAccess, ToThread } from './messages.ts';
import { ReplicaFeed } from './replica-feed.ts';
import { Replicas } from './replicas.ts';

const both = [videoTrack(), audioTrack()] as const;
const secret = Buffer.from('a secret of sixteen or more');
const everyone: StreamAccess = { sharing: 'all', isAsked: false, epoch: 0, targetDurationMs: 2000, horizonUs: 0 };

/**
 * A stream of the main thread, its feed, and the replicas of a thread; messages are cloned as between
 * threads.
 */
async function openPair(mediaFolder = tmpdir()) {
  const rig = createPackagerRig();
  const state = {
    access: everyone,
    list: rig.list as PackagerRig['list'] | undefined,
    contentKeys: undefined as ContentKeys | undefined,
    atMs: 0,
    nowMs: Date.now(),
    shared: 0,
  };
  const quality = createFollowerRig(rig);
  const horizonUs = () => 0;
  const served: ServedLiveStream = {
    name: 'door~180',
    list: quality.list,
    horizonUs,
    get source() {
      return find('door');
    },
  };
  const qualities = new Map([['180', served]]);
  const find = (name: string): ServedLiveStream | undefined =>
    findWindow<ServedLiveStream>((one) => {
      const { list, contentKeys } = state;
      return one === 'door' && list ? { name: one, list, horizonUs, qualities, contentKeys } : undefined;
    }, name);
  const sent: ToThread['do'][] = [];
  const asked: string[] = [];
  const replicas: Replicas = await Replicas.open({
    mediaFolder,
    watchSecret: secret,
    nowMs: () => state.nowMs,
    monotonicMs: () => state.atMs,
    subscribe: (name) => feed.subscribe(name),
    unsubscribe: (name) => feed.unsubscribe(name),
    askHolder: ({ id }) => asked.push(id),
    shared: (bytes) => (state.shared += bytes),
  });
  const feed = new ReplicaFeed({
    find,
    accessOf: () => ({ ...state.access, contentKeys: state.contentKeys?.settings }),
    post(message) {
      sent.push(message.do);
      replicas.take(structuredClone(message));
    },
  });
  const reader = openRangeReader(new MemorySegmentStore());
  const own = createLiveLookup(find, new SegmentCache(reader), new EncryptedReplies({ reader }));
  return {
    rig,
    quality,
    state,
    replicas,
    feed,
    own,
    sent,
    asked,
    async [Symbol.asyncDispose]() {
      feed[Symbol.dispose]();
      await replicas[Symbol.asyncDispose]();
      reader[Symbol.dispose]();
    },
  };
}

const frames: readonly Frame[] = interleave(both, [
  videoFrames({ track: both[0], seconds: 9, rate: 25, gopS: 1 }),
  audioFrames({ track: both[1], seconds: 9, startS: 10 }),
]);

async function publish({ stream }: PackagerRig, from: number, to: number): Promise<void> {
  if (from === 0) stream.startRun(continuous(both));
  for (const frame of frames.slice(from, to)) stream.publish(frame);
  await Promise.resolve(); // messages of a turn go together at its end
}

const addressOf = (path: string) => parseMediaAddress(path) as LiveAddress;

/** The text of a playlist, the bytes of media, or the key of a pending reply. */
function look(lookup: LiveLookup, path: string, query = ''): unknown {
  const found = lookup.find(addressOf(path), new URLSearchParams(query));
  if (!found || 'look' in found) return found && `waits: ${found.key}`;
  return Buffer.concat((found as Reply).body as Uint8Array[]).toString('latin1');
}

suite('replicas of a serving thread', () => {
  test('are subscribed at the first request, and then equal to the main thread’s streams', async () => {
    await using pair = await openPair();
    const { rig, replicas, own, sent } = pair;
    await publish(rig, 0, 300);
    assert.equal(replicas.lookup.list('door'), undefined, 'the slow path, this time');
    const { number } = rig.list.generation!;
    const list = `/live/door/av0/g${number}.m3u8`;
    for (let at = 300; at + 50 <= frames.length; at += 50) {
      await publish(rig, at, at + 50);
      assert.ok(replicas.lookup.list('door'));
      const { msn } = firstOpenOf(rig.list.segments)!;
      for (const [path, query] of [
        ['/live/door/index.m3u8', ''],
        [list, ''],
        [list, '_HLS_skip=YES'],
        [list, `_HLS_msn=${msn}`],
        [`/live/door/av0/${msn}.0.m4s`, ''],
        [`/live/door/av0/${msn - 1}.m4s`, ''],
      ] as const) {
        assert.deepEqual(look(replicas.lookup, path, query), look(own, path, query), `${path} ${query}`);
      }
    }
    assert.ok(pair.state.shared >= rig.list.memoryBytes, 'shared memory was counted, for a collection in time');
    assert.equal(sent[0], 'stream');
    assert.deepEqual(new Set(sent.slice(1)), new Set(['changes']));
  });

  test('give the segments of an encrypted stream encrypted, with the same keys, at once', async () => {
    await using pair = await openPair();
    const { rig, replicas, own, feed, state } = pair;
    await publish(rig, 0, 400);
    replicas.lookup.list('door');
    const { msn } = firstOpenOf(rig.list.segments)!;
    const list = `/live/door/av0/g${rig.list.generation!.number}.m3u8`;
    const clear = `/live/door/av0/${msn - 1}.m4s`;
    const bytes = look(replicas.lookup, clear);
    state.contentKeys = new ContentKeys(deriveSettings(Buffer.from('a secret of a server'), 'stream/door', 2));
    feed.check('door');
    const { name } = state.contentKeys.at(msn - 1);
    assert.throws(() => look(replicas.lookup, clear), { code: 'media-encrypted' });
    assert.throws(() => look(replicas.lookup, '/live/door/index.mpd'), { code: 'media-encrypted' });
    assert.match(look(replicas.lookup, list) as string, new RegExp(`URI="\\.\\./keys/${name}\\.key"`));
    for (const path of [list, `/live/door/av0/k${name}/${msn - 1}.m4s`, `/live/door/av0/k${name}/${msn - 1}.0.m4s`]) {
      assert.deepEqual(look(replicas.lookup, path), look(own, path), path);
      assert.notEqual(look(replicas.lookup, path), bytes);
    }
  });

  test('end when the stream is replaced or removed: pending requests use the slow path', async () => {
    await using pair = await openPair();
    const { rig, replicas, feed, state } = pair;
    await publish(rig, 0, 300);
    replicas.lookup.list('door');
    const list = `/live/door/av0/g${rig.list.generation!.number}.m3u8`;
    const query = new URLSearchParams(`_HLS_msn=${firstOpenOf(rig.list.segments)!.msn}`);
    const waiting = replicas.lookup.find(addressOf(list), query);
    assert.ok(waiting && 'look' in waiting);
    state.list = createPackagerRig().list;
    feed.check('door');
    assert.throws(waiting.look, { code: 'stream-offline' });
    assert.equal(replicas.lookup.list('door'), undefined);
    assert.equal(replicas.access('door'), undefined);
  });

  test('have the access that the main thread sends, at once', async () => {
    await using pair = await openPair();
    const { rig, replicas, feed, state } = pair;
    await publish(rig, 0, 300);
    replicas.lookup.list('door');
    const tokens = await WatchTokens.open({
      secret,
      epochs: { all: async () => [], put: async () => {}, remove: async () => {} },
    });
    const token = tokens.sign('door', state.nowMs + 60_000);
    const path = '/live/door/index.m3u8';
    assert.ok(replicas.mayWatch(token, addressOf(path)));
    assert.ok(!replicas.mayWatch(token, addressOf('/live/other/index.m3u8')));
    state.access = { ...everyone, sharing: 'some' };
    feed.check();
    assert.equal(replicas.access('door')!.sharing, 'some');
    assert.ok(replicas.mayWatch(token, addressOf(path)));
    state.access = { ...state.access, epoch: 1 };
    feed.check('door');
    assert.ok(!replicas.mayWatch(token, addressOf(path)));
    const next = new Map([['door', 1]]);
    tokens.learn('door', next.get('door')!);
    const again = tokens.sign('door', state.nowMs + 60_000);
    assert.ok(replicas.mayWatch(again, addressOf(path)));
    state.nowMs += 61_000;
    assert.ok(!replicas.mayWatch(again, addressOf(path)), 'it has expired');
    assert.ok(replicas.mayWatch(again, addressOf('/live/door/av0/1.m4s')), 'media for two target durations more');
  });

  test('ask the main thread about the account of a token, once, until the account changes', async () => {
    await using pair = await openPair();
    const { rig, replicas, state, asked } = pair;
    await publish(rig, 0, 300);
    replicas.lookup.list('door');
    const tokens = await WatchTokens.open({
      secret,
      epochs: { all: async () => [], put: async () => {}, remove: async () => {} },
    });
    const holder = { id: 'ann', isAdmin: false };
    const token = tokens.sign('door', state.nowMs + 60_000, holder);
    const mayWatch = () => replicas.mayWatch(token, addressOf('/live/door/index.m3u8'));
    assert.deepEqual([mayWatch(), mayWatch(), asked], [false, false, ['ann']], 'meanwhile the main thread answers');
    replicas.take({ do: 'holder', holder, lasts: true });
    assert.ok(mayWatch());
    replicas.take({ do: 'holder-changed', id: 'ann' });
    assert.deepEqual([mayWatch(), asked], [false, ['ann', 'ann']]);
    replicas.take({ do: 'holder', holder, lasts: false });
    assert.ok(!mayWatch());
  });

  test('a recorded segment of the cache is read at its first request, and in memory for the next ones', async () => {
    await using gone = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-replicas-'));
    gone.defer(() => rm(folder, { recursive: true }));
    await using pair = await openPair(folder);
    const { rig, replicas } = pair;
    await publish(rig, 0, 300);
    replicas.lookup.list('door');
    const location = segmentLocation('one.mp4');
    await writeFile(join(folder, location), 'before the segment after');
    const address = addressOf('/live/door/v0/7.m4s');
    const segment: CachedSegment = {
      reply: { contentType: 'video/mp4', cacheControl: 'no-store', length: 11 },
      ranges: [{ location, offset: 7, length: 11, crc: crc32('the segment') }],
      startUs: 1,
    };
    assert.equal(replicas.lookup.findRecorded(address), undefined);
    replicas.take({ do: 'segment', name: 'door', key: 'v0-7', segment });
    assert.equal(replicas.blockBytes, 0);
    assert.equal(replicas.lookup.findRecorded(address), undefined, 'the read has begun');
    let reply: Reply | undefined;
    while (!reply) {
      await new Promise((resolve) => setImmediate(resolve));
      reply = replicas.lookup.findRecorded(address);
    }
    assert.equal(String(Buffer.concat(reply.body as Uint8Array[])), 'the segment');
    assert.ok(replicas.blockBytes > 0);
    replicas.take({ do: 'forget', prefix: location });
    assert.equal(replicas.lookup.findRecorded(address), undefined);
    replicas.take({ do: 'access', name: 'door', access: { ...everyone, horizonUs: 2 } });
    assert.equal(replicas.lookup.findRecorded(address), undefined, 'it was deleted');
  });

  test('without recent requests are removed, in both threads', async () => {
    await using pair = await openPair();
    const { rig, replicas, feed, state, sent } = pair;
    await publish(rig, 0, 300);
    replicas.lookup.list('door');
    state.atMs = 29_000;
    replicas.sweep();
    assert.ok(feed.has('door'));
    replicas.lookup.list('door');
    state.atMs = 58_000;
    replicas.sweep();
    assert.ok(feed.has('door'), 'it was requested meanwhile');
    const list = replicas.lookup.list('door')!;
    state.atMs = 87_000;
    assert.ok(replicas.lookup.isCurrent('door', list), 'a check is no request');
    state.atMs = 89_000;
    replicas.sweep();
    assert.ok(!feed.has('door'));
    const before = sent.length;
    await publish(rig, 300, 350);
    assert.equal(sent.length, before, 'no more messages');
  });

  test('missing streams are subscribed once a second, at most a thousand of them', async () => {
    await using pair = await openPair();
    const { replicas, feed, state } = pair;
    const requested: string[] = [];
    feed.subscribe = (name: string) => void requested.push(name);
    for (let i = 0; i < 3000; i++) replicas.lookup.list(`missing-${i}`);
    for (let i = 0; i < 3; i++) replicas.lookup.list('missing-0');
    assert.equal(requested.length, 1000);
    state.atMs = 1000;
    replicas.sweep();
    replicas.lookup.list('missing-0');
    assert.equal(requested.length, 1001);
  });
});

test('a thread has a replica of each quality that is requested; without one of the stream it has no access', async () => {
  await using pair = await openPair();
  const { rig, quality, replicas, own, feed, state } = pair;
  rig.stream.sinks.attach(new Repacketizer(quality.follower, 0.5), { name: 'encoder' });
  await publish(rig, 0, 400);
  const paths = ['index.m3u8', 'av0-180/g1.m3u8', `v0-180/${lastSealedOf(quality.list.segments)!.msn}.m4s`];
  const compare = () => {
    for (const path of paths) {
      const address = addressOf(`/live/door/${path}`);
      const [mine, theirs] = [own, replicas.lookup].map(
        (lookup) => lookup.find(address, new URLSearchParams()) as Reply,
      );
      assert.ok(mine, path);
      assert.equal(theirs?.etag, mine.etag, path);
    }
  };
  assert.equal(replicas.lookup.find(addressOf('/live/door/av0-180/g1.m3u8'), new URLSearchParams()), undefined);
  assert.ok(feed.has('door'), 'access is that of the stream');
  replicas.lookup.list('door~180');
  compare();
  await publish(rig, 400, 600);
  paths.push(`av0-180/${lastSealedOf(quality.list.segments)!.msn}.m4s`);
  compare();
  state.list = undefined;
  feed.check('door');
  assert.equal(replicas.lookup.list('door~180'), undefined);
});
