import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityLocation } from '../archive/recording-locations.ts';
import { segmentLocation, segmentPrefix } from '../archive/segment-store.ts';
import { bytesOf } from '../archive/segment-stores.fixture.ts';
import { suiteOnEngines } from './recording.fixture.ts';
import { readIdentities, writeIdentity } from './stream-identity.ts';

const door = { id: 'abc', name: 'door', createdUs: 1_795_000_000_000_000 };

suiteOnEngines('the identity of a recording', (openRig) => {
  test('is stored with it and read back', async () => {
    await using rig = await openRig();
    const { segments } = rig;
    assert.deepEqual(await readIdentities(segments), []);
    await writeIdentity(segments, door);
    await writeIdentity(segments, { ...door, id: 'xyz', name: 'studio' });
    assert.deepEqual(await readIdentities(segments), [door, { ...door, id: 'xyz', name: 'studio' }]);
    assert.deepEqual(await Array.fromAsync(segments.list(segmentPrefix('recordings'))), [
      'recordings/abc/stream.json',
      'recordings/xyz/stream.json',
    ]);
  });

  test('is written when it changes, and only then', async () => {
    await using rig = await openRig();
    const { segments } = rig;
    let puts = 0;
    const put = segments.put.bind(segments);
    segments.put = (...args) => {
      puts++;
      return put(...args);
    };
    for (let i = 0; i < 3; i++) await writeIdentity(segments, door);
    assert.equal(puts, 1);
    await writeIdentity(segments, { ...door, name: 'gate' });
    assert.equal(puts, 2);
    const text = String(Buffer.from(await bytesOf(segments, identityLocation('abc'))));
    assert.equal(text, `${JSON.stringify({ ...door, name: 'gate' }, undefined, 2)}\n`);
  });

  test('that is unreadable or of another recording is left out', async () => {
    await using rig = await openRig();
    const { segments } = rig;
    await writeIdentity(segments, door);
    for (const [name, text] of [
      ['cut/stream.json', '{"id":"cut"'],
      ['moved/stream.json', JSON.stringify(door)],
      ['odd/stream.json', '{"id":"odd","name":5}'],
      ['none/notes.txt', 'mine'],
      ['notes.txt', 'mine'],
    ] as const) {
      await segments.put(segmentLocation(`recordings/${name}`), Buffer.from(text));
    }
    assert.deepEqual(await readIdentities(segments), [door]);
  });
});
