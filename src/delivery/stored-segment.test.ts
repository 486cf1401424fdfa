import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { segmentLocation } from '../archive/segment-store.ts';
import { OxbowError } from '../lib/errors.ts';
import { START_US } from '../recording/recording.fixture.ts';
import { makeGroup, openDelivery } from './delivery.fixture.ts';
import { placeOf, storedReply } from './stored-segment.ts';

const location = segmentLocation('recordings/ab12/1.mp4');
const other = segmentLocation('recordings/cd34/1.mp4');
const folder = `/vod/door/${START_US / 1e6}/8s`;

async function openPast(isDirect: () => boolean) {
  const past = await openDelivery({ isDirect });
  await past.record(...[100, 101, 102].map((msn) => makeGroup({ msn }, past.init)));
  const list = async (rendition: string) =>
    parsePlaylist(await past.text(`${folder}/${rendition}.m3u8`)).playlist as MediaPlaylist;
  return { past, list };
}

suite('segments as ranges of files', () => {
  test('tracks that follow each other are one range; a hole or another file is none', () => {
    const video = { location, offset: 100, length: 50 };
    assert.deepEqual(placeOf([video, { location, offset: 150, length: 10 }]), { location, offset: 100, length: 60 });
    assert.equal(placeOf([video, { location, offset: 151, length: 10 }]), undefined);
    assert.equal(placeOf([video, { location: other, offset: 150, length: 10 }]), undefined);
    assert.equal(placeOf([]), undefined);
  });

  test('a window lists them where a bucket may answer, and each address gives exactly the bytes of the file', async () => {
    let isDirect = true;
    const { past, list } = await openPast(() => isDirect);
    await using _ = past;
    for (const rendition of ['av0', 'v0', 'a0']) {
      for (const [i, { uri, byteRange }] of (await list(rendition)).segments.entries()) {
        const reply = await past.get(posix.join(folder, uri));
        assert.deepEqual([reply.startsAt, reply.length], [byteRange!.offset, byteRange!.length], uri);
        const { stored } = reply;
        assert.deepEqual([stored!.offset, stored!.length], [byteRange!.offset, byteRange!.length]);
        const inFile = await past.reader.read(stored!.location, stored!.offset, stored!.length);
        assert.deepEqual(await past.bytes(reply), inFile);
        const [part] = reply.body;
        assert.ok('blocks' in part!);
        const middle = Buffer.concat(await Array.fromAsync(part.blocks(3, reply.length - 2)));
        assert.deepEqual(middle, Buffer.from(inFile.subarray(3, -2)));
        const usual = await past.bytes(await past.get(`/live/door/${rendition}/${100 + i}.m4s`));
        assert.equal(usual.length, inFile.length, 'the usual address has the same fragments');
        if (rendition !== 'av0') assert.deepEqual(usual, inFile);
      }
    }
    isDirect = false;
    const usual = (await list('av0')).segments;
    assert.deepEqual(
      usual.map(({ uri, byteRange }) => [posix.basename(uri), byteRange]),
      [100, 101, 102].map((msn) => [`${msn}.m4s`, undefined]),
    );
  });

  test('an address of a file that was written again has the same bytes, but only oxbow has them there', async () => {
    const { past, list } = await openPast(() => true);
    await using _ = past;
    const { uri } = (await list('av0')).segments[1]!;
    const now = await past.get(posix.join(folder, uri));
    const before = await past.get(posix.join(folder, uri.replace(/-\d+\./, '-7.')));
    assert.equal(before.startsAt, 7);
    assert.equal(before.stored, undefined);
    assert.deepEqual(await past.bytes(before), await past.bytes(now));
  });

  test('tracks in two files are sent from here', () => {
    const ranges = [
      { location: other, offset: 10, length: 5, crc: 0 },
      { location, offset: 15, length: 5, crc: 0 },
    ];
    const reply = storedReply({ ranges, offset: 10, etag: 'e' }, { shared: () => assert.fail('nothing is read yet') });
    assert.deepEqual([reply.length, reply.stored], [10, undefined]);
  });

  test('a segment that was never there is refused under this address too', async () => {
    const { past } = await openPast(() => true);
    await using _ = past;
    const isUnknown = (error: unknown) => error instanceof OxbowError && error.code === 'not-found';
    await assert.rejects(past.get('/live/door/av0/999-100.mp4'), isUnknown);
  });
});
