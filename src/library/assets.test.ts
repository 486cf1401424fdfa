import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ASSETS, originalLocation } from '../archive/asset-locations.ts';
import { openTestCluster } from '../cluster/placement/placement.fixture.ts';
import { openTemporaryStore } from '../store/store.fixture.ts';
import { assetListContract } from './asset-list.contract.ts';
import { film, openTestLibrary, titlesOf as titles } from './library.fixture.ts';

const refusal = (code: string) => ({ name: 'OxbowError', code });

suite('the record of an asset', () => {
  test('exists from the first byte of its upload on, and follows it to its first rendition', async () => {
    await using library = await openTestLibrary();
    const { assets, events } = library;
    const waiting: string[] = [];
    assets.completed.subscribe(({ id }) => waiting.push(id));
    const id = await assets.begin(film({ filename: 'C:\\films\\My_trip.MOV', length: undefined }));
    const begun = await assets.get(id);
    assert.deepEqual(
      [begun.title, begun.filename, begun.state, begun.visibility, begun.bytes],
      ['My trip', 'My_trip.MOV', 'uploading', 'private', null],
    );
    await assets.grows(id, 5000);
    await assets.complete(id, { bytes: 5000, sha256: 'ab' });
    assert.deepEqual(waiting, [id]);
    await assets.describe(id, { contentType: 'video/quicktime', durationUs: 4e6, facts: { video: [] } });
    await assets.mediaChanged(id);
    await assets.mediaChanged(id);
    const ready = await assets.get(id);
    assert.deepEqual([ready.state, ready.revision, ready.durationUs, ready.bytes], ['ready', 2, 4e6, 5000]);
    assert.deepEqual(
      events.map(([type]) => type),
      ['asset.created', 'asset.changed', 'asset.changed', 'asset.ready', 'asset.changed'],
    );
  });

  test('stays ready when its upload, completed before a crash, is completed or expires again after it', async () => {
    await using library = await openTestLibrary();
    const { assets, events } = library;
    const id = await assets.begin(film());
    await assets.complete(id, { bytes: 1000, sha256: 'ab' });
    await assets.mediaChanged(id);
    const published = events.length;
    await assets.complete(id, { bytes: 1000, sha256: 'ab' });
    await assets.fail(id, { code: 'upload-expired', detail: '' });
    assert.deepEqual([(await assets.get(id)).state, (await assets.get(id)).bytes, assets.bytes], ['ready', 1000, 1000]);
    assert.equal(events.length, published);
  });

  test('has the reason why an upload or its processing failed', async () => {
    await using library = await openTestLibrary({ quota: 1000 });
    const { assets } = library;
    const expired = await assets.begin(film());
    await assets.fail(expired, { code: 'gone', detail: 'the upload expired' });
    assert.deepEqual((await assets.get(expired)).failure, { code: 'gone', detail: 'the upload expired' });
    const broken = await assets.begin(film());
    await assets.complete(broken, { bytes: 1000, sha256: 'ab' });
    await assets.processingFailed(broken, { code: 'unsupported-media', detail: 'no track' });
    assert.equal((await assets.get(broken)).state, 'failed');
    await assert.rejects(assets.begin(film()), refusal('quota-exceeded'), 'its original is kept');
    await assets.fail('unknown', { code: 'gone', detail: '' });
  });

  test('does not stay when its upload is refused because the file is no media; its bytes count no longer', async () => {
    await using library = await openTestLibrary({ quota: 1000 });
    const { assets, events } = library;
    for (const detail of ['The file is a ZIP archive.', 'The file is a text file.']) {
      const id = await assets.begin(film());
      await assets.fail(id, { code: 'unsupported-media', detail });
      assert.equal(await assets.find(id), undefined);
      assert.deepEqual(
        events.slice(-2).map(([type]) => type),
        ['asset.failed', 'asset.deleted'],
      );
    }
    assert.equal(assets.bytes, 0);
  });

  test('is changed only in the version that the client has read', async () => {
    await using library = await openTestLibrary();
    const { assets } = library;
    const id = await assets.begin(film());
    const { changedUs } = await assets.get(id);
    const ifUnchanged = (version: number) => {
      if (version !== changedUs) throw new RangeError('changed');
    };
    await assets.update(id, { tags: ['a', ' a ', '', 'b'], title: ' A\u0000\n film ' }, ifUnchanged);
    const changed = await assets.get(id);
    assert.deepEqual([changed.title, changed.tags], ['A film', ['a', 'b']]);
    await assert.rejects(assets.update(id, { title: 'x' }, ifUnchanged), RangeError);
    await assert.rejects(assets.trash(id, ifUnchanged), RangeError);
    await assert.rejects(assets.update('nope', {}), refusal('asset-unknown'));
  });

  test('changes at the same time are all written', async () => {
    await using library = await openTestLibrary();
    const { assets } = library;
    const id = await assets.begin(film());
    await Promise.all([assets.mediaChanged(id), assets.mediaChanged(id), assets.update(id, { title: 'Other' })]);
    const { revision, title } = await assets.get(id);
    assert.deepEqual([revision, title], [2, 'Other']);
  });
});

suite('quotas', () => {
  test('count originals in total and by owner, those in the trash and running uploads too, also after a restart', async () => {
    await using library = await openTestLibrary({ quota: 5000, quotaPerOwner: 3000 });
    const { assets } = library;
    const first = await assets.begin(film({ length: 2000 }));
    await assert.rejects(assets.begin(film({ length: 1001 })), refusal('quota-exceeded'));
    await assets.begin(film({ owner: 'token:x', length: 2500 }));
    await assert.rejects(assets.begin(film({ length: 501 })), refusal('quota-exceeded'), 'the total');
    const growing = await assets.begin(film({ length: undefined }));
    await assert.rejects(assets.grows(growing, 501), refusal('quota-exceeded'));
    await assets.grows(growing, 500);
    await assets.complete(first, { bytes: 2000, sha256: 'ab' });
    await assets.trash(first);
    const again = await library.reopen();
    assert.equal(again.bytes, 5000);
    await assert.rejects(again.begin(film({ length: 1 })), refusal('quota-exceeded'));
    await again.purge(first);
    await again.begin(film({ length: 2000 }));
  });

  test('of two uploads at once, for which there is room for one, one is refused', async () => {
    await using library = await openTestLibrary({ quota: 1500 });
    const results = await Promise.allSettled([library.assets.begin(film()), library.assets.begin(film())]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });
});

suite('the trash', () => {
  test('keeps an asset until its time has passed; then its files go a minute after its record', async () => {
    await using library = await openTestLibrary({ trash: 60_000 });
    const { assets, clock, segments, events } = library;
    const removed: string[] = [];
    assets.removed.subscribe(({ id }) => removed.push(id));
    const id = await assets.begin(film());
    await segments.put(originalLocation(id), new Uint8Array(10));
    await assets.complete(id, { bytes: 10, sha256: 'ab' });
    await assets.trash(id);
    assert.deepEqual(await titles(assets, {}), []);
    assert.deepEqual(await titles(assets, { trash: true }), ['film']);
    await assets.restore(id);
    assert.deepEqual(await titles(assets, {}), ['film']);
    await assets.trash(id);
    clock.ms += 60_000;
    await assets.emptyTrash();
    assert.deepEqual(removed, []);
    clock.ms += 1;
    await assets.emptyTrash();
    await assets.deleteFiles();
    assert.deepEqual([removed, await assets.find(id), events.at(-1)![1].purged], [[id], undefined, true]);
    assert.equal(await segments.size(originalLocation(id)), 10);
    clock.ms += 60_000;
    await assets.deleteFiles();
    await assert.rejects(segments.size(originalLocation(id)), refusal('gone'));
  });

  test('an asset that is still uploading is deleted at once', async () => {
    await using library = await openTestLibrary();
    const { assets } = library;
    const id = await assets.begin(film());
    await assets.trash(id);
    assert.deepEqual([await assets.find(id), assets.bytes], [undefined, 0]);
  });

  test('files are deleted after a crash too, but never those of an asset that the database does not know', async () => {
    await using library = await openTestLibrary();
    const { assets, clock, segments } = library;
    const id = await assets.begin(film());
    const ofOlderDatabase = 'abc1';
    for (const one of [id, ofOlderDatabase]) await segments.put(originalLocation(one), new Uint8Array(1));
    await assets.purge(id);
    const again = await library.reopen();
    clock.ms += 60_000;
    await again.deleteFiles();
    await assert.rejects(segments.size(originalLocation(id)), refusal('gone'));
    assert.equal(await segments.size(originalLocation(ofOlderDatabase)), 1);
  });

  test('what a node that does not run has of a deleted asset is left to it, and it deletes that when it is back', async () => {
    await using library = await openTestLibrary();
    const { db, clock, segments } = library;
    const cluster = openTestCluster(db);
    const [a, b] = [cluster.join('a'), cluster.join('b')];
    const gone = ['b'];
    const deleteAtNodes = async () => gone;
    const here = await library.reopen({ placement: a, deleteAtNodes });
    const id = await here.begin(film());
    await segments.put(originalLocation(id), new Uint8Array(1)); // of node b
    await here.purge(id);
    clock.ms += 60_000;
    await here.deleteFiles();
    assert.notEqual(a.find('asset', id), 'own', 'it is for b to delete the rest');
    await here.deleteFiles();
    const back = await library.reopen({ placement: b, deleteAtNodes: async () => [] });
    await back.deleteLeft(segments);
    await assert.rejects(segments.size(originalLocation(id)), refusal('gone'));
    await back.deleteFiles();
    assert.equal(await a.lookUp('asset', id), undefined, 'no one owns it any more');
    assert.deepEqual(await db.selectFrom('asset_removed').selectAll().execute(), []);
  });

  test('a node that is back deletes nothing of assets that exist, or that the database does not know', async () => {
    await using library = await openTestLibrary();
    const { db, clock, segments } = library;
    const node = openTestCluster(db).join('b');
    const assets = await library.reopen({ placement: node });
    const id = await assets.begin(film());
    for (const one of [id, 'abc1']) await segments.put(originalLocation(one), new Uint8Array(1));
    clock.ms += 60_000;
    await assets.deleteLeft(segments);
    assert.deepEqual(await segments.folders(ASSETS), ['abc1', id].toSorted());
  });
});

assetListContract('SQLite', openTemporaryStore);
