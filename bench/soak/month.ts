/**
 * `npm run soak -- month`: days of many recorded streams on a simulated clock, in several processes.
 * In: arguments. Out: a line per simulated day and process, then a summary; exit code 1 if memory, files or
 * the index grow, or if time is missing.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { LongRunOptions, Look } from '../../test/simulation/long-run.ts';
import { describeMachine } from '../process-tree.ts';

const DAY_MS = 86_400_000;
const usage = `Usage: npm run soak -- month [options]

  --days 30          simulated days
  --streams 100      streams, each with a segment of 10 s and 40 bytes of media
  --processes ${availableParallelism()}      processes that share the streams
  --keep 1           retention time, hours
  --seed 1           seed of outages, restarts, kills and steps of the clock
`;

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    days: { type: 'string', default: '30' },
    streams: { type: 'string', default: '100' },
    processes: { type: 'string', default: String(availableParallelism()) },
    keep: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
const [days, streams, processes, keep, seed] = [
  ...[Number(values.days), Number(values.streams), Number(values.processes)],
  ...[Number(values.keep), Number(values.seed)],
] as [number, number, number, number, number];
if (values.help || ![days, streams, processes, keep, seed].every((value) => Number.isInteger(value) && value > 0)) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}

const beganMs = performance.now();
const shares = Array.from({ length: processes }, (_, i) => Math.floor((streams + i) / processes));
const ends = await Promise.all(shares.map((count, i) => simulate(count, i)));
const seconds = (performance.now() - beganMs) / 1000;
const segments = ends.reduce((sum, { last }) => sum + (last?.segments ?? 0), 0);
process.stdout.write(`${describeMachine()}\n`);
process.stdout.write(
  `${days} days of ${streams} streams: ${segments} segments in ${(seconds / 60).toFixed(1)} min, ${Math.round(segments / seconds)} a second\n`,
);
process.exit(ends.every(({ code }) => code === 0) ? 0 : 1);

/** Runs a share of the streams; prints each day. */
async function simulate(count: number, index: number): Promise<{ readonly last?: Look; readonly code: number | null }> {
  const options: LongRunOptions = {
    seed: seed + index,
    streams: count,
    lengthMs: days * DAY_MS,
    lookEveryMs: DAY_MS,
    keepMs: keep * 3_600_000,
  };
  const script = join(import.meta.dirname, '..', '..', 'test', 'simulation', 'run-month.ts');
  // Media of a minute of all streams is young at the same time.
  const child = spawn(process.execPath, ['--max-semi-space-size=32', script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  let last: Look | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as Look;
    const { atMs, heapBytes, files, indexRows, otherRows, restarts, clockSteps, outages, problems } = last;
    process.stdout.write(
      `process ${index}, day ${atMs / DAY_MS}: heap ${(heapBytes / 1e6).toFixed(1)} MB, ${files} files, ${indexRows} + ${otherRows} rows; ` +
        `${restarts} restarts, ${clockSteps} clock steps, ${outages} outages\n${problems.map((text) => `  ${text}\n`).join('')}`,
    );
  }
  return { ...(last && { last }), code: await code };
}
