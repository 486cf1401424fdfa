/**
 * Retention: index rows of old windows are deleted, and their files by a later pass or by the next start.
 * In: a recording of which a part is too old. Out: nothing younger is lost, lists name no deleted segment, no
 * old file remains.
 */
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WINDOW_US, windowOf } from '../../../src/recording/window.ts';
import { type Server, startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { type Activity, assertSame, chunkHashes, filesBelow, type Seen, segmentsOf } from './activity.ts';
import { importCamera, timesUpTo } from './imported.ts';

/** A piece a minute. */
const PIECES = 180;
const KEEP_MS = 3_600_000;
/** Retention pauses when the clock is five minutes after the newest recording: a new one is made before. */
const FRESH_MS = 200_000;

/** A data folder, and what a viewer got from it. */
interface Made {
  readonly data: string;
  /** The same, when the old rows are deleted and their files are not. */
  readonly withoutRows: string;
  readonly fromS: number;
  readonly toS: number;
  readonly segments: readonly (Seen & { readonly atMs: number })[];
  readonly atMs: number;
}

const keep = ['--keep', `${KEEP_MS / 1000}s`];
/** Before this nothing is kept at an instant, ms since 1970. */
const horizonMs = (atMs: number) => windowOf((atMs - KEEP_MS) * 1000) / 1000;

/** When a chunk file begins, by its name. */
function startOf(path: string): number {
  const [, day, time, ms] = /^(\d{8})T(\d{6})(\d{3})Z/.exec(basename(path))!;
  const parts = (text: string) => text.match(/../g)!;
  return Date.parse(`${day!.slice(0, 4)}-${parts(day!.slice(4)).join('-')}T${parts(time!).join(':')}.${ms}Z`);
}

const firstMs = async (server: Server) => Date.parse((await server.timeline('cam')).spans[0]!.from);
const rowsDeleted = (server: Server, atMs: number) =>
  until('old media is not in the timeline', async () => (await firstMs(server)) >= horizonMs(atMs));
const filesDeleted = (server: Server, data: string, atMs: number) =>
  until('old files are deleted', async () => {
    await server.fetch('/ready'); // it fails at once after a kill
    return [...(await chunkHashes(data)).keys()].every((path) => startOf(path) >= horizonMs(atMs));
  });

async function make(folder: string): Promise<Made> {
  const atMs = Date.now();
  const times = timesUpTo(atMs - 30_000, PIECES, 60_000);
  await rm(folder, { recursive: true, force: true });
  const data = join(folder, 'data');
  await importCamera(folder, times, 6);
  const withoutRows = join(folder, 'without-rows');
  await cp(data, withoutRows, { recursive: true });
  const [fromS, toS] = [times[0]! / 1000, times.at(-1)! / 1000 + 2];
  let segments: Seen[];
  {
    await using server = await startServer({ data, args: ['--keep', '30d'] });
    segments = await segmentsOf(server, 'cam', fromS, toS);
  }
  assert.equal(segments.length, PIECES);
  await using server = await startServer({ data: withoutRows, args: keep });
  await rowsDeleted(server, atMs);
  await server.stop('SIGKILL');
  return {
    data,
    withoutRows,
    fromS,
    toS,
    atMs,
    segments: segments.map((segment, i) => ({ ...segment, atMs: times[i]! })),
  };
}

/** See above. */
export const retention: Activity = {
  name: 'retention',
  steps: ['sql delete chunk_file', 'rm #/#.mp4'],
  async prepare(folder) {
    let made = await make(join(folder, 'made'));
    return {
      async trial(own, number) {
        if (Date.now() - made.atMs > FRESH_MS) made = await make(join(folder, 'made'));
        const { segments, atMs, fromS, toS } = made;
        const data = join(own, 'data');
        const deletesFiles = number % 2 === 1;
        await cp(deletesFiles ? made.withoutRows : made.data, data, { recursive: true });
        const before = await chunkHashes(data);
        return {
          async run(env, began) {
            began();
            await using server = await startServer({ data, args: keep, env });
            if (deletesFiles) await filesDeleted(server, data, atMs);
            await rowsDeleted(server, atMs);
          },
          async check() {
            {
              await using server = await startServer({ data, args: keep });
              await rowsDeleted(server, atMs);
              const listed = await segmentsOf(server, 'cam', fromS, toS);
              const known = new Map(segments.map(({ path, hash }) => [path, hash]));
              for (const { path, hash } of listed) assert.equal(known.get(path), hash, path);
              const young = segments.filter((one) => one.atMs >= Date.now() - KEEP_MS);
              assert.ok(young.length >= 50, 'some media is younger');
              await assertSame(
                server,
                young.map(({ path, hash }) => ({ path, hash })),
              );
              for (const { path } of young)
                assert.ok(
                  listed.some((one) => one.path === path),
                  `${path} is listed`,
                );
            }
            await using server = await startServer({ data, args: keep });
            await filesDeleted(server, data, atMs);
            await rowsDeleted(server, atMs);
            const after = await chunkHashes(data);
            // A window may have become too old since.
            for (const [path, hash] of before)
              if (startOf(path) >= horizonMs(Date.now()) + WINDOW_US / 1000) assert.equal(after.get(path), hash, path);
            const parts = (await filesBelow(join(data, 'recordings'))).filter((path) => path.endsWith('.part'));
            assert.deepEqual(parts, []);
          },
        };
      },
      async [Symbol.asyncDispose]() {},
    };
  },
};
