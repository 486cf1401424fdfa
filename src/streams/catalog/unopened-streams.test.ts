import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { MemoryPlacements } from '../../cluster/placement/memory-placement.fixture.ts';
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
    await rig.control.settled();
    assert.equal(rig.catalog.unopened.all.length, 1);
    fails.now = false;
    t.mock.timers.tick(4000);
    await rig.control.settled();
    assert.equal((await rig.api.get('door'))?.state, 'starting');
    assert.equal(rig.catalog.unopened.all.length, 0);
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
  /** Five streams on virtual time, of which the first four are not opened until `reading` is resolved. */
  async function openFive(folder: string, reading: Promise<unknown>, t: TestContext) {
    const names = ['a', 'b', 'c', 'd', 'e'];
    {
      await using before = await openStreams({ folder });
      for (const name of names) await before.api.create(name, testSource);
    }
    const { open } = ManagedStream;
    t.after(() => {
      ManagedStream.open = open;
    });
    ManagedStream.open = async (deps, definition, options) => {
      if (definition.name !== 'e') await reading;
      return open.call(ManagedStream, deps, definition, options);
    };
    return names;
  }

  test('is named by the log and the health check after ten seconds, and keeps neither the others nor the start', async (t) => {
    await using folder = await temporaryFolder();
    const reading = Promise.withResolvers<void>();
    await openFive(folder.path, reading.promise, t);
    using time = openVirtualTime();
    await using rig = await openStreams({ folder: folder.path, clock: time.clock, closed: true });
    const opened = rig.control.open();
    await time.runFor(9_999);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '0 of 0 streams are live');
    assert.throws(() => rig.catalog.get('e'), { code: 'not-ready' });
    await time.runFor(1);
    await time.settled('the start waits no longer', opened);
    assert.equal(rig.catalog.isOpen, true);
    assert.equal(rig.catalog.get('e').status.state, 'starting');
    rig.source('e').flow(2000);
    const stuck = ['a', 'b', 'c', 'd'].map((name) => `${name} \\(its recording has been read for \\d+ s\\)`);
    assert.throws(
      () => checkStreams(rig.catalog, rig.clock.nowMs()),
      new RegExp(`1 of 5 streams are live; no media from: ${stuck.join(', ')}`),
    );
    assert.throws(() => rig.catalog.get('a'), { code: 'stream-unopened', message: /Its recording has been read/ });
    await assert.rejects(rig.api.start('a'), { code: 'stream-unopened' });
    await assert.rejects(rig.api.remove('a', { recordings: 'keep' }), { code: 'stream-unopened' });
    assert.equal(rig.catalog.recordings.retentionRules.length, 5, 'their recordings have an owner');
    await time.runFor(10_000);
    const lines = rig.logged.filter(({ stream, msg }) => stream === 'a' && /opened/.test(String(msg)));
    const slow = 'the stream is still being opened: its recording is read';
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      [slow, slow],
    );
    reading.resolve();
    await time.until('all are open', () => rig.catalog.all.length === 5);
    assert.deepEqual(rig.catalog.unopened.all, []);
    assert.ok(rig.logged.some(({ msg }) => msg === 'the stream is not being opened any more'));
    await rig.api.remove('a', { recordings: 'keep' });
  });

  test('is closed when it is open at last, if another node has it then', async (t) => {
    await using folder = await temporaryFolder();
    const reading = Promise.withResolvers<void>();
    await openFive(folder.path, reading.promise, t);
    using time = openVirtualTime();
    const placements = new MemoryPlacements();
    const node = { name: 'b', url: new URL('http://b.example'), roles: [], version: '1', isAlive: true };
    placements.nodes.set('b', node);
    {
      const placement = placements.of('a');
      await using rig = await openStreams({ folder: folder.path, clock: time.clock, closed: true, placement });
      const opened = rig.control.open();
      await time.runFor(10_000);
      await time.settled('the start waits no longer', opened);
      placements.give('stream', 'a', 'b');
      await time.settled('it has moved', rig.control.settled());
      reading.resolve();
      await time.until('the others are open', () => rig.catalog.all.length === 4);
      const ended = 'the stream is not being opened any more';
      const isGivenUp = () => rig.logged.some(({ stream, msg }) => stream === 'a' && msg === ended);
      await time.until('it is given up', isGivenUp);
      assert.equal(rig.catalog.find('a'), undefined);
      assert.deepEqual(rig.catalog.unopened.all, []);
    }
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
        .filter(({ msg }) => msg === 'the settings of a stream in the database are damaged: set them again')
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
