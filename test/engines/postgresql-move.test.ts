/**
 * A data folder moves to PostgreSQL, is backed up there, restored and moves back, by the commands of the
 * documentation.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { needPostgres, openDatabases } from '../fixtures/engines/postgres.ts';
import { openFolder, runOxbow, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'a-token-for-the-tests';

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runOxbow(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

suite('a data folder', { skip: needPostgres() }, () => {
  test('moves to PostgreSQL and back, and a backup of the server restores it', async () => {
    await using postgres = await openDatabases();
    await using folder = await openFolder('postgres-move');
    const data = `${folder.path}/data`;
    const config = `${folder.path}/oxbow.yaml`;
    const useServer = (url: string) => writeFile(config, `data: ${data}\nstore: { url: "${url}" }\n`);
    const start = (args: readonly string[]) =>
      startServer({ data, args: [...smallPicture, '--hls-segment-duration', '1s', ...args], adminToken });
    const inFolder = await start([]);
    await inFolder.stream('demo');
    const mark = (text: string) =>
      inFolder.fetch('/api/v1/streams/demo/markers', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ at: new Date().toISOString(), text }),
      });
    await until('a second is recorded', async () => (await inFolder.timeline('demo')).spans.length > 0);
    assert.equal((await mark('the heron lands')).status, 201);
    const first = (await inFolder.timeline('demo')).spans[0]!.from;
    await inFolder.stop();

    await useServer(postgres.url(await postgres.create()));
    assert.match(await run('db', 'status', '--data', data), /oxbow\.db: schema (\d+) of \1\n/);
    assert.match(await run('db', 'copy', '--to', '--config', config), /^Copied \d+ rows of \d+ tables\./);
    const again = await runOxbow(['db', 'copy', '--to', '--config', config]);
    assert.deepEqual([again.code, /not empty|has rows already/.test(again.stderr)], [1, true], again.stderr);

    const backup = `${folder.path}/backup.db`;
    {
      await using server = await start(['--config', config]);
      await server.stream('demo');
      const { spans, markers } = await server.timeline('demo');
      assert.deepEqual([spans[0]!.from, markers.map(({ text }) => text)], [first, ['the heron lands']]);
      const { counts } = JSON.parse(await run('backup', '-o', backup, '--config', config, '--json')) as {
        counts: Record<string, number>;
      };
      assert.deepEqual([counts.streams, counts.markers], [1, 1]);
      assert.equal(existsSync(`${backup}.copy.part`), false);
      const inUse = await runOxbow(['db', 'copy', '--from', '--config', config]);
      assert.match(inUse.stderr, /Another oxbow runs/);
    }

    await useServer(postgres.url(await postgres.create()));
    assert.match(await run('backup', '--restore', backup, '--config', config), /1 marker/);
    assert.match(await run('doctor', '--config', config), /index of recordings: agrees with the files/);
    assert.match(await run('stream', 'list', '--config', config), /^demo /m);
    const clip = `${folder.path}/clip.mp4`;
    await run('export', 'demo', '--from', first, '--duration', '1s', '-o', clip, '--config', config);

    assert.match(await run('db', 'copy', '--from', '--config', config), /^Copied \d+ rows/);
    await using back = await start([]);
    await back.stream('demo');
    const { spans, markers } = await back.timeline('demo');
    assert.deepEqual([spans[0]!.from, markers.map(({ text }) => text)], [first, ['the heron lands']]);
  });
});
