import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configured, openStreams, temporaryFolder, testSource } from './streams.fixture.ts';

test('streams follow changed settings: created, replaced, or stopped and passed to the API; unchanged ones continue', async () => {
  await using folder = await temporaryFolder();
  const before = { same: configured(), kept: configured(), moved: configured(), gone: configured() };
  await using rig = await openStreams({ folder: folder.path, config: { streams: before } as never });
  await rig.api.create('own', testSource);
  rig.source('moved').flow(5000);
  await rig.settle();
  const started = rig.sources.length;
  const pulled = { type: 'pull', url: 'https://cam.example/live.m3u8', headers: {} } as const;
  await rig.control.configure({
    same: configured(),
    kept: configured({ keep: 3_600_000 }),
    moved: configured({ source: pulled }),
    own: configured({ visibility: 'private' }),
    fresh: configured(),
  });
  assert.deepEqual(
    rig.sources.slice(started).map(({ definition }) => definition.name),
    ['moved', 'fresh'],
    'other sources continue',
  );
  assert.equal(rig.catalog.get('kept').definition.keepMs, 3_600_000);
  assert.equal((await rig.api.get('moved'))!.recorded.seconds, 5, 'its past stays');
  const gone = (await rig.api.get('gone'))!;
  assert.deepEqual([gone.origin, gone.state], ['api', 'stopped']);
  const own = (await rig.api.get('own'))!;
  assert.deepEqual([own.origin, own.visibility], ['command-line', 'private']);
  await rig.control.configure({});
  assert.deepEqual([...new Set(rig.catalog.all.map(({ status }) => status.state))], ['stopped']);
});

test('a stream of the API keeps its visibility, whatever address the next start uses', async () => {
  await using folder = await temporaryFolder();
  const source = { source: { type: 'test' } } as const;
  {
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('desk', source);
  }
  await using rig = await openStreams({ folder: folder.path, config: { http: { address: '0.0.0.0', port: 0 } } });
  await rig.api.create('street', source);
  const seen = (await rig.api.list()).map(({ name, visibility }) => [name, visibility]);
  assert.deepEqual(seen, [
    ['desk', 'public'],
    ['street', 'unlisted'],
  ]);
});

test('whether public was configured or is the default is stored, and changes with the settings', async () => {
  await using folder = await temporaryFolder();
  const config = {
    http: { address: '127.0.0.1', port: 0 },
    streams: { written: configured({ visibilityIsSet: true }), left: configured() },
  } as never;
  const shown = (rig: Awaited<ReturnType<typeof openStreams>>) =>
    rig.catalog.all.map(({ name }) => [name, rig.api.isMadePublic(name)]);
  const first = [
    ['created', true],
    ['hidden', false],
    ['left', false],
    ['silent', false],
    ['written', true],
  ];
  {
    await using rig = await openStreams({ folder: folder.path, config });
    await rig.api.create('created', { ...testSource, visibility: 'public' });
    await rig.api.create('silent', testSource);
    await rig.api.create('hidden', { ...testSource, visibility: 'unlisted' });
    assert.deepEqual(shown(rig), first);
    assert.equal((await rig.api.get('silent'))!.visibility, 'public', 'the state shows what is in force');
  }
  await using rig = await openStreams({ folder: folder.path, config });
  assert.deepEqual(shown(rig), first);
  const revision = rig.api.revision('silent');
  await rig.api.replace('silent', { ...testSource, visibility: 'public' });
  assert.notEqual(rig.api.revision('silent'), revision);
  await rig.api.replace('created', testSource);
  await rig.control.configure({ written: configured(), left: configured({ visibilityIsSet: true }) });
  assert.deepEqual(shown(rig), [
    ['created', false],
    ['hidden', false],
    ['left', true],
    ['silent', true],
    ['written', false],
  ]);
  assert.equal(rig.api.isMadePublic('unknown'), false);
});

test('a configured stream that was stopped stays stopped after a restart, until it is started', async () => {
  await using folder = await temporaryFolder();
  const config = { streams: { cam: configured(), other: configured() } } as never;
  {
    await using rig = await openStreams({ folder: folder.path, config });
    await rig.api.stop('cam');
  }
  {
    await using rig = await openStreams({ folder: folder.path, config });
    assert.deepEqual(
      [rig.catalog.get('cam').status.state, rig.catalog.get('other').status.state],
      ['stopped', 'starting'],
    );
    assert.ok(rig.logged.some(({ stream, msg }) => stream === 'cam' && msg === 'stream not started: it was stopped'));
    await rig.control.configure({ cam: configured({ keep: 3_600_000 }), other: configured() });
    assert.equal(rig.catalog.get('cam').status.state, 'stopped', 'changed settings do not start it');
    await rig.api.start('cam');
  }
  await using rig = await openStreams({ folder: folder.path, config });
  assert.equal(rig.catalog.get('cam').status.state, 'starting');
});

test('a stream that is configured again runs', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path, config: { streams: { cam: configured() } } as never });
  await rig.control.configure({});
  assert.equal(rig.catalog.get('cam').status.state, 'stopped');
  await rig.control.configure({ cam: configured() });
  assert.equal(rig.catalog.get('cam').status.state, 'starting');
});

test('while the streams are being opened the API says not-ready with Retry-After, never that a stream is unknown', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('cam', testSource);
  }
  await using rig = await openStreams({ folder: folder.path, closed: true });
  const notReady = { code: 'not-ready', extra: { retryAfterSeconds: 1 } };
  await assert.rejects(rig.api.get('cam'), notReady);
  await assert.rejects(rig.api.list(), notReady);
  await assert.rejects(rig.api.timeline('cam', 0, 1000), notReady);
  assert.throws(() => rig.catalog.lookUp('cam'), notReady);
  const opening = rig.control.open();
  await rig.api.stop('cam'); // a change waits
  await opening;
  assert.equal((await rig.api.get('cam'))!.state, 'stopped');
  assert.equal(await rig.api.get('none'), undefined);
});
