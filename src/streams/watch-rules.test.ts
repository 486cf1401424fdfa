import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStreams, temporaryFolder, testSource } from './streams.fixture.ts';

const watchRules = { allow: ['10.0.0.0/8', 'de'], deny: ['10.6.6.6'] };
const stored = { allow: ['10.0.0.0/8', 'DE'], deny: ['10.6.6.6'] };

test('rules are stored with the stream, change its revision, and are removed by null and by empty lists', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    const before = rig.api.revision('door');
    assert.equal(rig.api.watchRulesOf('door'), undefined);
    await rig.api.update('door', { watchRules });
    assert.notEqual(rig.api.revision('door'), before);
    assert.equal(rig.api.watchRulesOf('door'), rig.api.watchRulesOf('door'), 'the same object: compiled once');
    await rig.api.update('door', { title: 'Door' });
  }
  await using rig = await openStreams({ folder: folder.path });
  assert.deepEqual(rig.api.watchRulesOf('door'), stored);
  await assert.rejects(rig.api.update('door', { watchRules: { allow: ['10.0.0.0/99'] } }), { code: 'bad-request' });
  assert.deepEqual(rig.api.watchRulesOf('door'), stored);
  for (const none of [null, {}, { allow: [], deny: [] }]) {
    await rig.api.update('door', { watchRules });
    await rig.api.update('door', { watchRules: none });
    assert.equal(rig.api.watchRulesOf('door'), undefined);
  }
});

test('rules that the database has lost let no one watch', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { ...testSource, watchRules });
    await rig.store.db.updateTable('stream').set({ watch_rules: '{"allow":' }).execute();
  }
  await using rig = await openStreams({ folder: folder.path });
  for (const address of ['10.0.0.1', '2001:db8::1']) {
    assert.equal(rig.api.watchAccess('door', { address, country: 'DE' }).verdict!.isAllowed, false);
  }
});

test('the verdict about an address says which entry decided; the rules of the server are for other streams', async () => {
  await using folder = await temporaryFolder();
  const config = { watchRules: { allow: [], deny: ['KP'], countryHeader: '' } } as never;
  await using rig = await openStreams({ folder: folder.path, config });
  await rig.api.create('door', { ...testSource, watchRules });
  await rig.api.create('yard', testSource);
  const { api } = rig;
  assert.deepEqual(api.watchAccess('door', undefined), { origin: 'stream', rules: stored, verdict: null });
  assert.deepEqual(api.watchAccess('door', { address: '10.6.6.6', country: 'de' }).verdict, {
    isAllowed: false,
    address: '10.6.6.6',
    country: 'DE',
    entry: '10.6.6.6',
  });
  assert.equal(api.watchAccess('door', { address: '192.0.2.1', country: 'KP' }).verdict!.entry, null);
  const yard = api.watchAccess('yard', { address: '192.0.2.1', country: 'KP' });
  assert.deepEqual([yard.origin, yard.verdict!.isAllowed, yard.verdict!.entry], ['default', false, 'KP']);
  assert.equal(api.watchRulesOf('attic'), undefined);
  assert.throws(() => api.watchAccess('attic', undefined), { code: 'stream-unknown' });
  assert.throws(() => api.watchAccess('door', { address: 'door' }), { code: 'bad-request' });
  assert.throws(() => api.watchAccess('door', { address: '::1', country: 'UK' }), { code: 'bad-request' });
});
