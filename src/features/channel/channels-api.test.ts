import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import type { NewChannelItem } from '../../api/channel/channel-shapes.ts';
import { noClips } from '../../api/clips/clips-api.ts';
import { noRooms } from '../../api/room/room-reading.ts';
import { createManualClock } from '../../lib/clock.ts';
import { openTemporaryStore } from '../../store/store.fixture.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import type { StoredRecordings } from '../../streams/stream-deps.ts';
import { writeDefinition } from '../../streams/stream-table.ts';
import { ChannelTable } from './channel-table.ts';
import { RunningChannels } from './channels.ts';
import { ChannelsApi } from './channels-api.ts';
import { ItemStates } from './item-states.ts';
import { LiveElsewhere } from './media/live-elsewhere.ts';

const NOW_MS = 1_795_000_200_000;

/** The API of channels `a`, `b` and `c`; `far` is a stream of another node. */
async function openApi() {
  const store = await openTemporaryStore();
  const clock = createManualClock(NOW_MS);
  const settings = { source: { type: 'channel' }, origin: 'api', visibility: 'public' } as const;
  const definitions = ['a', 'b', 'c', 'far', 'mixer'].map((name): StreamDefinition => {
    const texts = { name, title: '', description: '' };
    const record = { record: true, keepMs: undefined, visibilityIsSet: false, createdUs: 1 };
    return Object.assign({ id: `id-${name}`, stopped: false, paused: false }, settings, texts, record);
  });
  for (const definition of definitions) await writeDefinition(store, definition);
  const catalog = {
    get: (name: string) => ({ definition: definitions.find((each) => each.name === name) }),
    definitionOf: (id: string) => definitions.find((each) => each.id === id && each.name !== 'far'),
    find: () => undefined,
  } as unknown as Catalog;
  const table = await ChannelTable.open(store.db);
  const parts = { table, clock, media: { store, catalog, clock }, follower: {}, roomGone: async () => {} };
  const running = new RunningChannels(parts as unknown as ConstructorParameters<typeof RunningChannels>[0]);
  const clips = () => noClips;
  const elsewhere = new LiveElsewhere({ store, remote: undefined, failed: (error) => assert.fail(String(error)) });
  const recordings = { kept: { ranges: () => [] } } as unknown as Pick<StoredRecordings, 'kept'>;
  const states = new ItemStates({ store, catalog, elsewhere, recordings, clips, keepMs: () => 86_400_000 });
  const events = { publish() {} };
  const rooms = () => noRooms;
  const watchRules = () => ({}) as WatchRuleLists;
  // `mixer` has the channel `a` as an input.
  const mixed = (streamId: string) => (streamId === 'id-mixer' ? ['id-a'] : []);
  const shown = new Set([mixed, (streamId: string) => running.shownLive(streamId)]);
  const deps = { table, running, states, catalog, clips, rooms, watchRules, store, events, clock, shown };
  const api = new ChannelsApi(deps);
  const add = (name: string, item: Partial<NewChannelItem>) =>
    api.addItem(name, { kind: 'live', ref: 'b', start: '2026-12-01T10:00:00', seconds: 60, ...item }, () => {});
  return { api, add, clock, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

suite('the API of channels', () => {
  test('an item begins in 1970 or later: years before 100 have no instant', async () => {
    await using channels = await openApi();
    for (const start of ['0050-06-01T00:00:00', '1969-12-31T23:59:59', '2026-02-30T10:00:00'])
      await assert.rejects(channels.add('a', { start }), { code: 'bad-time' }, start);
    await channels.add('a', { start: '1970-01-01T00:00:00' });
    const { view } = await channels.add('a', { start: '9999-12-31T23:59:59' });
    assert.deepEqual(channels.api.guide('a', NOW_MS, NOW_MS + 15.5 * 86_400_000), []);
    const [first] = view.items;
    await assert.rejects(
      channels.api.changeItem('a', first!.id, { start: '0001-01-01T00:00:00' }, () => {}),
      { code: 'bad-time' },
    );
  });

  test('channels never show each other live, directly, by a third one, or as an interruption', async () => {
    await using channels = await openApi();
    await channels.add('a', { ref: 'b' });
    await channels.add('b', { ref: 'c' });
    for (const ref of ['a', 'c'])
      await assert.rejects(channels.add('c', { ref, weekly: true }), { code: 'channel-source' });
    await assert.rejects(channels.api.goLive('c', { stream: 'a' }), { code: 'channel-source' });
    for (const name of ['a', 'c']) {
      const added = channels.add(name, { ref: 'mixer', start: '2026-12-05T10:00:00' });
      await assert.rejects(added, { code: 'channel-source' }, 'by a mixer');
    }
    await channels.api.goLive('a', { stream: 'c', seconds: 60 });
    await channels.add('c', { ref: 'far' });
    await channels.api.goLive('far', { stream: 'c', seconds: 60 }).then(
      () => assert.fail('c shows far'),
      ({ code }) => assert.equal(code, 'channel-source'),
    );
  });

  test('the recording of a stream that another node has is no deleted one', async () => {
    await using channels = await openApi();
    await channels.add('a', { ref: 'far' });
    const from = new Date(NOW_MS).toISOString();
    const { view } = await channels.add('a', { kind: 'recording', ref: 'far', from, start: '2026-12-02T10:00:00' });
    assert.deepEqual(
      view.items.map(({ kind, state }) => [kind, state]),
      [
        ['live', 'offline'],
        ['recording', 'ok'],
      ],
    );
  });
});
