/**
 * `npm run soak -- kill`: `kill -9` at many moments of every activity, half of them by time and half next to
 * a change that it makes.
 * In: arguments. Out: a line per moment, then a table; ends at the first thing that is lost, changed or left
 * over.
 */
import { parseArgs } from 'node:util';
import { activities } from '../../test/faults/moments/all.ts';
import { killAtMoments } from '../../test/faults/moments/moments.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { describeMachine } from '../process-tree.ts';
import { printTable } from '../report.ts';

const names = activities.map(({ name }) => name);
const usage = `Usage: npm run soak -- kill [options]

  --moments 50       moments of each activity
  --only NAME        one activity: ${names.join(', ')}
  --seed 1           seed of the moments; a failure names it
`;

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    moments: { type: 'string', default: '50' },
    only: { type: 'string' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
const [moments, seed] = [Number(values.moments), Number(values.seed)];
const chosen = activities.filter(({ name }) => values.only === undefined || name === values.only);
if (values.help || ![moments, seed].every((value) => Number.isInteger(value) && value > 0) || chosen.length === 0) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}

const rows: string[][] = [];
for (const activity of chosen) {
  await using folder = await openFolder(`kill-${activity.name}`);
  const report = (text: string) => process.stdout.write(`${text}\n`);
  const { byTime, byStep, late, steps } = await killAtMoments(activity, {
    moments,
    seed,
    folder: folder.path,
    rehearsal: true,
    report,
  });
  rows.push([activity.name, ...[byTime, byStep, steps, late].map(String)]);
}
const head = ['activity', 'killed after a time', 'killed at a change', 'different changes', 'after the end'];
process.stdout.write(`${describeMachine()}\n\n${printTable(head, rows)}\n`);
