import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import { adoptRecordings } from './stream-table.ts';
import { configured, EVER, openStreams, START_MS, spansOf, temporaryFolder, testSource } from './streams.fixture.ts';

const secret = 'http://user:pa55@cam.example:8443/s3cret/live.m3u8?token=t0ken';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

suite('the streams', () => {
  test('are made, listed by name, found, and started', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('studio', testSource);
    const view = await house.api.create('door', {
      ...testSource,
      ...{ title: ' The door ', keep: '7d', visibility: 'private', record: false },
    });
    assert.deepEqual(
      { ...view, createdAt: '' },
      {
        name: 'door',
        state: 'starting',
        problem: '',
        origin: 'api',
        source: { type: 'test' },
        publisher: null,
        title: 'The door',
        description: '',
        record: false,
        visibility: 'private',
        createdAt: '',
        liveSince: null,
        tracks: [],
        facts: null,
        media: null,
        recorded: { from: null, to: null, seconds: 0, bytes: 0 },
        viewers: 0,
        hls: '/live/door/index.m3u8',
      },
    );
    assert.deepEqual(
      (await house.api.list()).map(({ name }) => name),
      ['door', 'studio'],
    );
    assert.deepEqual(
      [house.api.isPrivate('door'), house.api.isPrivate('studio'), house.api.isPrivate('x')],
      [true, false, false],
    );
    assert.equal(house.catalog.get('door').keeping.keepMs, 7 * 86_400_000);
    assert.equal(house.catalog.get('studio').keeping.keepMs, 86_400_000);
    assert.equal(house.sources.length, 2);
    assert.equal(await house.api.get('gate'), undefined);
  });

  test('refuse what cannot be: a name twice, a wrong name, a wrong URL or duration, an unknown stream', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('door', testSource);
    await assert.rejects(house.api.create('door', testSource), refusal('stream-exists'));
    for (const name of ['', 'Door', '-a', 'a/b', 'x'.repeat(65), '..']) {
      await assert.rejects(house.api.create(name, testSource), refusal('bad-name'), name);
    }
    await assert.rejects(house.api.create('a', { source: { type: 'pull', url: 'ftp://x' } }), refusal('bad-request'));
    await assert.rejects(house.api.create('a', { ...testSource, keep: 'for ever' }), refusal('bad-request'));
    for (const ask of [
      () => house.api.start('gate'),
      () => house.api.stop('gate'),
      () => house.api.restart('gate'),
      () => house.api.remove('gate', { recordings: 'keep' }),
      () => house.api.timeline('gate', 0, 1),
      () => house.api.gaps('gate', 0, 1),
    ]) {
      await assert.rejects(ask(), refusal('stream-unknown'));
    }
    assert.deepEqual(
      (await house.api.list()).map(({ name }) => name),
      ['door'],
      'nothing half-made is left',
    );
  });

  test('are there again after a restart', async () => {
    await using folder = await temporaryFolder();
    {
      await using house = await openStreams({ folder: folder.path });
      await house.api.create('door', { source: { type: 'pull', url: secret }, keep: '2h', visibility: 'unlisted' });
    }
    await using house = await openStreams({ folder: folder.path, nowMs: START_MS + 5000 });
    const { definition } = house.catalog.get('door');
    assert.deepEqual(definition.source, { type: 'pull', url: secret, headers: {} });
    assert.deepEqual(
      [definition.keepMs, definition.visibility, definition.createdUs, definition.record],
      [7_200_000, 'unlisted', START_MS * 1000, true],
    );
    assert.equal(house.source('door').definition.id, definition.id);
  });

  test('never show a source’s address, user, password, path or headers, live, waiting or in gaps', async () => {
    await using folder = await temporaryFolder();
    const headers = { authorization: 'Bearer h34der' };
    const gate = configured({ source: { type: 'pull', url: secret, headers } });
    const config = { streams: { gate } } as never;
    await using house = await openStreams({ folder: folder.path, config });
    await house.api.create('door', { source: { type: 'pull', url: secret } });
    for (const name of ['door', 'gate']) {
      const source = house.source(name);
      source.flow(5000);
      source.down(5000, `HTTP 404 ${secret} and https://other.example/p4th/seg81.ts?x=1`);
      await house.settle();
      source.flow(5000);
      source.down(5000, 'cam.example:8443 refuses connections');
      await house.settle();
    }
    const all = JSON.stringify([
      await house.api.list(),
      await house.api.get('door'),
      await house.api.timeline('gate', ...EVER),
      await house.api.gaps('door', ...EVER),
    ]);
    for (const word of ['cam.example', 's3cret', 't0ken', 'pa55', 'user', 'p4th', 'other.example', 'h34der', '8443']) {
      assert.ok(!all.includes(word), `${word} is told in ${all}`);
    }
    assert.equal((await house.api.gaps('door', ...EVER))[0]!.detail, 'HTTP 404 live.m3u8 and seg81.ts');
    assert.equal((await house.api.get('door'))!.problem, 'the source refuses connections');
  });
});

suite('replacing', () => {
  test('makes a stream that is not there', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    assert.equal((await house.api.replace('door', testSource)).created, true);
    await assert.rejects(house.api.replace('No', testSource), refusal('bad-name'));
  });

  test('other settings leaves the source running; another source begins anew with the same past', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('door', testSource);
    house.source('door').flow(5000);
    const same = await house.api.replace('door', { ...testSource, visibility: 'private', keep: '1h' });
    assert.deepEqual([same.created, same.view.visibility, house.sources.length], [false, 'private', 1]);
    const { list } = house.catalog.get('door');
    const other = await house.api.replace('door', { source: { type: 'pull', url: 'http://127.0.0.1/x.m3u8' } });
    assert.deepEqual([other.created, other.view.source.type, other.view.visibility], [false, 'pull', 'public']);
    assert.equal(list.ended, true, 'nobody waits for more of the old list');
    assert.equal(house.sources[0]!.signal.aborted, true);
    assert.equal(house.sources.length, 2);
    const { id, createdUs } = house.sources[0]!.definition;
    assert.deepEqual([house.sources[1]!.definition.id, house.sources[1]!.definition.createdUs], [id, createdUs]);
    assert.equal((await spansOf(house, 'door')).length, 1);
    await house.api.stop('door');
    await house.api.replace('door', { source: { type: 'pull', url: 'http://127.0.0.1/x.m3u8' } });
    assert.equal((await house.api.get('door'))!.state, 'starting', 'what is put is meant to run');
  });

  test('and removing at the same time come one after the other', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('door', testSource);
    const { id } = house.catalog.get('door').definition;
    const [, replaced] = await Promise.all([
      house.api.remove('door', { recordings: 'delete' }),
      house.api.replace('door', { source: { type: 'pull', url: 'http://127.0.0.1/x.m3u8' } }),
    ]);
    assert.equal(replaced.created, true);
    assert.notEqual(house.catalog.get('door').definition.id, id);
    assert.equal(house.sources.filter(({ signal }) => !signal.aborted).length, 1);
  });

  test('restarting connects anew', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('door', testSource);
    await house.api.restart('door');
    assert.deepEqual(
      house.sources.map(({ signal }) => signal.aborted),
      [true, false],
    );
  });
});

suite('streams that are set elsewhere', () => {
  test('are started, show where they are set, and are not changed or removed over the API', async () => {
    await using folder = await temporaryFolder();
    const config = { streams: { door: configured({ visibility: 'unlisted', keep: 3_600_000 }) } } as never;
    await using house = await openStreams({ folder: folder.path, config });
    const view = (await house.api.get('door'))!;
    assert.deepEqual([view.origin, view.visibility, view.state], ['command-line', 'unlisted', 'starting']);
    await assert.rejects(house.api.replace('door', testSource), refusal('managed-elsewhere'));
    await assert.rejects(house.api.remove('door', { recordings: 'keep' }), refusal('managed-elsewhere'));
    await assert.rejects(house.api.create('door', testSource), refusal('stream-exists'));
    await house.api.stop('door');
    assert.equal((await house.api.get('door'))!.state, 'stopped');
  });

  test('and no longer are belong to the API, stopped, with their past', async () => {
    await using folder = await temporaryFolder();
    {
      await using house = await openStreams({
        folder: folder.path,
        config: { streams: { door: configured() } } as never,
      });
      house.source('door').flow(5000);
    }
    await using house = await openStreams({ folder: folder.path, nowMs: START_MS + 30_000 });
    const view = (await house.api.get('door'))!;
    assert.deepEqual([view.origin, view.state, view.recorded.seconds], ['api', 'stopped', 5]);
    await house.api.remove('door', { recordings: 'keep' });
    await house.catalog.close();
  });

  test('take over the past of a removed or an API stream of that name', async () => {
    await using folder = await temporaryFolder();
    {
      await using house = await openStreams({ folder: folder.path });
      for (const name of ['door', 'gate']) {
        await house.api.create(name, testSource);
        house.source(name).flow(5000);
      }
      await house.api.remove('gate', { recordings: 'keep' });
    }
    const streams = { door: configured(), gate: configured({ origin: 'configuration' }) };
    await using house = await openStreams({
      folder: folder.path,
      nowMs: START_MS + 60_000,
      config: { streams } as never,
    });
    for (const name of ['door', 'gate']) assert.equal((await spansOf(house, name)).length, 1);
    assert.equal((await house.api.get('gate'))!.origin, 'configuration');
  });
});

suite('a lost database', () => {
  test('is made again from the folders: names, creation and recordings, stopped and private', async () => {
    await using folder = await temporaryFolder();
    let before: unknown;
    {
      await using house = await openStreams({ folder: folder.path });
      for (const name of ['door', 'gate']) await house.api.create(name, testSource);
      house.source('door').flow(10_000);
      await house.api.stop('door');
      await house.settle();
      before = await spansOf(house, 'door');
    }
    for (const name of await readdir(folder.path)) {
      if (name.startsWith('oxbow.db')) await rm(path.join(folder.path, name));
    }
    await using house = await openStreams({ folder: folder.path, nowMs: START_MS + 60_000, closed: true });
    assert.equal(await adoptRecordings(house.store.db, house.segments, { onlyIfEmpty: true }), 2);
    assert.equal(await adoptRecordings(house.store.db, house.segments, { onlyIfEmpty: true }), 0);
    assert.equal(await adoptRecordings(house.store.db, house.segments, { onlyIfEmpty: false }), 0);
    await house.catalog.open();
    const view = (await house.api.get('door'))!;
    assert.deepEqual(
      [view.state, view.visibility, view.createdAt, view.recorded.seconds],
      ['stopped', 'private', new Date(START_MS).toISOString(), 10],
    );
    assert.deepEqual(await spansOf(house, 'door'), before);
    assert.equal(house.sources.length, 0);
  });

  test('two folders of one name get two names', async () => {
    await using folder = await temporaryFolder();
    {
      await using house = await openStreams({ folder: folder.path });
      await house.api.create('door', testSource);
      await house.api.remove('door', { recordings: 'keep' });
      await house.store.db.deleteFrom('stream').execute();
    }
    {
      await using house = await openStreams({ folder: folder.path, nowMs: START_MS + 1000 });
      await house.api.create('door', testSource);
      await house.store.db.deleteFrom('stream').execute();
    }
    await using house = await openStreams({ folder: folder.path, closed: true });
    assert.equal(await adoptRecordings(house.store.db, house.segments, { onlyIfEmpty: true }), 2);
    await house.catalog.open();
    assert.deepEqual(
      (await house.api.list()).map(({ name }) => name),
      ['door', 'door-2'],
    );
  });
});

suite('closing', () => {
  test('twice is closing once, both wait for the end, and nothing is changed after it', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    await house.api.create('door', testSource);
    house.source('door').flow(5000);
    const first = house.catalog.close();
    assert.equal(house.catalog.close(), first);
    await first;
    const rows = await house.store.db.selectFrom('chunk_file').select('segment_count').execute();
    assert.equal(rows.length, 1, 'the last segment is in the index');
    await assert.rejects(house.api.create('gate', testSource), refusal('not-ready'));
    await assert.rejects(house.api.replace('gate', testSource), refusal('not-ready'));
    await assert.rejects(house.api.remove('door', { recordings: 'keep' }), refusal('not-ready'));
  });

  test('while a stream is being made waits for it, and closes it too', async () => {
    await using folder = await temporaryFolder();
    await using house = await openStreams({ folder: folder.path });
    const making = house.api.create('door', testSource);
    await house.catalog.close();
    await making;
    assert.equal(house.sources[0]!.signal.aborted, true);
    assert.deepEqual(house.catalog.all, []);
  });

  test('during recovery gives the start up, and what was opened is closed', async () => {
    await using folder = await temporaryFolder();
    {
      await using house = await openStreams({ folder: folder.path });
      for (const name of ['a', 'b']) {
        await house.api.create(name, testSource);
        house.source(name).flow(5000);
      }
      await house.catalog.close();
      await house.store.db.deleteFrom('chunk_file').execute();
    }
    const starting = new AbortController();
    await using house = await openStreams({ folder: folder.path, closed: true, signal: starting.signal });
    // The first stream's source starts while the second one waits for its turn.
    const run = house.house.runSource;
    Object.assign(house.house, {
      runSource: (...args: Parameters<typeof run>) => {
        starting.abort(new Error('SIGTERM'));
        return run(...args);
      },
    });
    await assert.rejects(house.catalog.open(), /SIGTERM/);
    await house.catalog.close();
    assert.deepEqual(
      house.sources.map(({ signal }) => signal.aborted),
      [true],
    );
  });

  test('changes that are asked for while the streams are opened come after it', async () => {
    await using folder = await temporaryFolder();
    {
      await using house = await openStreams({ folder: folder.path });
      await house.api.create('door', testSource);
    }
    await using house = await openStreams({ folder: folder.path, closed: true });
    const opening = house.catalog.open();
    await assert.rejects(house.api.create('door', testSource), refusal('stream-exists'));
    await opening;
  });
});
