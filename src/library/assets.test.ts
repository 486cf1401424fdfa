import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { originalLocation } from '../archive/asset-locations.ts';
import type { NewAsset } from './asset.ts';
import type { AssetQuery } from './asset-list.ts';
import type { Assets } from './assets.ts';
import { openTestLibrary } from './library.fixture.ts';

const film = (more: Partial<NewAsset> = {}): NewAsset => ({
  owner: 'admin',
  filename: 'film.mp4',
  length: 1000,
  ...more,
});
const refusal = (code: string) => ({ name: 'OxbowError', code });
const titles = async (assets: Assets, query: Partial<AssetQuery>) =>
  (await assets.list({ limit: 100, ...query })).items.map(({ title }) => title);

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
});

suite('the list of assets', () => {
  async function openFilled() {
    const library = await openTestLibrary();
    const add = async (title: string, more: Partial<NewAsset> & { durationUs?: number } = {}) => {
      const id = await library.assets.begin(film({ title, ...more }));
      if (more.durationUs !== undefined) await library.assets.describe(id, { durationUs: more.durationUs });
      return id;
    };
    await add('Über den Fluß', { tags: ['river'], durationUs: 3e6, length: 10, filename: 'IMG_2034.mov' });
    await add('alpha', { owner: 'token:a', tags: ['river', 'boat'], durationUs: 9e6, length: 30 });
    await add('春天在哪里', { description: 'A song about spring: "la la"', length: 20, visibility: 'public' });
    await add('Beta', { durationUs: 3e6, length: 20, visibility: 'unlisted' });
    return library;
  }

  test('finds words by their beginning, without case and accents, in all texts; Chinese anywhere', async () => {
    await using library = await openFilled();
    const find = (query: string) => titles(library.assets, { query });
    for (const query of ['uber', 'Flu', 'fluß über', 'img', '2034', 'riv ü', 'ÜBER']) {
      assert.ok((await find(query)).includes('Über den Fluß'), query);
    }
    for (const query of ['春', '天在', '春天在哪里', 'song', '春 spring', '春天spring']) {
      assert.deepEqual(await find(query), ['春天在哪里'], query);
    }
    for (const query of ['天春', 'luß', 'uber alpha', '!!!', '"', 'zzz'])
      assert.deepEqual(await find(query), [], query);
    assert.equal((await find(' ')).length, 4);
    await library.assets.update((await library.assets.list({ query: 'beta', limit: 1 })).items[0]!.id, {
      title: 'Gamma',
    });
    assert.deepEqual([await find('beta'), await find('gamma')], [[], ['Gamma']]);
  });

  test('takes the syntax of FTS5 in a query as words', async () => {
    await using library = await openFilled();
    const queries = [
      'title:',
      'NEAR(a b)',
      '"unclosed',
      'a* OR',
      '-alpha',
      '^alpha',
      "' OR 1=1 --",
      '{a b}: c',
      'a"b',
      '(',
      '+',
    ];
    for (const query of queries) await titles(library.assets, { query });
    assert.deepEqual(await titles(library.assets, { query: '-alpha' }), ['alpha']);
  });

  test('has filters, and hides from a client what it may not see', async () => {
    await using library = await openFilled();
    const { assets } = library;
    assert.deepEqual(await titles(assets, { tag: 'river' }), ['alpha', 'Über den Fluß']);
    assert.deepEqual(await titles(assets, { tag: 'riv' }), []);
    assert.deepEqual(await titles(assets, { owner: 'token:a' }), ['alpha']);
    assert.deepEqual(await titles(assets, { visibility: 'unlisted' }), ['Beta']);
    assert.deepEqual(await titles(assets, { state: 'ready' }), []);
    assert.deepEqual(await titles(assets, { viewer: 'token:a' }), ['alpha']);
    const { items } = await assets.list({ visibility: 'public', limit: 1 });
    await assets.mediaChanged(items[0]!.id);
    assert.deepEqual(await titles(assets, { viewer: '' }), ['春天在哪里']);
  });

  test('is sorted by creation, title, duration and size, and paged without a hole or a repetition', async () => {
    await using library = await openFilled();
    const { assets } = library;
    const walk = async (query: Partial<AssetQuery>) => {
      const found: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await assets.list({ ...query, limit: 1, cursor });
        found.push(...page.items.map(({ title }) => title));
        cursor = page.nextCursor;
      }
      return found;
    };
    assert.deepEqual(await walk({}), ['Beta', '春天在哪里', 'alpha', 'Über den Fluß']);
    assert.deepEqual(await walk({ order: 'title' }), ['alpha', 'Beta', 'Über den Fluß', '春天在哪里']);
    assert.deepEqual(await walk({ order: 'duration' }), ['alpha', 'Beta', 'Über den Fluß']);
    assert.deepEqual(await walk({ order: 'bytes', descending: false }), [
      'Über den Fluß',
      '春天在哪里',
      'Beta',
      'alpha',
    ]);
    for (const cursor of ['x', 'W10', Buffer.from('["a",1]').toString('base64url')]) {
      await assert.rejects(assets.list({ limit: 1, cursor }), refusal('bad-request'));
    }
  });
});
