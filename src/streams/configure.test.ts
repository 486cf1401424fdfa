import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configured, openStreams, temporaryFolder, testSource } from './streams.fixture.ts';

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

test('whether somebody made a stream public, or the default did, is kept over restarts and changed with the settings', async () => {
  await using folder = await temporaryFolder();
  const config = {
    http: { address: '127.0.0.1', port: 0 },
    streams: { written: configured({ visibilityIsSet: true }), left: configured() },
  } as never;
  const shown = (house: Awaited<ReturnType<typeof openStreams>>) =>
    house.catalog.all.map(({ name }) => [name, house.api.isMadePublic(name)]);
  const first = [
    ['asked', true],
    ['hidden', false],
    ['left', false],
    ['silent', false],
    ['written', true],
  ];
  {
    await using house = await openStreams({ folder: folder.path, config });
    await house.api.create('asked', { ...testSource, visibility: 'public' });
    await house.api.create('silent', testSource);
    await house.api.create('hidden', { ...testSource, visibility: 'unlisted' });
    assert.deepEqual(shown(house), first);
    assert.equal((await house.api.get('silent'))!.visibility, 'public', 'the state shows what is in force');
  }
  await using house = await openStreams({ folder: folder.path, config });
  assert.deepEqual(shown(house), first);
  const revision = house.api.revision('silent');
  await house.api.replace('silent', { ...testSource, visibility: 'public' });
  assert.notEqual(house.api.revision('silent'), revision);
  await house.api.replace('asked', testSource);
  await house.catalog.configure({ written: configured(), left: configured({ visibilityIsSet: true }) });
  assert.deepEqual(shown(house), [
    ['asked', false],
    ['hidden', false],
    ['left', true],
    ['silent', true],
    ['written', false],
  ]);
  assert.equal(house.api.isMadePublic('nobody'), false);
});

test('a stream of the settings that a person stopped stays stopped after a restart, and runs again once it is started', async () => {
  await using folder = await temporaryFolder();
  const config = { streams: { cam: configured(), other: configured() } } as never;
  {
    await using house = await openStreams({ folder: folder.path, config });
    await house.api.stop('cam');
  }
  {
    await using house = await openStreams({ folder: folder.path, config });
    assert.deepEqual([house.catalog.get('cam').state, house.catalog.get('other').state], ['stopped', 'starting']);
    assert.ok(house.logged.some(({ stream, msg }) => stream === 'cam' && msg === 'not started: a person stopped it'));
    await house.catalog.configure({ cam: configured({ keep: 3_600_000 }), other: configured() });
    assert.equal(house.catalog.get('cam').state, 'stopped', 'changed settings do not start it');
    await house.api.start('cam');
  }
  await using house = await openStreams({ folder: folder.path, config });
  assert.equal(house.catalog.get('cam').state, 'starting');
});

test('a stream that left the settings and comes back runs', async () => {
  await using folder = await temporaryFolder();
  await using house = await openStreams({ folder: folder.path, config: { streams: { cam: configured() } } as never });
  await house.catalog.configure({});
  assert.equal(house.catalog.get('cam').state, 'stopped');
  await house.catalog.configure({ cam: configured() });
  assert.equal(house.catalog.get('cam').state, 'starting');
});

test('while the streams are being opened the API says not-ready with Retry-After, never that a stream is unknown', async () => {
  await using folder = await temporaryFolder();
  {
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('cam', testSource);
  }
  await using house = await openStreams({ folder: folder.path, closed: true });
  const notReady = { code: 'not-ready', extra: { retryAfterSeconds: 1 } };
  await assert.rejects(house.api.get('cam'), notReady);
  await assert.rejects(house.api.list(), notReady);
  await assert.rejects(house.api.timeline('cam', 0, 1000), notReady);
  assert.throws(() => house.catalog.lookUp('cam'), notReady);
  const opening = house.catalog.open();
  await house.api.stop('cam'); // a change waits
  await opening;
  assert.equal((await house.api.get('cam'))!.state, 'stopped');
  assert.equal(await house.api.get('none'), undefined);
});
