import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { MemoryPlacements } from '../../cluster/placement/memory-placement.fixture.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { checkStreams } from '../gauges.ts';
import { ManagedStream } from '../managed-stream.ts';
import { openStreams, temporaryFolder, testSource } from '../streams.fixture.ts';

/** A stream that a node can give away without an interruption. */
const pushed = { source: { type: 'push' } } as const;

/** The owners as node `a` sees them. */
function openPlacements() {
  const placements = new MemoryPlacements();
  for (const name of ['a', 'b']) {
    const url = new URL(`http://${name}.example`);
    placements.nodes.set(name, { name, url, roles: ['ingest'], version: '1', isAlive: true });
  }
  return placements;
}

suite('a stream that moves between nodes', () => {
  test('is opened once the database answers again, if it fails while the node takes it over', async (t) => {
    using time = openVirtualTime();
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', testSource);
    placements.give('stream', 'door', 'b');
    await rig.control.settled();
    assert.equal(rig.catalog.find('door'), undefined);
    const { chunks } = rig.deps.recordings;
    const last = chunks.last.bind(chunks);
    let failures = 2;
    t.mock.method(chunks, 'last', (id: string) =>
      failures-- > 0 ? Promise.reject(new Error('the connection was lost')) : last(id),
    );
    placements.give('stream', 'door', 'a');
    await time.until('the stream is open', () => rig.catalog.find('door') !== undefined);
    assert.ok(failures < 0, 'it has failed twice');
    assert.equal(time.nowMs, 1500 + 3000);
  });

  test('degrades the health check from the moment that it is this node’s, until its media flows', async (t) => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', testSource);
    placements.give('stream', 'door', 'b');
    await rig.control.settled();
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '0 of 0 streams are live');
    const { chunks } = rig.deps.recordings;
    const last = chunks.last.bind(chunks);
    const reading = Promise.withResolvers<void>();
    t.mock.method(chunks, 'last', async (id: string) => {
      await reading.promise;
      return last(id);
    });
    placements.give('stream', 'door', 'a');
    const whileReading = () => checkStreams(rig.catalog, rig.clock.nowMs());
    try {
      assert.throws(whileReading, /0 of 1 streams .* door \(this node has taken it over and has not opened it yet\)/);
    } finally {
      reading.resolve();
    }
    await rig.control.settled();
    assert.throws(
      () => checkStreams(rig.catalog, rig.clock.nowMs()),
      /0 of 1 streams .* door \(the source has sent no media yet\)/,
    );
    rig.source('door').flow(2000);
    assert.equal(checkStreams(rig.catalog, rig.clock.nowMs()), '1 of 1 streams are live');
  });

  test('is not an error in the log because the dead node has the files', async (t) => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', testSource);
    placements.give('stream', 'door', 'b');
    await rig.control.settled();
    t.mock.method(rig.segments, 'read', () =>
      Promise.reject(new OxbowError('not-ready', 'The recording is on a node that does not run.')),
    );
    placements.give('stream', 'door', 'a');
    await rig.control.settled();
    assert.equal(rig.catalog.get('door').status.state, 'starting');
    const read = rig.logged.find(({ msg }) => msg === 'the file of deleted ranges cannot be read');
    assert.equal(read?.level, 'info');
  });

  test('that could not be opened yet is not ready, instead of unknown', async (t) => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', testSource);
    await rig.api.create('gone', testSource);
    await rig.api.remove('gone', { recordings: 'keep' });
    placements.give('stream', 'door', 'b');
    await rig.control.settled();
    await assert.rejects(
      async () => rig.api.get('door'),
      { code: 'not-ready' },
      'a node that asks has not learned of it',
    );
    t.mock.method(rig.deps.recordings.chunks, 'last', () => Promise.reject(new Error('the connection was lost')));
    placements.give('stream', 'door', 'a');
    await assert.rejects(async () => rig.api.get('door'), { code: 'not-ready' });
    assert.equal(await rig.api.get('other'), undefined);
    assert.equal(await rig.api.get('gone'), undefined);
  });

  test('is opened again by the node that could not give it away', async (t) => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    const placement = placements.of('a');
    await using rig = await openStreams({ folder: folder.path, placement });
    await rig.api.create('door', pushed);
    t.mock.method(placement, 'give', () => Promise.reject(new Error('the connection was lost')));
    await assert.rejects(rig.control.give('door', 'b', { waits: false }), /the connection was lost/);
    assert.equal((await rig.api.get('door'))?.name, 'door');
    t.mock.restoreAll();
    await rig.control.give('door', 'b', { waits: false });
    assert.equal(rig.catalog.find('door'), undefined);
  });

  test('is given to another node as soon as it is open, while this one still takes it over', async () => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', pushed);
    placements.give('stream', 'door', 'b');
    await rig.control.settled();
    placements.give('stream', 'door', 'a');
    assert.equal(rig.catalog.find('door'), undefined);
    assert.equal(await rig.control.give('door', 'b', { waits: false }), true);
    assert.equal(placements.of('b').find('stream', 'door'), 'own');
  });

  test('waits for all publishers that were led away: one on standby follows the active one', async () => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', { source: { type: 'push', onSecondPublisher: 'standby' } });
    const { signal } = new AbortController();
    const claim = () => rig.catalog.get('door').publishers.claim({ protocol: 'rtmp', remote: '', signal });
    const [first, second] = [await claim(), await claim()];
    for (const { connection } of [first, second]) connection.isLedAway = true;
    const giving = rig.control.give('door', 'b', { waits: true });
    first.close('it has left');
    await rig.api.create('gate', pushed);
    assert.equal(second.turn.role, 'active');
    second.close('it has left');
    assert.equal(await giving, true);
  });

  test('waits for a publisher that was led away, and stays with one that was not', async () => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', pushed);
    const { signal } = new AbortController();
    const request = { protocol: 'rtmp', remote: '', signal };
    const publisher = await rig.catalog.get('door').publishers.claim(request);
    for (const waits of [false, true])
      await assert.rejects(rig.control.give('door', 'b', { waits }), { code: 'publisher-active' });
    publisher.connection.isLedAway = true;
    assert.equal(await rig.control.give('door', 'b', { waits: false }), false);
    let isGiven = false;
    const giving = rig.control.give('door', 'b', { waits: true }).finally(() => {
      isGiven = true;
    });
    await rig.api.create('gate', pushed); // it holds up no other change
    assert.equal(isGiven, false);
    publisher.close('it has left');
    assert.equal(await giving, true);
    assert.equal(rig.catalog.find('door'), undefined);
  });

  test('a publisher that was led away and does not leave stays, unless another one replaces it', async (t) => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    const { signal } = new AbortController();
    const giveLate = async (name: string) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const giving = rig.control.give(name, 'b', { waits: true });
      t.mock.timers.tick(6000);
      t.mock.timers.reset();
      return giving.catch((error: OxbowError) => error.code);
    };
    for (const [onSecondPublisher, given] of [
      ['refuse', 'publisher-active'],
      ['standby', 'publisher-active'],
      ['replace', true],
    ] as const) {
      await rig.api.create(onSecondPublisher, { source: { type: 'push', onSecondPublisher } });
      const { publishers } = rig.catalog.get(onSecondPublisher);
      const publisher = await publishers.claim({ protocol: 'rtmp', remote: '', signal });
      publisher.connection.isLedAway = true;
      assert.equal(await giveLate(onSecondPublisher), given);
      assert.equal(publisher.signal.aborted, given === true, onSecondPublisher);
    }
  });

  test('a publisher that was led away, and is replaced, is ended, and knows where its stream is', async (t) => {
    await using folder = await temporaryFolder();
    const placements = openPlacements();
    await using rig = await openStreams({ folder: folder.path, placement: placements.of('a') });
    await rig.api.create('door', { source: { type: 'push', onSecondPublisher: 'replace' } });
    await rig.api.create('gate', pushed);
    const { signal } = new AbortController();
    const claim = (name: string) => rig.catalog.get(name).publishers.claim({ protocol: 'rtmp', remote: '', signal });
    const [door, gate] = [await claim('door'), await claim('gate')];
    door.connection.isLedAway = true;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const giving = rig.control.give('door', 'b', { waits: true });
    t.mock.timers.tick(6000);
    t.mock.timers.reset();
    assert.equal(await giving, true);
    assert.equal((door.signal.reason as OxbowError).code, 'publish-refused');
    placements.give('stream', 'gate', 'b');
    await rig.control.settled();
    assert.equal((gate.signal.reason as OxbowError).extra.movedTo, 'b');
  });

  test('a name whose settings are refused gets no owner', async () => {
    await using folder = await temporaryFolder();
    const placement = openPlacements().of('a');
    await using rig = await openStreams({ folder: folder.path, placement });
    await assert.rejects(rig.api.create('door', { ...testSource, keep: 'x' }), { code: 'bad-request' });
    assert.equal(placement.find('stream', 'door'), undefined);
  });
});

suite('the streams of a node that has died', () => {
  /** Streams of node `b`, each of which takes `readMs` to be opened here. */
  async function openHeir(
    t: TestContext,
    time: ReturnType<typeof openVirtualTime>,
    folder: string,
    readMs: (name: string) => number,
  ) {
    const names = Array.from({ length: 10 }, (_, at) => `s${at}`);
    const placements = openPlacements();
    const rig = await openStreams({ folder, clock: time.clock, placement: placements.of('a') });
    for (const name of names) await rig.api.create(name, testSource);
    const ids = new Map(names.map((name) => [name, rig.catalog.get(name).definition.id]));
    for (const name of names) placements.give('stream', name, 'b');
    await time.settled('they are at the other node', rig.control.settled());
    const { open } = ManagedStream;
    t.after(() => {
      ManagedStream.open = open;
    });
    // Virtual time is still when a test has failed.
    const ending = new AbortController();
    let underWay = 0;
    let most = 0;
    ManagedStream.open = async (deps, definition, options) => {
      most = Math.max(most, ++underWay);
      try {
        await sleep(readMs(definition.name), { signal: AbortSignal.any([options.signal, ending.signal]) });
        return await open.call(ManagedStream, deps, definition, options);
      } finally {
        underWay--;
      }
    };
    return {
      ...rig,
      [Symbol.asyncDispose]() {
        ending.abort();
        return rig[Symbol.asyncDispose]();
      },
      names,
      placements,
      idOf: (name: string) => ids.get(name),
      get most() {
        return most;
      },
      /** In one turn of the event loop, as the owners are read. */
      takeOver() {
        for (const name of names) placements.give('stream', name, 'a');
      },
      get open() {
        return names.filter((name) => rig.catalog.find(name));
      },
    };
  }

  test('are opened four at a time', async (t) => {
    await using folder = await temporaryFolder();
    using time = openVirtualTime();
    await using rig = await openHeir(t, time, folder.path, () => 2000);
    rig.takeOver();
    assert.deepEqual(rig.catalog.toOpen, rig.names);
    await time.runFor(1999);
    assert.deepEqual(rig.open, []);
    await time.runFor(1);
    assert.deepEqual(rig.open, rig.names.slice(0, 4));
    await time.runFor(2000);
    assert.deepEqual(rig.open, rig.names.slice(0, 8));
    await time.runFor(2000);
    assert.deepEqual([rig.open, rig.most], [rig.names, 4]);
    assert.deepEqual(rig.catalog.toOpen, []);
  });

  test('wait for none that takes longer than ten seconds; changes wait for them', async (t) => {
    await using folder = await temporaryFolder();
    using time = openVirtualTime();
    const slow = new Set(['s1', 's2', 's3', 's4']);
    await using rig = await openHeir(t, time, folder.path, (name) => (slow.has(name) ? 60_000 : 1000));
    rig.takeOver();
    const changing = rig.api.create('new', testSource);
    await time.runFor(10_000);
    assert.deepEqual(rig.open, ['s0'], 's1 to s4 have the four places');
    await time.runFor(3000);
    assert.deepEqual(rig.open, ['s0', 's5', 's6', 's7', 's8', 's9']);
    await time.settled('the change', changing);
    assert.throws(() => rig.catalog.get('s1'), { code: 'stream-unopened', message: /Its recording has been read/ });
    await time.runFor(60_000);
    assert.deepEqual(rig.open, rig.names);
  });

  test('do not depend on each other: what fails is tried again, what moves on is not opened', async (t) => {
    await using folder = await temporaryFolder();
    using time = openVirtualTime();
    await using rig = await openHeir(t, time, folder.path, () => 1000);
    const { reload = async () => {} } = rig.deps;
    let failures = 2;
    Object.assign(rig.deps, {
      reload: async (id: string) => {
        if (rig.idOf('s2') === id && failures-- > 0) throw new Error('the connection was lost');
        await reload(id);
      },
    });
    rig.takeOver();
    rig.placements.give('stream', 's7', 'b');
    await time.runFor(3000);
    assert.deepEqual(
      rig.open,
      rig.names.filter((name) => name !== 's2' && name !== 's7'),
    );
    await time.until('it is open', () => rig.catalog.find('s2') !== undefined);
    assert.equal(rig.catalog.find('s7'), undefined);
  });

  test('are no errors in the log when their opening is given up because this node shuts down', async (t) => {
    await using folder = await temporaryFolder();
    using time = openVirtualTime();
    await using rig = await openHeir(t, time, folder.path, () => 1000);
    const { reload = async () => {}, recordings } = rig.deps;
    const { chunks } = recordings;
    const last = chunks.last.bind(chunks);
    const shutdown = new DOMException('oxbow is shutting down', 'AbortError');
    Object.assign(rig.deps, {
      reload: (id: string) => (rig.idOf('s2') === id ? Promise.reject(shutdown) : reload(id)),
    });
    t.mock.method(chunks, 'last', (id: string) => (rig.idOf('s3') === id ? Promise.reject(shutdown) : last(id)));
    rig.takeOver();
    await time.runFor(5000);
    assert.deepEqual(
      rig.open,
      rig.names.filter((name) => name !== 's2' && name !== 's3'),
    );
    assert.deepEqual(
      rig.logged.filter(({ level }) => level === 'error'),
      [],
    );
  });
});
