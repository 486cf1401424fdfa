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
    const { assets, uploaded, processed, events } = library;
    const waiting: string[] = [];
    uploaded.completed.subscribe(({ id }) => waiting.push(id));
    const id = await uploaded.begin(film({ filename: 'C:\\films\\My_trip.MOV', length: undefined }));
    const begun = await assets.get(id);
    assert.deepEqual(
      [begun.title, begun.filename, begun.state, begun.visibility, begun.bytes],
      ['My trip', 'My_trip.MOV', 'uploading', 'private', null],
    );
    await uploaded.grows(id, 5000);
    await uploaded.complete(id, { bytes: 5000, sha256: 'ab' });
    assert.deepEqual(waiting, [id]);
    await processed.describe(id, { contentType: 'video/quicktime', durationUs: 4e6, facts: { video: [] } });
    await processed.mediaChanged(id);
    await processed.mediaChanged(id);
    const ready = await assets.get(id);
    assert.deepEqual([ready.state, ready.revision, ready.durationUs, ready.bytes], ['ready', 2, 4e6, 5000]);
    assert.deepEqual(
      events.map(([type]) => type),
      ['asset.created', 'asset.changed', 'asset.changed', 'asset.ready', 'asset.changed'],
    );
  });

  test('stays ready when its upload, completed before a crash, is completed or expires again after it', async () => {
    await using library = await openTestLibrary();
    const { assets, uploaded, processed, events } = library;
    const id = await uploaded.begin(film());
    await uploaded.complete(id, { bytes: 1000, sha256: 'ab' });
    await processed.mediaChanged(id);
    const published = events.length;
    await uploaded.complete(id, { bytes: 1000, sha256: 'ab' });
    await uploaded.fail(id, { code: 'upload-expired', detail: '' });
    assert.deepEqual(
      [(await assets.get(id)).state, (await assets.get(id)).bytes, uploaded.bytes],
      ['ready', 1000, 1000],
    );
    assert.equal(events.length, published);
  });

  test('has the reason why an upload or its processing failed', async () => {
    await using library = await openTestLibrary({ quota: 1000 });
    const { assets, uploaded } = library;
    const expired = await uploaded.begin(film());
    await uploaded.fail(expired, { code: 'gone', detail: 'the upload expired' });
    assert.deepEqual((await assets.get(expired)).failure, { code: 'gone', detail: 'the upload expired' });
    const broken = await uploaded.begin(film());
    await uploaded.complete(broken, { bytes: 1000, sha256: 'ab' });
    await assets.fail(broken, { code: 'unsupported-media', detail: 'no track' });
    assert.equal((await assets.get(broken)).state, 'failed');
    await assert.rejects(uploaded.begin(film()), refusal('quota-exceeded'), 'its original is kept');
    await uploaded.fail('unknown', { code: 'gone', detail: '' });
  });

  test('does not stay when its upload is refused because the file is no media; its bytes count no longer', async () => {
    await using library = await openTestLibrary({ quota: 1000 });
    const { assets, uploaded, events } = library;
    for (const detail of ['The file is a ZIP archive.', 'The file is a text file.']) {
      const id = await uploaded.begin(film());
      await uploaded.fail(id, { code: 'unsupported-media', detail });
      assert.equal(await assets.find(id), undefined);
      assert.deepEqual(
        events.slice(-2).map(([type]) => type),
        ['asset.failed', 'asset.deleted'],
      );
    }
    assert.equal(uploaded.bytes, 0);
  });

  test('is changed only in the version that the client has read', async () => {
    await using library = await openTestLibrary();
    const { assets, uploaded, trash } = library;
    const id = await uploaded.begin(film());
    const { changedUs } = await assets.get(id);
    const ifUnchanged = (version: number) => {
      if (version !== changedUs) throw new RangeError('changed');
    };
    await assets.update(id, { tags: ['a', ' a ', '', 'b'], title: ' A\u0000\n film ' }, ifUnchanged);
    const changed = await assets.get(id);
    assert.deepEqual([changed.title, changed.tags], ['A film', ['a', 'b']]);
    await assert.rejects(assets.update(id, { title: 'x' }, ifUnchanged), RangeError);
    await assert.rejects(trash.add(id, ifUnchanged), RangeError);
    await assert.rejects(assets.update('nope', {}), refusal('asset-unknown'));
  });

  test('changes at the same time are all written', async () => {
    await using library = await openTestLibrary();
    const { assets, uploaded, processed } = library;
    const id = await uploaded.begin(film());
    await Promise.all([processed.mediaChanged(id), processed.mediaChanged(id), assets.update(id, { title: 'Other' })]);
    const { revision, title } = await assets.get(id);
    assert.deepEqual([revision, title], [2, 'Other']);
  });
});

suite('quotas', () => {
  test('count originals in total and by owner, those in the trash and running uploads too, also after a restart', async () => {
    await using library = await openTestLibrary({ quota: 5000, quotaPerOwner: 3000 });
    const { uploaded, trash } = library;
    const first = await uploaded.begin(film({ length: 2000 }));
    await assert.rejects(uploaded.begin(film({ length: 1001 })), refusal('quota-exceeded'));
    await uploaded.begin(film({ owner: 'token:x', length: 2500 }));
    await assert.rejects(uploaded.begin(film({ length: 501 })), refusal('quota-exceeded'), 'the total');
    const growing = await uploaded.begin(film({ length: undefined }));
    await assert.rejects(uploaded.grows(growing, 501), refusal('quota-exceeded'));
    await uploaded.grows(growing, 500);
    await uploaded.complete(first, { bytes: 2000, sha256: 'ab' });
    await trash.add(first);
    const again = await library.reopen();
    assert.equal(again.uploaded.bytes, 5000);
    await assert.rejects(again.uploaded.begin(film({ length: 1 })), refusal('quota-exceeded'));
    await again.trash.purge(first);
    await again.uploaded.begin(film({ length: 2000 }));
  });

  test('of two uploads at once, for which there is room for one, one is refused', async () => {
    await using library = await openTestLibrary({ quota: 1500 });
    const results = await Promise.allSettled([library.uploaded.begin(film()), library.uploaded.begin(film())]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });
});

suite('the trash', () => {
  test('keeps an asset until its time has passed; then its files go a minute after its record', async () => {
    await using library = await openTestLibrary({ trash: 60_000 });
    const { assets, uploaded, trash, clock, segments, events } = library;
    const removed: string[] = [];
    trash.removed.subscribe(({ id }) => removed.push(id));
    const id = await uploaded.begin(film());
    await segments.put(originalLocation(id), new Uint8Array(10));
    await uploaded.complete(id, { bytes: 10, sha256: 'ab' });
    await trash.add(id);
    assert.deepEqual(await titles(assets, {}), []);
    assert.deepEqual(await titles(assets, { trash: true }), ['film']);
    await trash.restore(id);
    assert.deepEqual(await titles(assets, {}), ['film']);
    await trash.add(id);
    clock.ms += 60_000;
    await trash.empty();
    assert.deepEqual(removed, []);
    clock.ms += 1;
    await trash.empty();
    await trash.deleteFiles();
    assert.deepEqual([removed, await assets.find(id), events.at(-1)![1].purged], [[id], undefined, true]);
    assert.equal(await segments.size(originalLocation(id)), 10);
    clock.ms += 60_000;
    await trash.deleteFiles();
    await assert.rejects(segments.size(originalLocation(id)), refusal('gone'));
  });

  test('an asset that is still uploading is deleted at once', async () => {
    await using library = await openTestLibrary();
    const { assets, uploaded, trash } = library;
    const id = await uploaded.begin(film());
    await trash.add(id);
    assert.deepEqual([await assets.find(id), uploaded.bytes], [undefined, 0]);
  });

  test('files are deleted after a crash too, but never those of an asset that the database does not know', async () => {
    await using library = await openTestLibrary();
    const { uploaded, trash, clock, segments } = library;
    const id = await uploaded.begin(film());
    const ofOlderDatabase = 'abc1';
    for (const one of [id, ofOlderDatabase]) await segments.put(originalLocation(one), new Uint8Array(1));
    await trash.purge(id);
    const again = await library.reopen();
    clock.ms += 60_000;
    await again.trash.deleteFiles();
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
    const id = await here.uploaded.begin(film());
    await segments.put(originalLocation(id), new Uint8Array(1)); // of node b
    await here.trash.purge(id);
    clock.ms += 60_000;
    await here.trash.deleteFiles();
    assert.notEqual(a.find('asset', id), 'own', 'it is for b to delete the rest');
    await here.trash.deleteFiles();
    const back = await library.reopen({ placement: b, deleteAtNodes: async () => [] });
    await back.trash.deleteLeft(segments);
    await assert.rejects(segments.size(originalLocation(id)), refusal('gone'));
    await back.trash.deleteFiles();
    assert.equal(await a.lookUp('asset', id), undefined, 'no one owns it any more');
    assert.deepEqual(await db.selectFrom('asset_removed').selectAll().execute(), []);
  });

  test('a node that is back deletes nothing of assets that exist, or that the database does not know', async () => {
    await using library = await openTestLibrary();
    const { db, clock, segments } = library;
    const node = openTestCluster(db).join('b');
    const { uploaded, trash } = await library.reopen({ placement: node });
    const id = await uploaded.begin(film());
    for (const one of [id, 'abc1']) await segments.put(originalLocation(one), new Uint8Array(1));
    clock.ms += 60_000;
    await trash.deleteLeft(segments);
    assert.deepEqual(await segments.folders(ASSETS), ['abc1', id].toSorted());
  });
});

assetListContract('SQLite', openTemporaryStore);
