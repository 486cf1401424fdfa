/**
 * Nodes with a shard: a stream of a killed node continues on another one, with its rows on the shard.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { needPostgres, startPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster } from './cluster.fixture.ts';

suite('nodes with a shard', { skip: needPostgres() || need('redis-server') }, () => {
  test('a stream of a killed node runs on another one, which writes to the same shard', async () => {
    await using postgres = await startPostgres();
    await using cluster = await openCluster();
    const shards = `b=${postgres.url(await postgres.create())}`;
    const args = [...smallPicture, '--store-shards', shards, '--store-new-streams', 'b'];
    const first = await cluster.start('a', { args });
    const made = await first.server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'cam', source: { type: 'test' } }),
    });
    assert.equal(made.status, 201, await made.text());
    await first.server.stream('cam', 'live');
    const placed = async () => (await cluster.query('SELECT shard, token FROM stream_shard'))[0]!;
    const before = await placed();
    assert.equal(before.shard, 'b');
    const second = await cluster.start('b', { args });
    await first.server.stop('SIGKILL');
    await until('the other node runs the stream', () =>
      second.server.log('info').some(({ msg }) => msg === 'this node runs the stream now'),
    );
    await second.server.stream('cam', 'live');
    await until('its media is in the timeline', async () => (await second.server.timeline('cam')).spans.length > 0);
    const now = await placed();
    assert.equal(now.shard, 'b');
    assert.ok(Number(now.token) > Number(before.token), 'what the killed node would write is refused');
  });
});
