import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Contents } from '../../src/features/insight/contents.ts';
import { viewingRow } from '../../src/features/insight/insight.contract.ts';
import { ParquetPlace } from '../../src/features/insight/sealed/parquet-place.ts';
import { sealingWith } from '../../src/features/insight/sealed/sealed.fixture.ts';
import { ViewingTable } from '../../src/features/insight/viewing-table.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openStore } from '../../src/store/db.ts';
import { serveHere } from '../../src/store/store.fixture.ts';
import { openFolder } from '../fixtures/server.ts';
import { isFull } from '../full.ts';

const program = fileURLToPath(new URL('sealed-kill.fixture.ts', import.meta.url));
/** Of the first tier. */
const EVERY = 12;

async function openDatabase(data: string) {
  return await openStore({ file: join(data, 'oxbow.db'), log: createSilentLog(), start: serveHere });
}

/** Two hours, with rows of two streams in the first one. */
async function fill(data: string): Promise<void> {
  await using store = await openDatabase(data);
  const table = new ViewingTable({ db: store.db, contents: new Contents(store.db), node: '' });
  const [door, yard] = ['door', 'yard'].map((id) => ({ kind: 'stream', id }) as const);
  await table.add([viewingRow(door!, 'a', 0), viewingRow(door!, 'b', 1), viewingRow(yard!, 'c', 1)]);
  await table.add([viewingRow(door!, 'a', 60)]);
}

/** Runs the process to its end. @returns its last step; undefined: it was killed */
async function run(data: string, step: number): Promise<number | undefined> {
  try {
    const args = ['--disable-warning=ExperimentalWarning', program, data, String(step)];
    return Number((await promisify(execFile)(process.execPath, args)).stdout);
  } catch (error) {
    assert.equal((error as { readonly signal?: unknown }).signal, 'SIGKILL', String(error));
    return undefined;
  }
}

/** Minutes of `door` that are watched, wherever they are; and all files. */
async function look(data: string) {
  await using store = await openDatabase(data);
  await using place = new ParquetPlace({ folder: join(data, 'insight'), duckdb: data, memoryMb: 128, threads: 1 });
  const { reads, contents, table } = sealingWith(store.db, place);
  const content = await contents.find({ kind: 'stream', id: 'door' });
  const [sums] = await reads.sums({ content }, { table: 'viewing_minute', from: 0, to: 1e9 }, undefined);
  const files = await readdir(join(data, 'insight'));
  const listed = (await table.list('sealed')).map(({ id }) => `${id}.parquet`);
  const left = (await store.db.selectFrom('viewing_minute').select('minute').execute()).length;
  return { minutes: (sums?.watchMs ?? 0) / 60_000, files: files.toSorted(), listed: listed.toSorted(), left };
}

suite('viewing is sealed', () => {
  test('kill -9 at any step loses no hour, counts none twice and leaves no file behind', async () => {
    await using counted = await openFolder('sealed-kill');
    await fill(counted.path);
    const steps = (await run(counted.path, 0))!;
    assert.ok(steps > 40, `${steps} steps`);
    for (let step = isFull ? 1 : EVERY; step <= steps; step += isFull ? 1 : EVERY) {
      await using folder = await openFolder('sealed-kill');
      await fill(folder.path);
      assert.equal(await run(folder.path, step), undefined, `step ${step} of ${steps}`);
      const killed = await look(folder.path);
      assert.equal(killed.minutes, 3, `after step ${step}`);
      await run(folder.path, 0);
      const { minutes, files, listed, left } = await look(folder.path);
      assert.deepEqual({ minutes, left, files: files.length }, { minutes: 3, left: 0, files: 2 }, `after step ${step}`);
      assert.deepEqual(files, listed);
    }
  });
});
