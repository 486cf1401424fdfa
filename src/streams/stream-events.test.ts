import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openStreams, START_MS, temporaryFolder } from './streams.fixture.ts';

const url = 'https://cam.example/secret/live.m3u8?key=s3cret';
const settings = { source: { type: 'pull', url } } as const;

suite('the events of a stream', () => {
  test('created, live, gap, live again, stopped and removed: each is published once, in order, without the source’s address', async () => {
    await using folder = await temporaryFolder();
    await using opened = await openStreams({ folder: folder.path });
    const { control, events, api } = opened;
    await control.create('door', { ...settings, visibility: 'unlisted' });
    const source = opened.source('door');
    source.flow(3000);
    source.down(1000, `HTTP 404 of ${url}`);
    source.down(4000, 'HTTP 404 of another segment');
    source.flow(3000);
    await api.replace('door', { ...settings, record: false });
    await control.stop('door');
    await control.remove('door', { recordings: 'delete' });
    const published = events.map(({ type }) => type).filter((type) => type !== 'stream.generation');
    assert.deepEqual(published, [
      ...['stream.created', 'stream.live', 'stream.recording'],
      ...['stream.gap', 'stream.recording', 'stream.gap', 'stream.live', 'stream.recording'],
      ...['stream.recording', 'stream.changed', 'stream.offline', 'stream.removed'],
    ]);
    const gaps = events.flatMap((event) => (event.type === 'stream.gap' ? [event.data] : []));
    const from = new Date(START_MS + 3000).toISOString();
    const to = new Date(START_MS + 8000).toISOString();
    assert.deepEqual(
      gaps.map((gap) => [gap.from, gap.to, gap.cause]),
      [
        [from, null, 'source-down'],
        [from, to, 'source-down'],
      ],
    );
    assert.ok(!/cam\.example|secret|s3cret/.test(JSON.stringify(events)), JSON.stringify(gaps));
    assert.ok(events.every(({ stream }) => stream === 'door'));
  });

  test('a new generation is published with its number', async () => {
    await using folder = await temporaryFolder();
    await using opened = await openStreams({ folder: folder.path });
    const { control, catalog, events } = opened;
    await control.create('door', settings);
    opened.source('door').flow(8000);
    await opened.settle();
    const published = events.flatMap((event) => (event.type === 'stream.generation' ? [event.data.number] : []));
    assert.deepEqual(published, [catalog.get('door').served.list.generation!.number]);
  });
});
