import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamConfig } from '../config/schema.ts';
import { openStreams, temporaryFolder } from './streams.fixture.ts';

const testSource = { source: { type: 'test' } } as const;

function configured(change: Partial<StreamConfig> = {}): StreamConfig {
  return {
    ...{ source: { type: 'test' }, record: true, keep: undefined, visibility: 'public', origin: 'command-line' },
    ...change,
  };
}

test('streams follow changed settings: made, replaced, stopped and handed to the API; what is the same goes on untouched', async () => {
  await using folder = await temporaryFolder();
  const before = { same: configured(), kept: configured(), moved: configured(), gone: configured() };
  await using house = await openStreams({ folder: folder.path, config: { streams: before } as never });
  await house.api.create('own', testSource);
  house.source('moved').flow(5000);
  await house.settle();
  const started = house.sources.length;
  const pulled = { type: 'pull', url: 'https://cam.example/live.m3u8', headers: {} } as const;
  await house.catalog.configure({
    same: configured(),
    kept: configured({ keep: 3_600_000 }),
    moved: configured({ source: pulled }),
    own: configured({ visibility: 'private' }),
    fresh: configured(),
  });
  assert.deepEqual(
    house.sources.slice(started).map(({ definition }) => definition.name),
    ['moved', 'fresh'],
    'other sources go on',
  );
  assert.equal(house.catalog.get('kept').definition.keepMs, 3_600_000);
  assert.equal((await house.api.get('moved'))!.recorded.seconds, 5, 'its past stays');
  const gone = (await house.api.get('gone'))!;
  assert.deepEqual([gone.origin, gone.state], ['api', 'stopped']);
  const own = (await house.api.get('own'))!;
  assert.deepEqual([own.origin, own.visibility], ['command-line', 'private']);
  await house.catalog.configure({});
  assert.deepEqual([...new Set(house.catalog.all.map(({ state }) => state))], ['stopped']);
});

test('a stream of the API keeps the visibility it was made with, wherever the next start listens', async () => {
  await using folder = await temporaryFolder();
  const source = { source: { type: 'test' } } as const;
  {
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('desk', source);
  }
  await using house = await openStreams({ folder: folder.path, config: { http: { address: '0.0.0.0', port: 0 } } });
  await house.api.create('street', source);
  const seen = (await house.api.list()).map(({ name, visibility }) => [name, visibility]);
  assert.deepEqual(seen, [
    ['desk', 'public'],
    ['street', 'unlisted'],
  ]);
});
