import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { noPublishPorts } from '../../api/publish/publish-address.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { createNet } from '../../net/net.ts';
import {
  configured,
  openStreams,
  type StreamsRig,
  temporaryFolder,
  testSource,
} from '../../streams/streams.fixture.ts';
import type { ConnectRelay } from './connection.ts';
import { OwnAddresses } from './own-addresses.ts';
import { readRelays } from './relay-table.ts';
import { Relays } from './relays.ts';
import { parseRelayTarget } from './target.ts';

const URL_OF_A = 'rtmp://127.0.0.1:1999/live/secret-a';
const refusing: ConnectRelay = () => Promise.reject(new Error('the port is closed'));
const relay = (url = URL_OF_A) => ({ url, label: 'A', enabled: true });

async function openRelays(rig: StreamsRig): Promise<Relays> {
  const { clock, log, metrics } = rig.deps;
  const own = new OwnAddresses({ ...noPublishPorts(), rtmp: 1935, srt: 8890, http: 8080 });
  const events = rig.deps.events as EventBus;
  const shared = { catalog: rig.catalog, store: rig.store, net: createNet({ allow: [] }), connect: refusing };
  const relays = new Relays({ ...shared, own, events, clock, log, metrics });
  await relays.open();
  return relays;
}

suite('relays of streams', () => {
  test('are stored, survive a restart, and are shown without their secret', async () => {
    await using folder = await temporaryFolder();
    let id = '';
    {
      await using rig = await openStreams({ folder: folder.path });
      await using relays = await openRelays(rig);
      await rig.api.create('door', testSource);
      const view = await relays.create('door', relay());
      id = view.id;
      assert.deepEqual([view.target, view.state, view.origin], ['rtmp://127.0.0.1:1999/live/…', 'waiting', 'api']);
      const changed = await relays.change('door', id, { enabled: false, label: 'B' });
      assert.deepEqual([changed.state, changed.label], ['stopped', 'B']);
      assert.doesNotMatch(JSON.stringify([view, relays.list('door'), rig.events, rig.logged]), /secret-a/);
    }
    await using rig = await openStreams({ folder: folder.path });
    await using relays = await openRelays(rig);
    const [again] = relays.list('door');
    assert.deepEqual([again?.id, again?.enabled, again?.label], [id, false, 'B']);
    await relays.remove('door', id);
    assert.deepEqual(relays.list('door'), []);
    await assert.rejects(relays.remove('door', id), { code: 'relay-unknown' });
    assert.throws(() => relays.list('gate'), { code: 'stream-unknown' });
  });

  test('fail with a readable reason while the target is not there, with one event', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await using relays = await openRelays(rig);
    await rig.api.create('door', testSource);
    await relays.create('door', relay());
    rig.source('door').flow(1000);
    while (relays.list('door')[0]?.state !== 'failed') await new Promise(setImmediate);
    const [view] = relays.list('door');
    assert.deepEqual([view?.error, view?.attempts, view?.retryAt !== null], ['the port is closed', 1, true]);
    await (rig.deps.events as EventBus).flush();
    const failed = rig.events.filter(({ type }) => type === 'relay.failed');
    assert.equal(failed.length, 1);
  });

  test('go with a removed stream: one that is created again begins without them', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await using relays = await openRelays(rig);
    await rig.api.create('door', testSource);
    await relays.create('door', relay());
    await rig.api.remove('door', { recordings: 'keep' });
    await (rig.deps.events as EventBus).flush();
    while ((await readRelays(rig.store.db)).length > 0) await new Promise(setImmediate);
    await rig.api.create('door', testSource);
    assert.deepEqual(relays.list('door'), []);
  });

  test('of the settings are shown, and cannot be changed here', async () => {
    await using folder = await temporaryFolder();
    const streams = { door: configured({ relays: [URL_OF_A] }) };
    await using rig = await openStreams({ folder: folder.path, config: { streams } });
    await using relays = await openRelays(rig);
    const [view] = relays.list('door');
    assert.deepEqual([view?.origin, view?.enabled], ['configuration', true]);
    await assert.rejects(relays.remove('door', view!.id), { code: 'managed-elsewhere' });
    await rig.control.configure({ door: configured({ relays: [] }) });
    assert.deepEqual(relays.list('door'), []);
  });

  test('a stream has at most 20', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await using relays = await openRelays(rig);
    await rig.api.create('door', testSource);
    for (let i = 0; i < 20; i++) await relays.create('door', relay(`${URL_OF_A}${i}`));
    await assert.rejects(relays.create('door', relay()), { code: 'limit-reached' });
  });
});

test('only the own addresses with the same stream, or with a key alone, are a loop', () => {
  const own = new OwnAddresses(
    { ...noPublishPorts(), rtmp: 1935, srt: 8890, http: 8080 },
    () => new Set(['192.168.1.5']),
  );
  const isLoop = (url: string, address?: string) => {
    const target = parseRelayTarget(url);
    try {
      own.refuseLoop('door', target, address ?? target.host);
      return false;
    } catch {
      return true;
    }
  };
  for (const url of [
    ...['rtmp://127.0.0.1/live/door?key=x', 'rtmp://[::1]/live/door', 'rtmp://localhost:1935/live/ok_abc'],
    ...['rtmp://192.168.1.5/live/door', 'srt://127.1.2.3:8890?streamid=publish:door:k'],
    'srt://127.0.0.1:8890?streamid=%23!::r=door,m=publish',
    'whip+http://127.0.0.1:8080/whip/door?key=ok_1',
  ]) {
    assert.ok(isLoop(url), url);
  }
  assert.ok(isLoop('rtmp://tv.example/live/door', '127.0.0.1'), 'a name that leads here');
  for (const url of [
    ...['rtmp://127.0.0.1/live/gate?key=x', 'rtmp://127.0.0.1:1936/live/door', 'rtmp://192.168.1.6/live/door'],
    ...['rtmps://127.0.0.1/live/door', 'srt://127.0.0.1:8890?streamid=publish:gate:ok_abc'],
    ...['whip+http://127.0.0.1:8080/whip/gate?key=ok_1', 'whip+http://127.0.0.1:8081/whip/door'],
  ]) {
    assert.ok(!isLoop(url), url);
  }
});
