import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MixerConfig } from '../../api/mixer/mixer-shapes.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { RemoteStreams } from '../../cluster/requests/frames/remote-streams.ts';
import type { OxbowError } from '../../lib/errors.ts';
import type { ShownStreams } from '../../streams/source/shown-streams.ts';
import { writeDefinition } from '../../streams/stream-table.ts';
import { openStreams, type StreamsRig, temporaryFolder, testSource } from '../../streams/streams.fixture.ts';
import { writeMixer } from './mixer-table.ts';
import { Mixers } from './mixers.ts';

/** Streams `a` and `b` that may be mixers, and `cam`. */
async function openRig(folder: string): Promise<StreamsRig> {
  const rig = await openStreams({ folder });
  for (const name of ['a', 'b']) await rig.api.create(name, { source: { type: 'push' } });
  await rig.api.create('cam', testSource);
  return rig;
}

async function openMixers(
  { catalog, store, deps, clock }: StreamsRig,
  shown: ReadonlySet<ShownStreams> = new Set(),
  remote?: Pick<RemoteStreams, 'of'>,
): Promise<Mixers> {
  const { log, recordings } = deps;
  const events = deps.events as EventBus;
  const mixers = new Mixers({ catalog, store, remote, events, markers: recordings.markers, clock, log, shown });
  await mixers.open();
  return mixers;
}

const statesOf = (mixers: Mixers, name: string) => mixers.get(name).inputs.map(({ stream, state }) => [stream, state]);

suite('mixers whose input is a mixer', () => {
  test('two requests at a time do not make a loop', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder.path);
    await using mixers = await openMixers(rig);
    const show = (input: string): MixerConfig => ({ inputs: ['cam', input] });
    const [first, second] = await Promise.allSettled([mixers.set('a', show('b')), mixers.set('b', show('a'))]);
    assert.equal(first.status, 'fulfilled');
    assert.ok(second.status === 'rejected' && (second.reason as OxbowError).code === 'mixer-loop');
    assert.deepEqual(statesOf(mixers, 'a').at(1), ['b', 'waiting']);
  });

  test('a channel that shows the mixer is refused, and missing where it does so later', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder.path);
    const id = (name: string) => rig.catalog.get(name).definition.id;
    let isShown = true;
    // `b` is in the place of a channel.
    await using mixers = await openMixers(rig, new Set([(of) => (isShown && of === id('b') ? [id('a')] : [])]));
    await assert.rejects(mixers.set('a', { inputs: ['cam', 'b'] }), { code: 'mixer-loop' });
    isShown = false;
    await mixers.set('a', { inputs: ['cam', 'b'] });
    assert.deepEqual(
      [statesOf(mixers, 'a').at(1), mixers.shownBy(id('a'))],
      [
        ['b', 'waiting'],
        [id('cam'), id('b')],
      ],
    );
    isShown = true;
    mixers.list();
    assert.deepEqual(statesOf(mixers, 'a').at(1), ['b', 'missing']);
  });

  test('loops that two nodes made come together without frames that go round', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder.path);
    for (const [name, input] of Object.entries({ a: 'b', b: 'a' })) {
      const { id } = rig.catalog.get(name).definition;
      const config = { inputs: ['cam', input], sound: null, fallback: null };
      await writeMixer(rig.store.db, { streamId: id, config, chosen: input });
    }
    await using mixers = await openMixers(rig);
    for (const name of ['a', 'b']) assert.deepEqual(statesOf(mixers, name).at(1)?.at(1), 'missing');
    // Without the loop, the input is there again.
    await mixers.set('b', { inputs: ['cam'] });
    assert.deepEqual(statesOf(mixers, 'a').at(1), ['b', 'waiting']);
  });

  test('a write that fails leaves the mixer as it was', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openRig(folder.path);
    await using mixers = await openMixers(rig);
    await mixers.set('a', { inputs: ['cam'] });
    await rig.store.db.schema.dropTable('mixer').execute();
    await assert.rejects(mixers.set('a', { inputs: ['b'] }), /mixer/);
    await assert.rejects(mixers.set('b', { inputs: ['cam'] }), /mixer/);
    assert.deepEqual(statesOf(mixers, 'a'), [['cam', 'waiting']]);
    assert.throws(() => mixers.get('b'), { code: 'mixer-unknown' });
  });
});

suite('mixers whose inputs other nodes have', () => {
  /** A rig with a stream `far` that is not in its catalog, as it is stored. */
  async function openFar(folder: string) {
    const rig = await openRig(folder);
    const { definition } = rig.catalog.get('cam');
    const far = { ...definition, id: 'far-id', name: 'far', title: 'Far', visibility: 'private' } as const;
    await writeDefinition(rig.store, far);
    const followed: string[] = [];
    const remote = {
      of(name: string, { fromKeyFrame }: { readonly fromKeyFrame: boolean }) {
        followed.push(`${name} ${fromKeyFrame}`);
        return { sinks: rig.catalog.get('cam').stream.sinks };
      },
    };
    return { rig, followed, remote };
  }

  test('follow them from their next key frame on, and have their titles', async () => {
    await using folder = await temporaryFolder();
    const { rig, followed, remote } = await openFar(folder.path);
    await using _rig = rig;
    await using mixers = await openMixers(rig, new Set(), remote);
    await mixers.set('a', { inputs: ['cam', 'far', 'nowhere'] });
    const { inputs } = mixers.get('a');
    assert.deepEqual(
      inputs.map(({ stream, title, state }) => [stream, title, state]),
      [
        ['cam', '', 'waiting'],
        ['far', 'Far', 'waiting'],
        ['nowhere', '', 'missing'],
      ],
    );
    assert.ok(followed.length > 0 && followed.every((line) => line === 'far false'), followed.join());
    assert.deepEqual(mixers.shownBy(rig.catalog.get('a').definition.id).at(1), 'far-id');
  });

  test('refuse a loop over nodes, and follow no input of one that was made meanwhile', async () => {
    await using folder = await temporaryFolder();
    const { rig, followed, remote } = await openFar(folder.path);
    await using _rig = rig;
    const farMixer = { inputs: ['cam', 'a'], sound: null, fallback: null };
    await writeMixer(rig.store.db, { streamId: 'far-id', config: farMixer, chosen: 'cam' });
    await using mixers = await openMixers(rig, new Set(), remote);
    await assert.rejects(mixers.set('a', { inputs: ['cam', 'far'] }), { code: 'mixer-loop' });
    await mixers.close();
    const { id } = rig.catalog.get('a').definition;
    const config = { inputs: ['cam', 'far'], sound: null, fallback: null };
    await writeMixer(rig.store.db, { streamId: id, config, chosen: 'cam' });
    await using both = await openMixers(rig, new Set(), remote);
    assert.deepEqual(statesOf(both, 'a').at(1), ['far', 'missing']);
    assert.deepEqual(followed, []);
  });
});

suite('stored mixers', () => {
  test('publish again after a start, without a request', { timeout: 20_000 }, async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openRig(folder.path);
      await using mixers = await openMixers(rig);
      await mixers.set('a', { inputs: ['cam'] });
    }
    await using rig = await openStreams({ folder: folder.path, closed: true });
    await using mixers = await openMixers(rig);
    await rig.control.open();
    const { publishers } = rig.catalog.get('a');
    while (!publishers.active) await new Promise(setImmediate);
    assert.equal(publishers.active.connection.protocol, 'mixer');
    assert.equal(mixers.list().length, 1);
  });
});
