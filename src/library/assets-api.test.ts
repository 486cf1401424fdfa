import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssetMediaCache } from './asset-media.ts';
import { createAssetsApi } from './assets-api.ts';
import { openTestLibrary } from './library.fixture.ts';
import { Subtitles } from './subtitles/subtitles.ts';

const admin = { owner: 'admin', isAdmin: true, seesAll: true };
const other = { owner: 'token:b', isAdmin: false, seesAll: false };
const viewer = { owner: 'token:v', isAdmin: false, seesAll: true };
const refusal = (code: string) => ({ name: 'OxbowError', code });

async function openApi() {
  const library = await openTestLibrary();
  const { assets, uploaded, processed, trash, db, clock, segments } = library;
  const subtitles = new Subtitles({ db, segments });
  const media = new AssetMediaCache(db, assets, subtitles);
  const settings = { now: { library: { trash: 1000 }, watchRules: { allow: [] as string[], deny: [] as string[] } } };
  const api = createAssetsApi({
    assets,
    processed,
    trash,
    media,
    subtitles,
    db,
    clock,
    settings,
    countries: { revision: 1, find: (address) => (address === '198.51.100.1' ? 'DE' : undefined) },
    sign: (name, expiresMs) => `${name.replace('/', '-')}-${expiresMs}`,
    createRecorded: () => assert.fail('not in this test'),
  });
  const add = async (owner: string, tracks: unknown[]) => {
    const id = await uploaded.begin({ owner, filename: 'a.mp4', length: 1 });
    await uploaded.complete(id, { bytes: 1, sha256: 'ab' });
    await processed.describe(id, { facts: { tracks } });
    await processed.mediaChanged(id);
    return id;
  };
  return {
    ...library,
    settings,
    api,
    add,
    async [Symbol.asyncDispose]() {
      media[Symbol.dispose]();
      await library[Symbol.asyncDispose]();
    },
  };
}

test('the owner and administrators change an asset, other tokens do not, and none of them finds a private one', async () => {
  await using open = await openApi();
  const { api } = open;
  const id = await open.add('token:a', []);
  const owner = { ...other, owner: 'token:a' };
  await assert.rejects(api.update(id, { title: 'x' }, other), refusal('asset-unknown'));
  await assert.rejects(api.update(id, { title: 'x' }, viewer), refusal('forbidden'));
  await api.update(id, { visibility: 'public' }, owner);
  await assert.rejects(api.update(id, { title: 'x' }, other), refusal('forbidden'));
  await assert.rejects(api.update(id, { title: 'x' }, { ...other, owner: '' }), refusal('unauthorized'));
  assert.equal((await api.update(id, { title: 'By an admin' }, admin)).view.title, 'By an admin');
  assert.deepEqual(await api.access(id), { visibility: 'public', owner: 'token:a', isDeleted: false });
  await api.remove(id, { purge: false }, owner);
  assert.deepEqual(await api.access(id), { visibility: 'public', owner: 'token:a', isDeleted: true });
  await assert.rejects(api.get(id, other), refusal('asset-unknown'));
  const { deletedAt, expiresAt } = (await api.get(id, owner)).view;
  assert.equal(Date.parse(expiresAt!) - Date.parse(deletedAt!), 1000);
  await api.remove(id, { purge: true }, owner);
  assert.equal(await api.access(id), undefined);
});

test('the trash is seen by the owner and by those who see everything, who get its picture and nothing else', async () => {
  await using open = await openApi();
  const { api } = open;
  const id = await open.add('token:a', [{ kind: 'video' }]);
  const owner = { ...other, owner: 'token:a' };
  await api.update(id, { visibility: 'public' }, owner);
  await api.remove(id, { purge: false }, owner);
  for (const client of [owner, viewer, admin]) {
    const { items } = await api.list({ trash: 'true' }, client);
    assert.match(items[0]!.poster!, new RegExp(`^/t/trash-${id}-\\d+/assets/${id}/poster\\.jpg$`));
    assert.deepEqual([items[0]!.hls, items[0]!.storyboard, items[0]!.original], [null, null, null]);
  }
  for (const client of [other, { ...other, owner: '' }]) {
    assert.deepEqual((await api.list({ trash: 'true' }, client)).items, []);
  }
});

test('addresses of a private asset have tokens that stay the same for twelve hours; sound alone has no pictures', async () => {
  await using open = await openApi();
  const { api, clock } = open;
  const id = await open.add('admin', [{ kind: 'audio' }]);
  const { view } = await api.get(id, admin);
  assert.match(view.hls!, new RegExp(`^/t/asset-${id}-\\d+/assets/${id}/index\\.m3u8$`));
  assert.match(view.original!, new RegExp(`^/t/original-${id}-\\d+/assets/${id}/original$`));
  assert.deepEqual([view.poster, view.storyboard], [null, null]);
  const hour = 3_600_000;
  clock.ms = Math.floor(clock.ms / (12 * hour)) * 12 * hour;
  const first = (await api.get(id, admin)).view.hls;
  clock.ms += 12 * hour - 1;
  assert.equal((await api.get(id, admin)).view.hls, first);
  clock.ms += 1;
  assert.notEqual((await api.get(id, admin)).view.hls, first);
});

test('the rules of an asset are set by its owner, checked, and shown to no one else; without them those of the server are in force', async () => {
  await using rig = await openApi();
  const { api, settings } = rig;
  const owner = { owner: 'token:o', isAdmin: false, seesAll: false };
  const id = await rig.add('token:o', [{ kind: 'video' }]);
  assert.equal((await api.access(id))!.watchRules, undefined);
  const set = (watchRules: { allow?: string[]; deny?: string[] } | null) => api.update(id, { watchRules }, owner);
  const view = JSON.stringify((await set({ allow: ['10.0.0.0/8', 'de'] })).view);
  assert.doesNotMatch(view, /10\.0\.0\.0/);
  const rules = { allow: ['10.0.0.0/8', 'DE'], deny: [] };
  assert.deepEqual((await api.access(id))!.watchRules, rules);
  const { watchRules } = (await api.access(id))!;
  assert.equal((await api.access(id))!.watchRules, watchRules, 'the same object: compiled once');
  assert.deepEqual(await api.watchAccess(id, undefined, owner), { origin: 'asset', rules, verdict: null });
  const verdictOf = async (address: string, country?: string) =>
    (await api.watchAccess(id, { address, ...(country !== undefined && { country }) }, owner)).verdict!;
  assert.deepEqual(await verdictOf('198.51.100.1'), {
    isAllowed: true,
    address: '198.51.100.1',
    country: 'DE',
    entry: 'DE',
  });
  assert.equal((await verdictOf('198.51.100.1', 'AT')).isAllowed, false, 'the named country is before the file');
  await assert.rejects(api.watchAccess(id, undefined, other), refusal('asset-unknown'));
  await api.update(id, { visibility: 'public' }, owner);
  await assert.rejects(api.watchAccess(id, undefined, viewer), refusal('forbidden'));
  await assert.rejects(set({ allow: ['UK'] }), refusal('bad-request'));
  assert.deepEqual((await api.access(id))!.watchRules, rules);
  settings.now.watchRules = { allow: [], deny: ['KP'] };
  assert.deepEqual((await api.access(id))!.watchRules, rules);
  await set(null);
  assert.deepEqual((await api.access(id))!.watchRules, { allow: [], deny: ['KP'] });
  assert.equal((await api.watchAccess(id, undefined, owner)).origin, 'default');
  await rig.db.updateTable('asset').set({ watch_rules: '{"allow":' }).execute();
  rig.assets.touch(id);
  assert.deepEqual((await api.access(id))!.watchRules!.deny, ['0.0.0.0/0', '::/0'], 'lost rules let no one watch');
});
