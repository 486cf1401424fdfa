/**
 * The contract of the list of assets: filters, search by words, order, pages.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OpenDatabase } from '../store/store.fixture.ts';
import type { NewAsset } from './asset.ts';
import type { AssetQuery } from './asset-list.ts';
import { film, openTestLibrary, titlesOf as titles } from './library.fixture.ts';

/** Every database runs this suite. */
export function assetListContract(name: string, open: OpenDatabase): void {
  suite(`the list of assets on ${name}`, () => {
    async function openFilled() {
      const library = await openTestLibrary({}, open);
      const add = async (title: string, more: Partial<NewAsset> & { durationUs?: number } = {}) => {
        const id = await library.uploaded.begin(film({ title, ...more }));
        if (more.durationUs !== undefined) await library.processed.describe(id, { durationUs: more.durationUs });
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
      const { assets, processed } = library;
      assert.deepEqual(await titles(assets, { tag: 'river' }), ['alpha', 'Über den Fluß']);
      assert.deepEqual(await titles(assets, { tag: 'riv' }), []);
      assert.deepEqual(await titles(assets, { owner: 'token:a' }), ['alpha']);
      assert.deepEqual(await titles(assets, { visibility: 'unlisted' }), ['Beta']);
      assert.deepEqual(await titles(assets, { state: 'ready' }), []);
      assert.deepEqual(await titles(assets, { viewer: 'token:a' }), ['alpha']);
      const { items } = await assets.list({ visibility: 'public', limit: 1 });
      await processed.mediaChanged(items[0]!.id);
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
        await assert.rejects(assets.list({ limit: 1, cursor }), { name: 'OxbowError', code: 'bad-request' });
      }
    });
  });
}
