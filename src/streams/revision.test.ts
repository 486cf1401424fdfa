import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStreams, temporaryFolder } from './streams.fixture.ts';

test('a revision identifies the settings, does not change with a restart or a stop, and is checked in the turn of the change', async () => {
  await using folder = await temporaryFolder();
  const settings = { source: { type: 'pull', url: 'https://cam.example/a.m3u8' } } as const;
  let first: string | undefined;
  {
    await using opened = await openStreams({ folder: folder.path });
    await opened.control.create('door', settings);
    first = opened.api.revision('door');
    await opened.control.stop('door');
  }
  await using opened = await openStreams({ folder: folder.path });
  const { api, control, catalog } = opened;
  assert.ok(first);
  assert.equal(api.revision('door'), first);
  assert.equal(api.revision('nothing'), undefined);
  const expect = (wanted: string | undefined) => (revision: string | undefined) => assert.equal(revision, wanted);
  const changed = { ...settings, keep: '2d' };
  // Two who saw the same and ask at once: the second one is refused.
  const [one, other] = await Promise.allSettled([
    control.replace('door', changed, expect(first)),
    control.replace('door', { ...settings, record: false }, expect(first)),
  ]);
  assert.deepEqual([one.status, other.status], ['fulfilled', 'rejected']);
  assert.notEqual(api.revision('door'), first);
  assert.equal(catalog.get('door').definition.record, true);
  await assert.rejects(control.remove('door', { recordings: 'keep', check: expect(first) }));
  await control.replace('door', settings, expect(api.revision('door')));
  assert.equal(api.revision('door'), first);
  await control.remove('door', { recordings: 'keep', check: expect(first) });
  await control.replace('fresh', settings, expect(undefined));
});
