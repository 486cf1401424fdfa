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
  test('are created, listed by name, found, and started', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('studio', testSource);
    const view = await rig.api.create('door', {
      ...testSource,
      title: ' The door ',
      keep: '7d',
      visibility: 'private',
      record: false,
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
        picture: null,
        record: false,
        keep: '7d',
        visibility: 'private',
        createdAt: '',
        liveSince: null,
        tracks: [],
        facts: null,
        media: null,
        recorded: { from: null, to: null, seconds: 0, bytes: 0 },
        viewers: 0,
        hls: '/live/door/index.m3u8',
        dash: '/live/door/index.mpd',
      },
    );
    assert.deepEqual(
      (await rig.api.list()).map(({ name }) => name),
      ['door', 'studio'],
    );
    assert.deepEqual(
      [rig.api.isPrivate('door'), rig.api.isPrivate('studio'), rig.api.isPrivate('x')],
      [true, false, false],
    );
    assert.equal(rig.catalog.get('door').files.retentionRule.keepMs, 7 * 86_400_000);
    assert.equal(rig.catalog.get('studio').files.retentionRule.keepMs, 86_400_000);
    assert.equal(rig.sources.length, 2);
    assert.equal(await rig.api.get('gate'), undefined);
  });

  test('refuse a name that is in use, invalid names, URLs and durations, and unknown streams', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    await assert.rejects(rig.api.create('door', testSource), refusal('stream-exists'));
    for (const name of ['', 'Door', '-a', 'a/b', 'x'.repeat(65), '..']) {
      await assert.rejects(rig.api.create(name, testSource), refusal('bad-name'), name);
    }
    await assert.rejects(rig.api.create('a', { source: { type: 'pull', url: 'ftp://x' } }), refusal('bad-request'));
    await assert.rejects(rig.api.create('a', { ...testSource, keep: 'for ever' }), refusal('bad-request'));
    for (const ask of [
      () => rig.api.start('gate'),
      () => rig.api.stop('gate'),
      () => rig.api.restart('gate'),
      () => rig.api.remove('gate', { recordings: 'keep' }),
      () => rig.api.timeline('gate', 0, 1),
      () => rig.api.gaps('gate', 0, 1),
      async () => rig.api.stats('gate'),
      () => rig.api.statsHistory('gate', 0, 1000, 0),
    ]) {
      await assert.rejects(ask(), refusal('stream-unknown'));
    }
    assert.deepEqual(
      (await rig.api.list()).map(({ name }) => name),
      ['door'],
      'nothing half-made is left',
    );
  });

  test('are restored after a restart', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', { source: { type: 'pull', url: secret }, keep: '2h', visibility: 'unlisted' });
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 5000 });
    const { definition } = rig.catalog.get('door');
    assert.deepEqual(definition.source, { type: 'pull', url: secret, headers: {} });
    assert.deepEqual(
      [definition.keepMs, definition.visibility, definition.createdUs, definition.record],
      [7_200_000, 'unlisted', START_MS * 1000, true],
    );
    assert.equal(rig.source('door').definition.id, definition.id);
  });

  test('never show a source’s address, user, password, path or headers, live, waiting or in gaps', async () => {
    await using folder = await temporaryFolder();
    const headers = { authorization: 'Bearer h34der' };
    const gate = configured({ source: { type: 'pull', url: secret, headers } });
    const config = { streams: { gate } } as never;
    await using rig = await openStreams({ folder: folder.path, config });
    await rig.api.create('door', { source: { type: 'pull', url: secret } });
    for (const name of ['door', 'gate']) {
      const source = rig.source(name);
      source.flow(5000);
      source.down(5000, `HTTP 404 ${secret} and https://other.example/p4th/seg81.ts?x=1`);
      await rig.settle();
      source.flow(5000);
      source.down(5000, 'cam.example:8443 refuses connections');
      await rig.settle();
    }
    const all = JSON.stringify([
      await rig.api.list(),
      await rig.api.get('door'),
      await rig.api.timeline('gate', ...EVER),
      await rig.api.gaps('door', ...EVER),
    ]);
    for (const word of ['cam.example', 's3cret', 't0ken', 'pa55', 'user', 'p4th', 'other.example', 'h34der', '8443']) {
      assert.ok(!all.includes(word), `${word} is in ${all}`);
    }
    assert.equal((await rig.api.gaps('door', ...EVER))[0]!.detail, 'HTTP 404 live.m3u8 and seg81.ts');
    assert.equal((await rig.api.get('door'))!.problem, 'the source refuses connections');
  });
});

suite('replacing', () => {
  test('creates a stream that does not exist', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    assert.equal((await rig.api.replace('door', testSource)).created, true);
    await assert.rejects(rig.api.replace('No', testSource), refusal('bad-name'));
  });

  test('with other settings leaves the source running; with another source starts that, with the same recording', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(5000);
    const same = await rig.api.replace('door', { ...testSource, visibility: 'private', keep: '1h' });
    assert.deepEqual([same.created, same.view.visibility, rig.sources.length], [false, 'private', 1]);
    const { list } = rig.catalog.get('door').served;
    const other = await rig.api.replace('door', { source: { type: 'pull', url: 'http://127.0.0.1/x.m3u8' } });
    assert.deepEqual([other.created, other.view.source.type, other.view.visibility], [false, 'pull', 'public']);
    assert.equal(list.ended, true, 'no player waits for more of the old playlist');
    assert.equal(rig.sources[0]!.signal.aborted, true);
    assert.equal(rig.sources.length, 2);
    const { id, createdUs } = rig.sources[0]!.definition;
    assert.deepEqual([rig.sources[1]!.definition.id, rig.sources[1]!.definition.createdUs], [id, createdUs]);
    assert.equal((await spansOf(rig, 'door')).length, 1);
    await rig.api.stop('door');
    await rig.api.replace('door', { source: { type: 'pull', url: 'http://127.0.0.1/x.m3u8' } });
    assert.equal((await rig.api.get('door'))!.state, 'starting', 'a replaced stream is started');
  });

  test('and removing at the same time run one after the other', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    const { id } = rig.catalog.get('door').definition;
    const [, replaced] = await Promise.all([
      rig.api.remove('door', { recordings: 'delete' }),
      rig.api.replace('door', { source: { type: 'pull', url: 'http://127.0.0.1/x.m3u8' } }),
    ]);
    assert.equal(replaced.created, true);
    assert.notEqual(rig.catalog.get('door').definition.id, id);
    assert.equal(rig.sources.filter(({ signal }) => !signal.aborted).length, 1);
  });

  test('restarting connects again', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    await rig.api.restart('door');
    assert.deepEqual(
      rig.sources.map(({ signal }) => signal.aborted),
      [true, false],
    );
  });
});

suite('configured streams', () => {
  test('are started, show their origin, and cannot be changed or removed over the API', async () => {
    await using folder = await temporaryFolder();
    const config = { streams: { door: configured({ visibility: 'unlisted', keep: 3_600_000 }) } } as never;
    await using rig = await openStreams({ folder: folder.path, config });
    const view = (await rig.api.get('door'))!;
    assert.deepEqual([view.origin, view.visibility, view.state], ['command-line', 'unlisted', 'starting']);
    await assert.rejects(rig.api.replace('door', testSource), refusal('managed-elsewhere'));
    await assert.rejects(rig.api.remove('door', { recordings: 'keep' }), refusal('managed-elsewhere'));
    await assert.rejects(rig.api.create('door', testSource), refusal('stream-exists'));
    await rig.api.stop('door');
    assert.equal((await rig.api.get('door'))!.state, 'stopped');
  });

  test('that are no longer configured belong to the API, stopped, with their recording', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({
        folder: folder.path,
        config: { streams: { door: configured() } } as never,
      });
      rig.source('door').flow(5000);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 30_000 });
    const view = (await rig.api.get('door'))!;
    assert.deepEqual([view.origin, view.state, view.recorded.seconds], ['api', 'stopped', 5]);
    await rig.api.remove('door', { recordings: 'keep' });
    await rig.control.close();
  });

  test('get the recording of a removed or an API stream of that name', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      for (const name of ['door', 'gate']) {
        await rig.api.create(name, testSource);
        rig.source(name).flow(5000);
      }
      await rig.api.remove('gate', { recordings: 'keep' });
    }
    const streams = { door: configured(), gate: configured({ origin: 'configuration' }) };
    await using rig = await openStreams({
      folder: folder.path,
      nowMs: START_MS + 60_000,
      config: { streams } as never,
    });
    for (const name of ['door', 'gate']) assert.equal((await spansOf(rig, name)).length, 1);
    assert.equal((await rig.api.get('gate'))!.origin, 'configuration');
  });
});

suite('a lost database', () => {
  test('is restored from the folders: names, creation and recordings, stopped and private', async () => {
    await using folder = await temporaryFolder();
    let before: unknown;
    {
      await using rig = await openStreams({ folder: folder.path });
      for (const name of ['door', 'gate']) await rig.api.create(name, testSource);
      rig.source('door').flow(10_000);
      await rig.api.stop('door');
      await rig.settle();
      before = await spansOf(rig, 'door');
    }
    for (const name of await readdir(folder.path)) {
      if (name.startsWith('oxbow.db')) await rm(path.join(folder.path, name));
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 60_000, closed: true });
    assert.equal(await adoptRecordings(rig.store, rig.segments, { onlyIfEmpty: true }), 2);
    assert.equal(await adoptRecordings(rig.store, rig.segments, { onlyIfEmpty: true }), 0);
    assert.equal(await adoptRecordings(rig.store, rig.segments, { onlyIfEmpty: false }), 0);
    await rig.control.open();
    const view = (await rig.api.get('door'))!;
    assert.deepEqual(
      [view.state, view.visibility, view.createdAt, view.recorded.seconds],
      ['stopped', 'private', new Date(START_MS).toISOString(), 10],
    );
    assert.deepEqual(await spansOf(rig, 'door'), before);
    assert.equal(rig.sources.length, 0);
  });

  test('two folders of one name get two names', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', testSource);
      await rig.api.remove('door', { recordings: 'keep' });
      await rig.store.db.deleteFrom('stream').execute();
    }
    {
      await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 1000 });
      await rig.api.create('door', testSource);
      await rig.store.db.deleteFrom('stream').execute();
    }
    await using rig = await openStreams({ folder: folder.path, closed: true });
    assert.equal(await adoptRecordings(rig.store, rig.segments, { onlyIfEmpty: true }), 2);
    await rig.control.open();
    assert.deepEqual(
      (await rig.api.list()).map(({ name }) => name),
      ['door', 'door-2'],
    );
  });
});

suite('closing', () => {
  test('twice closes once, both wait for the end, and no change is accepted afterwards', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(5000);
    const first = rig.control.close();
    assert.equal(rig.control.close(), first);
    await first;
    const rows = await rig.store.db.selectFrom('chunk_file').select('segment_count').execute();
    assert.equal(rows.length, 1, 'the last segment is in the index');
    await assert.rejects(rig.api.create('gate', testSource), refusal('not-ready'));
    await assert.rejects(rig.api.replace('gate', testSource), refusal('not-ready'));
    await assert.rejects(rig.api.remove('door', { recordings: 'keep' }), refusal('not-ready'));
  });

  test('while a stream is being created waits for it, and closes it too', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const making = rig.api.create('door', testSource);
    await rig.control.close();
    await making;
    assert.equal(rig.sources[0]!.signal.aborted, true);
    assert.deepEqual(rig.catalog.all, []);
  });

  test('during recovery aborts the start, and closes what was opened', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
        await rig.api.create(name, testSource);
        rig.source(name).flow(5000);
      }
      await rig.control.close();
      await rig.store.db.deleteFrom('chunk_file').execute();
    }
    const starting = new AbortController();
    await using rig = await openStreams({ folder: folder.path, closed: true, signal: starting.signal });
    // The first source starts while the last streams wait for a place: four are opened at a time.
    const run = rig.deps.runSource;
    Object.assign(rig.deps, {
      runSource: (...args: Parameters<typeof run>) => {
        starting.abort(new Error('SIGTERM'));
        return run(...args);
      },
    });
    await assert.rejects(rig.control.open(), /SIGTERM/);
    await rig.control.close();
    assert.ok(rig.sources.length > 0 && rig.sources.length < 6, `${rig.sources.length} were started`);
    assert.ok(rig.sources.every(({ signal }) => signal.aborted));
  });

  test('changes requested while the streams are being opened wait for that', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', testSource);
    }
    await using rig = await openStreams({ folder: folder.path, closed: true });
    const opening = rig.control.open();
    await assert.rejects(rig.api.create('door', testSource), refusal('stream-exists'));
    await opening;
  });
});

suite('a change of some settings', () => {
  test('keeps the others and the running source; null restores a default', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const { api, catalog, sources } = rig;
    await api.create('door', { source: { type: 'test' }, title: 'Door', keep: '7d', visibility: 'private' });
    const view = await api.update('door', { title: ' Front door ', description: 'The street.' });
    assert.deepEqual([view.title, view.description, view.visibility], ['Front door', 'The street.', 'private']);
    assert.equal(catalog.get('door').definition.keepMs, 7 * 24 * 3_600_000);
    await api.stop('door');
    const reset = await api.update('door', { title: '', keep: null, visibility: null, record: false });
    assert.deepEqual([reset.title, reset.description, reset.record], ['', 'The street.', false]);
    assert.deepEqual([reset.visibility, api.isMadePublic('door'), reset.state], ['public', false, 'stopped']);
    assert.equal(catalog.get('door').definition.keepMs, undefined);
    assert.equal(sources.length, 1, 'the source was not started again');
    await assert.rejects(api.update('door', { keep: 'long' }), refusal('bad-request'));
    await assert.rejects(api.update('gate', { title: 'x' }), refusal('stream-unknown'));
  });

  test('can set a ladder, which is stored, and take it away', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', { ...testSource, ladder: '720p:2.0M,360p, AUDIO', recordQualities: true });
      const view = await rig.api.update('door', { ladderStart: 'always' });
      assert.deepEqual([view.ladder?.rungs, view.ladder?.start], ['360p, 720p, audio', 'always']);
      await assert.rejects(rig.api.update('door', { ladder: 'hd' }), refusal('bad-request'));
    }
    await using rig = await openStreams({ folder: folder.path });
    const { ladder, ladderStart, recordQualities } = rig.catalog.get('door').definition;
    assert.deepEqual([ladder, ladderStart, recordQualities], ['360p, 720p, audio', 'always', true]);
    const view = await rig.api.update('door', { ladder: '', recordQualities: null });
    assert.deepEqual([view.ladder, view.recordQualities], [undefined, undefined]);
  });

  test('can keep the recordings in the data folder whatever the default is, and names only object stores that exist', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path });
      assert.equal((await rig.api.create('door', { ...testSource, storage: 'local' })).storage, 'local');
      await assert.rejects(rig.api.update('door', { storage: 'nowhere' }), { code: 'bad-request' });
    }
    await using rig = await openStreams({ folder: folder.path });
    assert.equal(rig.catalog.get('door').definition.storage, 'local');
    assert.equal((await rig.api.update('door', { storage: null })).storage, undefined);
  });

  test('is refused for a stream that the configuration defines', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path, config: { streams: { same: configured() } } as never });
    await assert.rejects(rig.api.update('same', { title: 'x' }), refusal('managed-elsewhere'));
  });
});
