import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseBase64, printBase64Url } from '@oxbow/media/base64';
import { bytesOfUuid, hexOf } from '@oxbow/media/cenc/protection';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { OxbowError } from '../../lib/errors.ts';
import { type Delivery, openLive, tracks } from '../delivery.fixture.ts';
import { ServedKeys } from '../key-server/served-keys.ts';
import { commonFragments } from './common-media.ts';
import { type CommonSettings, type ContentKey, ContentKeys, deriveSettings } from './content-keys.ts';
import type { KeySource } from './drm-key.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const signal = new AbortController().signal;
const LIST = '/live/door/a0/g7.m3u8';

function keysWith(common: Partial<CommonSettings> = {}, source?: KeySource): ContentKeys {
  const settings = { hasClearKey: true, isServed: source !== undefined, publicUrl: 'https://tv.example', ...common };
  return new ContentKeys(deriveSettings(Buffer.from('a secret of the server'), 'stream/door', 2, settings), source);
}

async function openEncrypted(keys: ContentKeys): Promise<Delivery> {
  const live = await openLive();
  Object.assign(live.stream, { contentKeys: keys });
  return live;
}

const listOf = async (delivery: Delivery) => parsePlaylist(await delivery.text(LIST)).playlist as MediaPlaylist;
const pathIn = (uri: string) => new URL(uri, `http://oxbow${LIST}`).pathname;

suite('a stream with common encryption', () => {
  test('names a key and an init section for every two segments, and gives them encrypted', async () => {
    const keys = keysWith();
    await using live = await openEncrypted(keys);
    const { segments } = await listOf(live);
    const shown = segments.map(({ key, map }) => `${key?.method} ${key?.keyFormat} ${key?.uri} ${map?.uri}`);
    assert.equal(new Set(shown).size, 2, 'segments 100 and 101 have one key, 102 and 103 the next');
    assert.match(shown[0]!, /^SAMPLE-AES org\.w3\.clearkey \.\.\/keys\/(\w+-50)\.key k\1\/init-1\.mp4$/);
    const names = segments.flatMap(({ uri, parts }) => [...parts.map((part) => part.uri), ...(uri ? [uri] : [])]);
    assert.ok(names.length > 20);
    for (const name of names) {
      const path = pathIn(name);
      const encrypted = Buffer.from(await live.bytes(await live.get(path)));
      Object.assign(live.stream, { contentKeys: undefined });
      const clear = await live.bytes(await live.get(path.replace(/\/k[^/]+\//, '/')));
      Object.assign(live.stream, { contentKeys: keys });
      const key = keys.at(Number.parseInt(path.split('/').at(-1)!, 10)) as ContentKey &
        Required<Pick<ContentKey, 'common'>>;
      assert.deepEqual(encrypted, Buffer.from(commonFragments(Buffer.from(clear), tracks, key)));
    }
    const init = Buffer.from(await live.bytes(await live.get(pathIn(segments[0]!.map!.uri))));
    assert.ok(init.includes('enca') && init.includes('cbcs') && init.includes(Buffer.from(keys.at(100).common!.kid)));
    assert.match(
      await live.text('/live/door/index.m3u8'),
      /#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="keys\/\w+-51\.key"/,
    );
  });

  test('is never given clear: not by other addresses, and not where it cannot be encrypted', async () => {
    await using live = await openEncrypted(keysWith());
    const { folder } = keysWith().protectionIn('')(100)!;
    for (const [path, code] of [
      ['/live/door/a0/100.m4s', 'media-encrypted'],
      ['/live/door/a0/100.0.m4s', 'media-encrypted'],
      ['/live/door/ts/g7.m3u8', 'media-encrypted'],
      ['/live/door/ts/100.ts', 'media-encrypted'],
      // The picture of this fixture has no slices that can be read.
      [`/live/door/v0/${folder}100.m4s`, 'unsupported-media'],
      [`/live/door/a0/${folder}102.m4s`, 'not-found'],
    ] as const) {
      await assert.rejects(live.get(path), refusal(code), path);
    }
  });

  test('has a manifest with a Period for each key, its id and the place of licences', async () => {
    await using live = await openEncrypted(keysWith());
    const text = await live.text('/live/door/index.mpd');
    const kids = [...text.matchAll(/cenc:default_KID="([^"]+)"/g)].map(([, kid]) => kid);
    assert.equal(text.match(/<Period /g)?.length, 2);
    assert.equal(new Set(kids).size, 2);
    assert.match(text, /<dashif:Laurl [^>]*>https:\/\/tv\.example\/live\/door\/keys\/clearkey<\/dashif:Laurl>/);
    assert.match(text, /media="a0\/k\w+-50\/\$Number\$\.m4s"/);
  });

  test('gives licences for its keys, and none where ClearKey is off', async () => {
    const keys = keysWith();
    await using live = await openEncrypted(keys);
    const key = keys.at(100);
    const kid = printBase64Url(key.common!.kid);
    const licence = JSON.parse(await live.text(`/live/door/keys/clearkey?kid=${kid}&kid=AAAA`));
    assert.deepEqual(licence, { keys: [{ kty: 'oct', kid, k: printBase64Url(key.key) }], type: 'temporary' });
    const other = printBase64Url(Uint8Array.from(key.common!.kid, (byte, i) => (i === 15 ? byte ^ 1 : byte)));
    await assert.rejects(live.get(`/live/door/keys/clearkey?kid=${other}`), refusal('not-found'));
    await assert.rejects(live.get('/live/door/keys/clearkey'), refusal('bad-request'));
    assert.equal((await live.bytes(await live.get(`/live/door/keys/${key.name}.key`))).length, 16);
    Object.assign(live.stream, { contentKeys: keysWith({ hasClearKey: false }) });
    await assert.rejects(live.get(`/live/door/keys/clearkey?kid=${kid}`), refusal('not-found'));
    await assert.rejects(live.get(`/live/door/keys/${key.name}.key`), refusal('not-found'));
    assert.ok(!(await live.text(LIST)).includes('clearkey'));
  });

  test('requests each key of a key server once, the next one early, and waits while there is none', async () => {
    const requested: number[] = [];
    let isDown = true;
    const served = new ServedKeys({
      server: {
        async keyOf({ number, kid, content }) {
          assert.equal(content, 'stream/door');
          if (isDown) throw new OxbowError('key-server-failed', 'The key server is down.');
          requested.push(number);
          return { key: kid, iv: undefined, systems: [{ ...noSystem, uri: `skd://${hexOf(kid)}` }] };
        },
      },
      signal,
      failed: () => undefined,
    });
    const keys = keysWith({ hasClearKey: false }, served.sourceOf('stream/door'));
    await using live = await openEncrypted(keys);
    assert.equal(live.lookup.find({ kind: 'index', stream: 'door' }, new URLSearchParams()), undefined);
    await assert.rejects(live.get(LIST), refusal('key-server-failed'));
    isDown = false;
    const lists = await Promise.all([listOf(live), listOf(live), listOf(live)]);
    const [tag] = lists[0]!.segments.map(({ key }) => key!);
    assert.equal(tag!.keyFormat, 'com.apple.streamingkeydelivery');
    assert.equal(tag!.uri, `skd://${hexOf(keys.at(100).common!.kid)}`);
    assert.deepEqual(requested, [50, 51, 52]);
    isDown = true;
    assert.ok(await listOf(live), 'keys in memory are enough');
  });
});

const noSystem = {
  system: '94ce86fb-07ff-4f43-adb8-93d2fa968ca2',
  pssh: undefined,
  contentProtection: undefined,
  tags: [],
};

test('a fragment of a track that is not known is refused, not left clear', async () => {
  await using live = await openLive();
  const clear = Buffer.from(await live.bytes(await live.get('/live/door/a0/100.m4s')));
  const key = keysWith().at(100) as ContentKey & Required<Pick<ContentKey, 'common'>>;
  assert.throws(() => commonFragments(clear, [], key), refusal('unsupported-media'));
});

test('key ids say their number only to the server that made them', async () => {
  const keys = keysWith();
  const kid = keys.at(200).common!.kid;
  assert.deepEqual((await keys.withId(kid, { signal }))?.name, keys.at(200).name);
  assert.equal(await keys.withId(kid.subarray(1), { signal }), undefined);
  assert.equal(await keys.withId(bytesOfUuid('00000000-0000-0000-0000-000000000000')!, { signal }), undefined);
  assert.equal(parseBase64('ä'), undefined);
});
