/**
 * Recordings that move to another folder, while they are watched.
 * In: an imported recording. Out: every segment is readable at all times; each file is in the new folder
 * alone in the end, unchanged.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { type Activity, assertSame, chunkHashes, filesBelow, type Seen, segmentsOf } from './activity.ts';
import { importCamera, timesUpTo } from './imported.ts';

/** A piece a minute, so that each is a file. */
const PIECES = 30;

/** See above. */
export const movingToFolder: Activity = {
  name: 'folder',
  steps: ['rename #/#.mp4', 'rm #/#.mp4'],
  async prepare(folder) {
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
    return {
      async trial(own) {
        const [data, disk, settings] = ['data', 'disk', 'oxbow.yaml'].map((name) => join(own, name)) as [
          string,
          string,
          string,
        ];
        await cp(made, data, { recursive: true });
        await mkdir(disk);
        const folders = { disk: { path: disk, streams: 'cam' } };
        await writeFile(settings, JSON.stringify({ storage: { folders, moveToFolders: true } }));
        const run = async (env?: NodeJS.ProcessEnv) => {
          await using server = await startServer({ data, args: ['--config', settings], env });
          await until('all files are in the other folder', async () => {
            await assertSame(server, segments);
            return (await chunkHashes(join(data, 'recordings'))).size === 0;
          });
          await assertSame(server, segments);
        };
        return {
          async run(env, began) {
            began();
            await run(env);
          },
          async check() {
            await run();
            assert.deepEqual(await chunkHashes(disk), hashes);
            const all = [...(await filesBelow(disk)), ...(await filesBelow(join(data, 'recordings')))];
            const others = all.map((path) => basename(path)).filter((name) => !/\.mp4$|^stream\.json$/.test(name));
            assert.deepEqual(others, ['oxbow-folder.json']);
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};
