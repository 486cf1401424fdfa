/**
 * A process that seals viewing, erases a stream and deletes what is old, and kills itself at a step.
 * In: the data folder, a step, as arguments; 0: never. Out: the number of steps on stdout, if it lives.
 */
import { join } from 'node:path';
import { ParquetPlace } from '../../src/features/insight/sealed/parquet-place.ts';
import { sealingWith } from '../../src/features/insight/sealed/sealed.fixture.ts';
import { type Files, systemFiles } from '../../src/lib/files/files.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openStore } from '../../src/store/db.ts';
import { serveHere } from '../../src/store/store.fixture.ts';
import { eraseViewing } from '../../src/store/tables/viewing-rows.ts';

const [data, last] = [process.argv[2]!, Number(process.argv[3])];
let steps = 0;
function step(): void {
  steps++;
  if (steps === last) process.kill(process.pid, 'SIGKILL');
}

/** Each call of a method is a step before it and one after it. */
function stepping<T extends object>(target: T): T {
  return new Proxy(target, {
    get(of, name) {
      const value = Reflect.get(of, name, of) as unknown;
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        step();
        const result = (await Reflect.apply(value, of, args)) as unknown;
        step();
        return result;
      };
    },
  });
}

await using store = await openStore({ file: join(data, 'oxbow.db'), log: createSilentLog(), start: serveHere });
// As if its time to live were over.
await store.db.updateTable('lease').set({ expires_us: 0 }).where('name', '=', 'insight-seal').execute();
await using place = new ParquetPlace({
  folder: join(data, 'insight'),
  duckdb: join(data, 'nowhere'),
  memoryMb: 128,
  threads: 1,
  files: stepping<Files>(systemFiles),
});
const { seal } = sealingWith(store.db, place, { wrapTable: stepping });
await seal();
await eraseViewing(store.db, { kind: 'stream', id: 'yard' });
await seal();
console.log(steps);
