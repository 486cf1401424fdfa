/**
 * oxbow on a PostgreSQL server that is killed, paused and started again while a stream is recorded.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { needPostgres, startPostgres } from '../fixtures/engines/postgres.ts';
import { openFolder, type Server, smallPicture, startServer, startVerb } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'a-token-for-the-tests';
/** Port 1 refuses connections. */
const NOBODY = 'postgres://oxbow@127.0.0.1:1/oxbow';

/** The live playlist of the sample stream, with the number of its last segment. */
async function lastMsn(server: Server): Promise<number> {
  const master = Buffer.from(await server.bytes('/live/demo/index.m3u8')).toString();
  const media = /^(?!#)\S+$/m.exec(master)![0];
  const list = Buffer.from(await server.bytes(new URL(media, `${server.url}/live/demo/`).pathname)).toString();
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(list)![1]);
  return first + (list.match(/#EXTINF/g) ?? []).length - 1;
}

/**
 * A loaded machine may hold the test picture up: what it then leaves out is rightly listed, and is no gap of
 * these.
 */
const gapsOf = async (server: Server) => {
  const { gaps, spans } = await server.timeline('demo');
  return { gaps: gaps.map(({ cause }) => cause).filter((cause) => cause !== 'source-skipped'), spans };
};
const databaseOf = async (server: Server) => {
  const { checks } = (await (await server.fetch('/health')).json()) as { checks: { name: string; status: string }[] };
  return checks.find(({ name }) => name === 'database')!.status;
};

suite('the database server', { skip: needPostgres() }, () => {
  test('may be killed or paused: live and recording continue, and nothing is missing afterwards', async () => {
    await using postgres = await startPostgres(); // it is killed and paused
    await using folder = await openFolder('postgres-faults');
    const args = [...smallPicture, '--hls-segment-duration', '1s', '--store-url', postgres.url('postgres')];
    const data = `${folder.path}/data`;
    const start = () => startServer({ data, args, adminToken });
    {
      await using server = await start();
      await server.stream('demo');
      const advanced = async (what: string) => {
        const from = await lastMsn(server);
        await until(what, async () => (await lastMsn(server)) >= from + 3);
      };
      await advanced('segments before');
      await postgres.kill();
      await until('health reports it', async () => (await databaseOf(server)) === 'degraded');
      assert.equal((await server.fetch('/ready')).status, 200, 'viewers are still sent here');
      assert.equal((await server.fetch('/ready?strict=1')).status, 503, 'not ready for what needs the database');
      const metrics = await (await server.fetch('/metrics')).text();
      assert.match(metrics, /^oxbow_stream_live\{stream="demo"\} 1$/m, 'metrics are there without the database');
      const answer = await server.fetch('/api/v1/streams/demo/markers', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ at: new Date().toISOString(), text: 'here' }),
      });
      assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [503, 'not-ready']);
      await advanced('segments without a database');
      await postgres.start();
      await until('health reports that it is back', async () => (await databaseOf(server)) === 'ok');
      const afterKill = await until('the timeline is there', async () => {
        const found = await gapsOf(server);
        return found.spans.length > 0 && found;
      });
      assert.deepEqual(afterKill.gaps, []);
      postgres.pause();
      await advanced('segments beside a paused server');
      postgres.resume();
      await until('it responds again', async () => (await databaseOf(server)) === 'ok');
      assert.deepEqual((await gapsOf(server)).gaps, []);
      await server.stop('SIGKILL');
    }
    await using server = await start();
    await server.stream('demo');
    await until('the time of the crash is listed', async () => (await gapsOf(server)).gaps.includes('crash'));
    const { spans, gaps } = await gapsOf(server);
    assert.deepEqual(new Set(gaps), new Set(['crash']));
    for (const { from, to } of spans) assert.ok(from < to);
  });

  test('that does not respond yet keeps no start from ending on SIGTERM', async () => {
    await using folder = await openFolder('postgres-waits');
    const verb = startVerb(['serve', '--data', folder.path, '--http', '127.0.0.1:0', '--store-url', NOBODY]);
    await until('it waits', () => verb.stderr.includes('waiting for it'));
    const { code, stderr } = await verb.end('SIGTERM');
    assert.equal(code, 0, stderr);
  });
});
