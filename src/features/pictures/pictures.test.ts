import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_PICTURE_BYTES } from '../../api/picture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openStreams, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { createPicturesApi } from './pictures-api.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const testSource = { source: { type: 'test' } } as const;
const png = (n: number) => Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, n);

const picturesOf = ({ deps, catalog }: StreamsRig) => createPicturesApi(deps.recordings.pictures, catalog, deps.events);

suite('the picture of a stream', () => {
  test('is named by its version; a change is an event, and a restart keeps it', async () => {
    await using folder = await temporaryFolder();
    let address: string | null;
    {
      await using rig = await openStreams({ folder: folder.path });
      const { api, events } = rig;
      const pictures = picturesOf(rig);
      assert.equal((await api.create('door', testSource)).picture, null);
      assert.equal(await pictures.read('door'), undefined);
      await pictures.set('door', png(1));
      const first = (await api.get('door'))!.picture;
      await pictures.set('door', png(2));
      address = (await api.get('door'))!.picture;
      assert.match(address!, /^\/api\/v1\/streams\/door\/picture\?v=[\w-]{16}$/);
      assert.notEqual(address, first);
      assert.equal(events.filter(({ type }) => type === 'stream.changed').length, 2);
      const { type, bytes, version } = (await pictures.read('door'))!;
      assert.deepEqual([type, [...bytes], address!.endsWith(version)], ['image/png', [...png(2)], true]);
    }
    await using later = await openStreams({ folder: folder.path });
    assert.equal((await later.api.get('door'))!.picture, address);
    await picturesOf(later).remove('door');
    assert.equal((await later.api.get('door'))!.picture, null);
    assert.equal(await picturesOf(later).read('door'), undefined);
  });

  test('stays with recordings that are kept, and is deleted with those that are deleted', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const { api } = rig;
    const pictures = picturesOf(rig);
    await api.create('door', testSource);
    await pictures.set('door', png(1));
    await api.remove('door', { recordings: 'keep' });
    await assert.rejects(pictures.read('door'), refusal('stream-unknown'));
    assert.notEqual((await api.create('door', testSource)).picture, null);
    await api.remove('door', { recordings: 'delete' });
    assert.equal((await api.create('door', testSource)).picture, null);
  });

  test('other files and larger ones are refused, and the picture stays', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const { api } = rig;
    const pictures = picturesOf(rig);
    await api.create('door', testSource);
    await pictures.set('door', png(1));
    await assert.rejects(pictures.set('door', new TextEncoder().encode('<svg/>')), refusal('unsupported-media'));
    const large = new Uint8Array(MAX_PICTURE_BYTES + 1);
    large.set(png(2));
    await assert.rejects(pictures.set('door', large), refusal('payload-too-large'));
    assert.deepEqual([...(await pictures.read('door'))!.bytes], [...png(1)]);
    await assert.rejects(pictures.set('gate', png(1)), refusal('stream-unknown'));
  });
});
