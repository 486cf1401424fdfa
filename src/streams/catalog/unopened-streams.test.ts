import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { OxbowError } from '../../lib/errors.ts';
import { checkStreams, readStreams } from '../gauges.ts';
import { ManagedStream } from '../managed-stream.ts';
import { openStreams, temporaryFolder, testSource } from '../streams.fixture.ts';

const isUnopened = (error: unknown) =>
  error instanceof OxbowError && error.code === 'stream-unopened' && error.message.includes('EACCES');

suite('a stream that cannot be opened', () => {
  /** Two streams, of which `door` fails to open while `fails` is true. */
  async function openTwo(folder: string, fails: { now: boolean }) {
    {
      await using before = await openStreams({ folder });
      await before.api.create('door', { ...testSource, visibility: 'private' });
      await before.api.create('studio', testSource);
    }
    const { open } = ManagedStream;
    const wrapped: typeof ManagedStream.open = async (deps, definition, options) => {
      if (fails.now && definition.name === 'door')
        throw new Error('EACCES: permission denied, scandir recordings/door');
      return open.call(ManagedStream, deps, definition, options);
    };
    ManagedStream.open = wrapped;
    const rig = await openStreams({ folder });
    return {
      ...rig,
      [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
      restore() {
        ManagedStream.open = open;
      },
    };
  }

  test('does not keep the others from starting, is listed with the reason, and is opened again', async (t) => {
    await using folder = await temporaryFolder();
    const fails = { now: true };
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await using rig = await openTwo(folder.path, fails);
    t.after(rig.restore);
    assert.deepEqual(
      (await rig.api.list()).map(({ name, state, problem }) => [name, state, problem.includes('EACCES')]),
      [
        ['door', 'waiting', true],
        ['studio', 'starting', false],
      ],
    );
    assert.equal((await rig.api.get('door'))?.state, 'waiting');
    assert.equal(rig.api.isPrivate('door'), true);
    assert.throws(() => rig.catalog.get('door'), isUnopened);
    await assert.rejects(rig.api.create('door', testSource), isUnopened);
    assert.throws(() => checkStreams(rig.catalog, rig.clock.nowMs()), /door \(the stream could not be opened: EACCES/);
    readStreams(rig.catalog, rig.deps.metrics);
    assert.match(await rig.deps.metrics.print(), /oxbow_stream_live\{stream="door"\} 0/);
    t.mock.timers.tick(2000);
    await rig.catalog.settled();
    assert.equal(rig.catalog.unopened.all.length, 1);
    fails.now = false;
    t.mock.timers.tick(4000);
    await rig.catalog.settled();
    assert.equal((await rig.api.get('door'))?.state, 'starting');
    assert.equal(rig.catalog.unopened.all.length, 0);
  });

  test('is counted once while it is opened again, however long that takes', async (t) => {
    await using folder = await temporaryFolder();
    await using rig = await openTwo(folder.path, { now: true });
    t.after(rig.restore);
    using _opening = rig.catalog.opening.begin('door');
    rig.clock.advance(10_000);
    assert.equal(rig.catalog.opening.slow.length, 1);
    assert.throws(
      () => checkStreams(rig.catalog, rig.clock.nowMs()),
      /^OxbowError: 0 of 2 streams are live; no media from: door \(the stream/,
    );
  });

  test('is opened when it is started', async (t) => {
    await using folder = await temporaryFolder();
    const fails = { now: true };
    await using rig = await openTwo(folder.path, fails);
    t.after(rig.restore);
    await assert.rejects(rig.api.start('door'), isUnopened);
    fails.now = false;
    await rig.api.start('door');
    assert.equal((await rig.api.get('door'))?.state, 'starting');
  });

  test('can be removed', async (t) => {
    await using folder = await temporaryFolder();
    await using rig = await openTwo(folder.path, { now: true });
    t.after(rig.restore);
    await rig.api.remove('door', { recordings: 'keep' });
    assert.equal(await rig.api.get('door'), undefined);
    assert.deepEqual(rig.catalog.unopened.all, []);
  });
});

suite('a stream whose opening does not end', () => {
  test('is named in the log and by the health check within ten seconds', async (t) => {
    await using folder = await temporaryFolder();
    {
      await using before = await openStreams({ folder: folder.path });
      await before.api.create('door', testSource);
    }
    const { open } = ManagedStream;
    t.after(() => {
      ManagedStream.open = open;
    });
    using time = openVirtualTime();
    const reading = Promise.withResolvers<void>();
    ManagedStream.open = async (...args) => {
      await reading.promise;
      return open.apply(ManagedStream, args);
    };
    await using rig = await openStreams({ folder: folder.path, clock: time.clock, closed: true });
    const opened = rig.catalog.open();
    await time.runFor(9_999);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '0 of 0 streams are live');
    await time.runFor(1);
    assert.throws(
      () => checkStreams(rig.catalog, rig.clock.nowMs()),
      /0 of 1 streams are live; no media from: door \(its recording has been read for 10 s\)/,
    );
    await time.runFor(10_000);
    const lines = () =>
      rig.logged.filter(({ msg }) => /opened/.test(String(msg))).map(({ msg, seconds }) => [msg, seconds]);
    const slow = 'the stream is still being opened: its recording is read';
    assert.deepEqual(lines(), [
      [slow, 10],
      [slow, 20],
    ]);
    reading.resolve();
    await time.settled('the streams are open', opened);
    assert.deepEqual(lines().at(-1), ['the stream has been opened', 20]);
    assert.deepEqual(rig.catalog.opening.slow, []);
  });
});

suite('a damaged row of a stream', () => {
  test('does not keep the others from starting: without a source the stream is stopped, what else is damaged has its default', async () => {
    await using folder = await temporaryFolder();
    {
      await using before = await openStreams({ folder: folder.path });
      for (const name of ['door', 'studio', 'yard', 'gone']) await before.api.create(name, testSource);
      await before.api.remove('gone', { recordings: 'keep' });
      const damage = (names: string[], damaged: { source: string } | { qualities: string }) =>
        before.store.db.updateTable('stream').set(damaged).where('name', 'in', names).execute();
      await damage(['door', 'gone'], { source: '{"type":' });
      await damage(['studio'], { qualities: '' });
    }
    await using rig = await openStreams({ folder: folder.path });
    assert.deepEqual(
      (await rig.api.list()).map(({ name, state }) => [name, state]),
      [
        ['door', 'stopped'],
        ['studio', 'starting'],
        ['yard', 'starting'],
      ],
    );
    assert.deepEqual(
      rig.logged
        .filter(({ msg }) => msg === 'damaged settings of a stream in the database: set them again')
        .map(({ stream, column }) => [stream, column])
        .sort(),
      [
        ['door', 'source'],
        ['gone', 'source'],
        ['studio', 'qualities'],
      ],
    );
    await rig.api.replace('door', testSource);
    await rig.api.start('door');
    assert.equal((await rig.api.get('door'))?.state, 'starting');
  });
});
