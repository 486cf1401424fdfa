/**
 * Recordings that move to a bucket, while they are watched.
 * In: an imported recording, an S3 server. Out: every segment is readable at all times; each file is one
 * object in the end, and no file.
 */
import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startS3 } from '../../../src/archive/objects/object-servers.fixture.ts';
import { startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { type Activity, assertSame, chunkHashes, filesBelow, hashOf, type Seen, segmentsOf } from './activity.ts';
import { importCamera, timesUpTo } from './imported.ts';

/** A piece a minute, so that each is a file. */
const PIECES = 12;

/** See above. */
export const movingToBucket: Activity = {
  name: 'bucket',
  steps: ['sql insert stored_object', 'rm #/#.mp4'],
  async prepare(folder) {
    const opened = new AsyncDisposableStack();
    const bucket = opened.use(await startS3());
    const client = await bucket.client();
    const times = timesUpTo(Date.now() - 60_000, PIECES, 60_000);
    const made = join(folder, 'data');
    await importCamera(folder, times, 6);
    let segments: Seen[];
    {
      await using server = await startServer({ data: made });
      segments = await segmentsOf(server, 'cam', times[0]! / 1000, times.at(-1)! / 1000 + 2);
    }
    assert.equal(segments.length, PIECES);
    const hashes = await chunkHashes(made);
    /**
     * Hashes of the chunk files in the bucket, by their path from `recordings/` on; of two objects of one
     * file it fails.
     */
    const objects = async () => {
      const found = new Map<string, string>();
      for (const { key, size } of await Array.fromAsync(client.list(''))) {
        if (!key.endsWith('.mp4')) continue;
        const path = key.slice(key.indexOf('recordings/'));
        assert.ok(!found.has(path), `${path} is in the bucket twice`);
        found.set(path, hashOf((await client.read(key, { offset: 0, length: size }))!));
      }
      return found;
    };
    return {
      async trial(own) {
        for (const { key } of await Array.fromAsync(client.list(''))) await client.delete(key);
        const [data, settings] = [join(own, 'data'), join(own, 'oxbow.yaml')];
        await cp(made, data, { recursive: true });
        const storage = { targets: { bucket: bucket.target() }, target: 'bucket', mode: 'move', after: '0s' };
        await writeFile(settings, JSON.stringify({ storage }));
        const run = async (env?: NodeJS.ProcessEnv, last = async () => {}) => {
          await using server = await startServer({ data, args: ['--config', settings], env });
          await until('all files are in the bucket', async () => {
            await assertSame(server, segments);
            return (await chunkHashes(data)).size === 0;
          });
          await assertSame(server, segments);
          await last();
        };
        return {
          async run(env, began) {
            began();
            await run(env);
          },
          async check() {
            // What the killed process may still have been sending is deleted by the next one.
            await run(undefined, async () => {
              const found = await until('each file is one object', objects);
              assert.deepEqual(new Map([...found].sort()), hashes);
            });
            const parts = (await filesBelow(join(data, 'recordings'))).filter((path) => path.endsWith('.part'));
            assert.deepEqual(parts, []);
          },
        };
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};
