import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { KeyTag, MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import { parseMediaAddress } from '../../api/media-address.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, makeGroup, openDelivery, openLive, tracks } from '../delivery.fixture.ts';
import { isPending } from '../live/pending-reply.ts';
import type { BodyPart, Reply } from '../reply.ts';
import { ContentKeys, deriveSettings } from './content-keys.ts';
import { EncryptedReplies, encryptedLength } from './encrypted-replies.ts';

const startS = START_US / 1_000_000;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const keysFor = (keyEvery: number, owner = 'stream/door') =>
  new ContentKeys(deriveSettings(Buffer.from('a secret of the server'), owner, keyEvery));

/** The stream of a rig, encrypted or clear from now on. */
function encrypt({ stream }: Delivery, contentKeys: ContentKeys | undefined): void {
  Object.assign(stream, { contentKeys });
}

function decrypt(bytes: Uint8Array, key: Uint8Array, ivHex: string): Uint8Array {
  const decipher = createDecipheriv('aes-128-cbc', key, Buffer.from(ivHex, 'hex'));
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

/** The path of an address in a playlist. */
const pathIn = (list: string, uri: string) => new URL(uri, `http://oxbow${list}`).pathname;

/** Each resource of a list with its key. */
function resourcesOf(list: MediaPlaylist): { readonly uri: string; readonly key: KeyTag | undefined }[] {
  return list.segments.flatMap(({ uri, key, parts, gap }) =>
    [...parts.map((part) => part.uri), ...(uri === '' || gap ? [] : [uri])].map((one) => ({ uri: one, key })),
  );
}

/**
 * Decrypts everything that a list names and compares it with the clear resource.
 *
 * @returns how many resources and keys there are
 */
async function compareAll(
  delivery: Delivery,
  path: string,
): Promise<{ readonly count: number; readonly keys: number }> {
  const list = parsePlaylist(await delivery.text(path)).playlist as MediaPlaylist;
  const resources = resourcesOf(list);
  const names = new Set<string>();
  for (const { uri, key } of resources) {
    assert.equal(key?.method, 'AES-128');
    assert.match(key.iv ?? '', /^[0-9a-f]{32}$/);
    names.add(key.uri!);
    const bytesOfKey = await delivery.bytes(await delivery.get(pathIn(path, key.uri!)));
    assert.equal(bytesOfKey.length, 16);
    const address = pathIn(path, uri);
    const encrypted = await delivery.bytes(await delivery.get(address));
    const { contentKeys } = delivery.stream;
    encrypt(delivery, undefined);
    const clear = await delivery.bytes(await delivery.get(address.replace(/\/k[0-9a-f]+-\d+\//, '/')));
    encrypt(delivery, contentKeys);
    assert.equal(encrypted.length, encryptedLength(clear.length));
    assert.deepEqual(Buffer.from(decrypt(encrypted, bytesOfKey, key.iv!)), Buffer.from(clear), address);
  }
  for (const { map } of list.segments) assert.equal(map?.key, undefined, 'init sections are clear');
  return { count: resources.length, keys: names.size };
}

suite('the segments of an encrypted stream', () => {
  test('are what their clear ones are, once decrypted with the key of the list: live, with parts, and as MPEG-TS', async () => {
    await using live = await openLive();
    encrypt(live, keysFor(2));
    for (const rendition of ['av0', 'v0', 'a0']) {
      const { count, keys } = await compareAll(live, `/live/door/${rendition}/g7.m3u8`);
      assert.ok(count > 20, 'segments and their parts');
      assert.equal(keys, 2, 'segments 100 and 101 have one key, 102 and 103 the next');
    }
    assert.deepEqual(await compareAll(live, '/live/door/ts/g7.m3u8'), { count: 3, keys: 2 });
    assert.deepEqual(await compareAll(live, '/live/stream.m3u8'), { count: 3, keys: 2 });
  });

  test('are so in the past too: windows of the grid, other ranges, lists that reach back, and catch-up', async () => {
    await using past = await openLive();
    await past.record(...[100, 101, 102].map((msn) => makeGroup({ msn, parts: msn === 102 ? 9 : 10 }, past.init)));
    past.state.settledUs = Number.MAX_SAFE_INTEGER;
    encrypt(past, keysFor(1));
    for (const path of [
      `/vod/door/${startS}/6s/av0.m3u8`,
      `/vod/door/${startS}/6s/v3/v0.m3u8`,
      `/vod/door/${startS}/6s/ts.m3u8`,
      '/live/door/dvr-1h/av0/g7.m3u8',
      `/live/door/ts/index-${startS}-6.m3u8`,
      `/start/${startS}/1/vod.m3u8`,
    ]) {
      assert.deepEqual(await compareAll(past, path), { count: 3, keys: 3 }, path);
    }
  });

  test('are so under rules for the past too, and no clear segment is given', async () => {
    await using past = await openLive();
    await past.record(...[100, 101, 102].map((msn) => makeGroup({ msn, parts: msn === 102 ? 9 : 10 }, past.init)));
    past.state.settledUs = Number.MAX_SAFE_INTEGER;
    past.rig.clock.advance(START_US / 1000 + 60_000 - past.rig.clock.nowMs());
    encrypt(past, keysFor(1));
    for (const rules of [{ rewindMs: 3_600_000 }, { start: START_US / 1000 }, { delayMs: 1 }]) {
      past.state.past = rules;
      for (const path of ['/live/door/av0/g7.m3u8', `/vod/door/${startS}/6s/av0.m3u8`, '/live/door/ts/g7.m3u8'])
        assert.ok((await compareAll(past, path)).keys > 1, `${path} with ${JSON.stringify(rules)}`);
      await assert.rejects(past.get('/live/door/av0/100.m4s'), refusal('media-encrypted'));
      await assert.rejects(past.get('/live/door/index.mpd'), refusal('media-encrypted'));
    }
  });

  test('hint at the next part only under the key that is in force at the end of the list', async () => {
    await using live = await openLive();
    const hint = async (keys: ContentKeys | undefined) => {
      encrypt(live, keys);
      return /PRELOAD-HINT:.*?(\d+\.\d+)\.m4s/.exec(await live.text('/live/door/av0/g7.m3u8'))?.[1];
    };
    assert.deepEqual([await hint(undefined), await hint(keysFor(1))], ['103.2', '103.2']);
    for (let index = 2; index < 10; index++) live.part({ msn: 103 }, index);
    live.seal({ msn: 103 });
    // 104 has another key than 103 where a key is for one or four segments, and the same in threes and fives.
    const hints = [undefined, 1, 3, 4, 5].map((keyEvery) => keyEvery && keysFor(keyEvery));
    const seen: (string | undefined)[] = [];
    for (const keys of hints) seen.push(await hint(keys || undefined));
    assert.deepEqual(seen, ['104.0', undefined, '104.0', undefined, '104.0']);
  });

  test('have the key of the segment in their address, and no other key opens it', async () => {
    await using live = await openLive();
    const keys = keysFor(1);
    encrypt(live, keys);
    const [first, second] = [keys.at(100).name, keys.at(101).name];
    await live.get(`/live/door/av0/k${first}/100.m4s`);
    for (const path of [
      `/live/door/av0/k${second}/100.m4s`,
      `/live/door/av0/k${second}/100.0.m4s`,
      `/live/door/ts/k${second}/100.ts`,
      `/live/door/av0/k${keysFor(2).at(100).name}/100.m4s`,
      `/live/door/keys/${keysFor(1, 'stream/yard').at(100).name}.key`,
      `/live/door/keys/${keys.series}-0100.key`,
    ]) {
      await assert.rejects(live.get(path), refusal('not-found'), path);
    }
  });

  test('are refused clear, in every form, and those of a clear stream encrypted', async () => {
    await using live = await openLive();
    const keys = keysFor(60);
    encrypt(live, keys);
    for (const path of [
      '/live/door/av0/100.m4s',
      '/live/door/av0/100.0.m4s',
      '/live/door/v0/103.m4s',
      '/live/door/ts/100.ts',
      '/live/100.ts',
      '/live/door/av0/100-1234.mp4',
      '/live/door/index.mpd',
      '/live/door/dvr-1h/index.mpd',
      `/vod/door/${startS}/6s/index.mpd`,
    ]) {
      await assert.rejects(live.get(path), refusal('media-encrypted'), path);
      const address = parseMediaAddress(path);
      if (address?.kind === 'segment' || address?.kind === 'part' || address?.kind === 'manifest')
        assert.throws(() => live.lookup.find(address, new URLSearchParams()), refusal('media-encrypted'), path);
    }
    encrypt(live, undefined);
    await live.get('/live/door/av0/100.m4s');
    await assert.rejects(live.get(`/live/door/av0/k${keys.at(100).name}/100.m4s`), refusal('not-found'));
    await assert.rejects(live.get(`/live/door/keys/${keys.at(100).name}.key`), refusal('not-found'));
  });

  test('are listed the same in a delta update: the key is in force again after what was skipped', async () => {
    await using live = await openDelivery();
    live.listWriter.begin(generation, tracks);
    for (let msn = 100; msn < 112; msn++) live.live({ msn, discontinuity: msn === 100 });
    encrypt(live, keysFor(4));
    const whole = parsePlaylist(await live.text('/live/door/av0/g7.m3u8')).playlist as MediaPlaylist;
    const delta = parsePlaylist(await live.text('/live/door/av0/g7.m3u8?_HLS_skip=YES')).playlist as MediaPlaylist;
    assert.ok((delta.skippedSegments ?? 0) > 0);
    const rest = whole.segments.slice(delta.skippedSegments);
    assert.deepEqual(
      delta.segments.map(({ uri, key }) => [uri, key]),
      rest.map(({ uri, key }) => [uri, key]),
    );
    assert.equal(delta.segments[0]!.map?.key, undefined);
  });

  test('announce their next part under its key, which is answered when it is there', async () => {
    await using live = await openLive();
    encrypt(live, keysFor(1));
    const path = '/live/door/av0/g7.m3u8';
    const { preloadHint } = parsePlaylist(await live.text(path)).playlist as MediaPlaylist;
    const address = parseMediaAddress(pathIn(path, preloadHint!.uri))!;
    assert(address.kind === 'part');
    const pending = live.lookup.find(address, new URLSearchParams())!;
    assert(isPending(pending));
    assert.equal(pending.look(), undefined);
    live.part({ msn: 103 }, 2);
    const reply = pending.look()!;
    const { key, iv } = live.stream.contentKeys!.at(103);
    const clear = decrypt(await live.bytes(reply), key, Buffer.from(iv).toString('hex'));
    encrypt(live, undefined);
    assert.deepEqual(Buffer.from(clear), Buffer.from(await live.bytes(await live.get('/live/door/av0/103.2.m4s'))));
  });
});

suite('a content key', () => {
  test('is the same for every process with the secret, and another one for every stream, number and setting', () => {
    const one = keysFor(60);
    assert.deepEqual(keysFor(60).at(7_199), one.at(7_140));
    const keys = [
      one.at(0),
      one.at(60),
      keysFor(61).at(0),
      keysFor(60, 'stream/yard').at(0),
      keysFor(60, 'asset/door').at(0),
    ];
    for (const part of ['name', 'key', 'iv'] as const)
      assert.equal(new Set(keys.map((key) => Buffer.from(key[part] as never).toString('hex'))).size, keys.length);
  });

  test('is given to no cache', async () => {
    await using live = await openLive();
    encrypt(live, keysFor(60));
    const reply = await live.get(`/live/door/keys/${live.stream.contentKeys!.at(100).name}.key`);
    assert.deepEqual([reply.cacheControl, reply.etag, reply.length], ['no-store', undefined, 16]);
  });
});

suite('an encrypted reply', () => {
  const key = keysFor(1).at(5);
  const ivHex = Buffer.from(key.iv).toString('hex');
  const reader = { read: async (location: unknown) => assert.fail(`read ${location}`) };
  const replyWith = (body: readonly BodyPart[], etag: string): Reply => ({
    contentType: 'video/mp2t',
    cacheControl: 'public',
    length: body.reduce((sum, part) => sum + part.length, 0),
    body,
    etag,
  });

  test('decrypts to its clear bytes, whatever they are made of, and in every range of a long one', async () => {
    const random = seeded(5);
    using replies = new EncryptedReplies({ reader });
    for (let round = 0; round < 60; round++) {
      const pieces = Array.from({ length: 1 + random(4) }, () =>
        Uint8Array.from({ length: random(50) }, () => random(256)),
      );
      const clear = concatBytes(pieces);
      const body = pieces.map((piece): BodyPart => {
        if (random(3) === 0) return { length: piece.length, read: async () => piece };
        return random(2)
          ? piece
          : {
              length: piece.length,
              blocks: async function* () {
                yield piece;
              },
            };
      });
      const { body: made, length } = await replies.encrypt(replyWith(body, `x-${round}`), key);
      const bytes = concatBytes(made as readonly Uint8Array[]);
      assert.equal(bytes.length, length);
      assert.deepEqual(Buffer.from(decrypt(bytes, key.key, ivHex)), Buffer.from(clear));
    }
    const long = Uint8Array.from({ length: 17 * 1024 * 1024 + 5 }, (_, i) => i * 7);
    const reply = await replies.encrypt(
      replyWith([long.subarray(0, 9_000_001), long.subarray(9_000_001)], 'long'),
      key,
    );
    const [part] = reply.body;
    assert(part && 'blocks' in part);
    const read = async (from: number, to: number) => concatBytes(await Array.fromAsync(part.blocks(from, to)));
    const whole = await read(0, reply.length);
    assert.equal(Buffer.compare(decrypt(whole, key.key, ivHex), long), 0);
    for (const [from, to] of [
      [0, 1],
      [5, 20],
      [9_000_000, 9_000_020],
      [reply.length - 3, reply.length],
    ] as const)
      assert.equal(Buffer.compare(await read(from, to), whole.subarray(from, to)), 0);
  });

  test('is made once for all who request it at a time, and kept within the bound of the cache', async () => {
    using metrics = createMetrics();
    using replies = new EncryptedReplies({ reader, metrics, bounds: { maxBytes: 1000 } });
    let reads = 0;
    const slow = replyWith(
      [
        {
          length: 400,
          read: async () => {
            reads++;
            return new Uint8Array(400);
          },
        },
      ],
      'slow',
    );
    await Promise.all([replies.encrypt(slow, key), replies.encrypt(slow, key), replies.encrypt(slow, key)]);
    await replies.encrypt(slow, key);
    assert.equal(reads, 1);
    for (let i = 0; i < 20; i++) replies.atOnce(replyWith([new Uint8Array(400)], `n-${i}`), key);
    assert.ok(replies.bytes <= 1000 && replies.bytes > 0);
    const text = await metrics.print();
    assert.match(text, /oxbow_encrypted_segments_total\{result="joined"\} 2\n/);
    assert.match(text, /oxbow_encrypted_segments_total\{result="kept"\} 1\n/);
  });
});
