import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import type { SourceFacts } from '../api/source-facts.ts';
import { readSavedState } from './saved-state.ts';
import { openStreams, START_MS, temporaryFolder, timeline } from './streams.fixture.ts';

const pull = { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } } as const;
const testSource = { source: { type: 'test' } } as const;
const EVER = [0, 4e12] as const;

suite('a stream’s state', () => {
  test('is starting until media flows, live while it flows, waiting after a report of the source, stopped', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const view = await rig.api.create('door', pull);
    assert.deepEqual([view.state, view.liveSince, view.problem], ['starting', null, '']);
    const stream = rig.catalog.get('door');
    assert.equal(stream.served.starting(), true);
    const source = rig.source('door');
    source.flow(500);
    assert.equal(stream.status.state, 'live');
    assert.equal(stream.served.starting(), true, 'there is no list yet');
    source.flow(5000);
    assert.equal(stream.served.starting(), false);
    assert.equal((await rig.api.get('door'))?.liveSince, new Date(START_MS).toISOString());
    source.down(1000);
    assert.deepEqual(
      [stream.status.state, stream.status.problem, stream.status.liveSinceUs],
      ['waiting', 'HTTP 404 seg81.ts', undefined],
    );
    for (let i = 0; i < 20; i++) source.down(3000, `try ${i}: ECONNREFUSED`);
    assert.equal(stream.status.problem, 'try 19: ECONNREFUSED');
    const still = rig.logged.find(({ msg }) => msg === 'media is still missing');
    assert.equal(still?.level, 'debug', 'one warning for a state, not one for each try');
    source.flow(1000);
    assert.deepEqual([stream.status.state, stream.status.problem], ['live', '']);
    for (const msg of ['the stream is live', 'media is missing']) {
      const line = rig.logged.find((each) => each.msg === msg);
      assert.deepEqual([line?.stream, line?.url], ['door', pull.source.url], 'the log names the address');
    }
    await rig.api.stop('door');
    assert.deepEqual([stream.status.state, stream.status.problem], ['stopped', 'stopped by a person']);
    assert.equal(source.signal.aborted, true);
  });

  test('is starting after a restart, whatever the state before', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', pull);
      rig.source('door').flow(5000);
      rig.source('door').down(1000);
      assert.equal(rig.catalog.get('door').status.state, 'waiting');
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 60_000 });
    assert.equal(rig.catalog.get('door').status.state, 'starting');
    assert.equal(rig.catalog.get('door').served.starting(), true);
  });

  test('is ended after the source has ended; after a bug it waits with a reason, and its source is read again', async () => {
    using time = openVirtualTime();
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    await rig.api.create('gate', testSource);
    rig.source('door').flow(3000);
    rig.source('door').done.resolve('the end');
    const gates = () => rig.sources.filter(({ definition }) => definition.name === 'gate').length;
    rig.source('gate').done.reject(new Error('a bug at https://x/secret'));
    await rig.settle();
    assert.deepEqual(
      (await rig.api.list()).map(({ state, problem }) => [state, problem]),
      [
        ['ended', 'the end'],
        ['waiting', 'an internal error ended the source; the log has the details'],
      ],
    );
    assert.equal(rig.catalog.get('door').served.list.ended, true);
    assert.ok(rig.logged.some(({ msg, error }) => /a bug/.test(msg) && error !== undefined));
    await time.until('the source is read again', () => gates() === 2);
    assert.deepEqual([time.nowMs, rig.source('gate').options.signal.aborted], [750, false]);
    rig.source('gate').flow(3000);
    assert.equal(rig.catalog.get('gate').status.state, 'live');
    await rig.api.start('door');
    assert.equal(rig.catalog.get('door').status.state, 'starting');
  });

  test('stays ended when the time is over in which its publisher could return', async (t) => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('film', pull);
    rig.source('film').flow(3000);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    rig.source('film').done.resolve('the source has been played to its end');
    await rig.settle();
    t.mock.timers.tick(60_000);
    assert.equal(rig.catalog.get('film').status.state, 'ended');
  });
});

suite('a live source that ends its playlist', () => {
  const detail = 'the source ended its playlist';

  test('is offline, also in the timeline, and its playlist stays open for the linger time; a return continues it', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    const source = rig.source('door');
    source.flow(5000);
    const { list } = rig.catalog.get('door').served;
    const { number } = list.generation!;
    source.ends(20_000, detail);
    const view = await rig.api.get('door');
    assert.deepEqual([view?.state, view?.problem], ['offline', detail]);
    await rig.settle();
    assert.deepEqual(await timeline(rig), ['media 0…5', 'offline 5…25']);
    assert.equal(list.ended, false);
    source.flow(5000);
    assert.deepEqual([rig.catalog.get('door').status.state, list.generation!.number], ['live', number]);
    await rig.api.stop('door');
    assert.equal(rig.catalog.get('door').status.state, 'stopped');
  });

  test('is known to be live after a restart; another source of the same stream is not', async () => {
    await using folder = await temporaryFolder();
    const facts: SourceFacts = { protocol: 'hls', container: '', title: '', live: true, qualities: [] };
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', pull);
      assert.equal(rig.source('door').options.wasLive, false);
      rig.source('door').options.onFacts?.(facts);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 60_000 });
    assert.equal(rig.source('door').options.wasLive, true);
    await rig.api.replace('door', { source: { ...pull.source, url: 'http://127.0.0.1:9/other.m3u8' } });
    assert.equal(rig.source('door').options.wasLive, false);
  });
});

suite('stopping', () => {
  test('while the source is starting ends it', async () => {
    await using folder = await temporaryFolder();
    const started = Promise.withResolvers<void>();
    let running = 0;
    await using rig = await openStreams({
      folder: folder.path,
      runSource: async (_definition, _input, { signal }) => {
        running++;
        started.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await new Promise(setImmediate);
        running--;
        return 'stopped';
      },
    });
    await rig.api.create('door', testSource);
    await started.promise;
    await Promise.all([rig.api.stop('door'), rig.api.stop('door'), rig.api.start('door'), rig.api.stop('door')]);
    assert.equal(running, 0);
    assert.equal(rig.catalog.get('door').status.state, 'stopped');
    assert.deepEqual(await timeline(rig), []);
    rig.clock.advance(5000);
    assert.deepEqual(await timeline(rig), ['offline 0…5']);
  });

  test('ends the live playlist at once, and the next start begins another generation', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(5000);
    const { list } = rig.catalog.get('door').served;
    const before = list.generation!.number;
    await rig.api.stop('door');
    assert.equal(list.ended, true);
    await rig.api.start('door');
    rig.source('door').flow(5000);
    assert.ok(list.generation!.number > before);
    assert.equal(list.ended, false);
  });

  test('survives a restart, and starting again continues the recording', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', testSource);
      rig.source('door').flow(5000);
      await rig.api.stop('door');
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 60_000 });
    assert.equal(rig.sources.length, 0);
    assert.equal((await rig.api.get('door'))?.state, 'stopped');
    await rig.api.start('door');
    rig.source('door').flow(5000);
    await rig.settle();
    assert.deepEqual((await timeline(rig)).slice(0, 2), ['media 0…5', 'offline 5…60']);
  });

  test('seals the file, so that no file stays open without media', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(5000);
    await rig.settle();
    const { recording } = rig.catalog.get('door').served;
    assert.ok(recording.open.length > 0);
    rig.source('door').down(0);
    await rig.settle();
    while (recording.open.length > 0) await new Promise(setImmediate);
    assert.equal((await rig.deps.recordings.table.totals(rig.catalog.get('door').definition.id)).durationUs, 5_000_000);
  });
});

suite('the live playlist of a source that is down', () => {
  test('stays open for the linger time from the first report, and continues when media returns', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    const { list } = rig.catalog.get('door').served;
    const source = rig.source('door');
    source.flow(5000);
    const { number } = list.generation!;
    source.down(1000);
    t.mock.timers.tick(119_000);
    source.flow(5000);
    t.mock.timers.tick(5000);
    assert.equal(list.ended, false);
    assert.equal(list.generation!.number, number);
    for (let i = 0; i < 12; i++) {
      source.down(1000, `try ${i}`);
      assert.equal(list.ended, false);
      t.mock.timers.tick(10_000);
    }
    assert.equal(list.ended, true, 'saying it again does not keep it open');
  });

  test('that is closed has ended in order, whatever comes behind', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', pull);
    rig.source('door').flow(3000);
    const stream = rig.catalog.get('door');
    const { definition } = stream;
    await stream.close();
    stream.redefine({ ...definition, record: false });
    stream.stream.startRun({ tracks: [videoTrack], utcOffsetUs: 0, clock: 'source', pace: { kind: 'continuous' } });
    stream.stream.publish({ trackId: videoTrack.id, dts: 0, pts: 0, duration: 1, key: true, data: new Uint8Array(1) });
    await rig.settle();
    assert.equal((await readSavedState(rig.deps.store.db, definition.id))?.clean, true);
  });

  test('leaves no timer when oxbow closes', async () => {
    using time = openVirtualTime();
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', pull);
      rig.source('door').flow(5000);
      rig.source('door').down(1000);
      await rig.api.create('gate', testSource);
      rig.source('gate').flow(5000);
      assert.ok(time.timers > 0);
    }
    assert.equal(time.timers, 0);
  });
});

suite('recording', () => {
  test('that is switched off seals the file and is offline in the timeline; switched on it continues', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    const source = rig.source('door');
    source.flow(6000);
    await rig.settle();
    await rig.api.replace('door', { ...testSource, record: false });
    source.flow(6000);
    await rig.settle();
    const off = await timeline(rig);
    assert.equal(off[0]!.startsWith('media 0…'), true);
    assert.equal(off[1]!.startsWith('offline '), true);
    await rig.api.replace('door', { ...testSource, record: true });
    source.flow(8000);
    await rig.settle();
    const kinds = (await timeline(rig)).map((piece) => piece.split(' ')[0]);
    assert.deepEqual(kinds, ['media', 'offline', 'media']);
    assert.equal(rig.sources.length, 1, 'the source ran on');
    assert.deepEqual((await rig.api.timeline('door', ...EVER)).gaps, []);
  });

  test('that lost segments leaves them in memory while they are listed', async () => {
    await using folder = await temporaryFolder();
    let room = true;
    await using rig = await openStreams({ folder: folder.path, mayWrite: () => room });
    await rig.api.create('door', testSource);
    const source = rig.source('door');
    source.flow(6000);
    await rig.settle();
    source.down(0); // its file is closed
    room = false;
    source.flow(6000);
    await rig.settle();
    room = true;
    source.flow(30_000);
    await rig.settle();
    const { list, recording } = rig.catalog.get('door').served;
    let lost = 0;
    for (const segment of list.segments.filter(({ sealed }) => sealed)) {
      const isRecorded = (await recording.find(segment.msn)) !== undefined;
      if (!isRecorded) lost++;
      assert.ok(isRecorded || segment.bytes, `segment ${segment.msn} is nowhere`);
    }
    assert.ok(lost > 0);
    assert.ok(list.segments[0]!.bytes === undefined, 'what is recorded left memory');
  });

  test('a window is closed when media is after it, after a minute without media, or at once when the stream stops', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    const stream = rig.catalog.get('door');
    rig.source('door').flow(10_000);
    await rig.settle();
    const at = (seconds: number) => (START_MS + seconds * 1000) * 1000;
    assert.deepEqual([stream.served.settled(at(6)), stream.served.settled(at(20))], [true, false]);
    rig.source('door').down(60_000);
    await rig.settle();
    assert.deepEqual([stream.served.settled(at(10)), stream.served.settled(at(11))], [true, false]);
    rig.clock.advance(1000);
    assert.equal(stream.served.settled(at(11)), true);
    rig.source('door').flow(1000);
    assert.equal(stream.served.settled(at(12)), false, 'media flows again, and comes to lie somewhere');
    await stream.stop('stopped by a person');
    await rig.settle();
    rig.clock.advance(2000);
    const nowUs = rig.clock.nowMs() * 1000;
    assert.deepEqual(
      [stream.served.settled(nowUs), stream.served.settled(nowUs + 1e6)],
      [true, false],
      'nothing comes late',
    );
    stream.start();
    assert.deepEqual(
      [stream.status.state, stream.served.settled(nowUs)],
      ['starting', true],
      'a list never takes its ENDLIST back',
    );
  });

  test('the revision of a window increases with late media', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(7000);
    await rig.settle();
    const first = (await rig.api.timeline('door', ...EVER)).windows[0]!;
    assert.deepEqual([first.to - first.from, first.closed], [600, false]);
    rig.source('door').flow(10_000);
    await rig.settle();
    assert.ok((await rig.api.timeline('door', ...EVER)).windows[0]!.rev > first.rev);
  });
});
