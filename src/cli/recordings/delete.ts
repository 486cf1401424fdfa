/**
 * `oxbow delete STREAM --from T --to T|--duration D`: deletes a range of a recording for good, on a running
 * oxbow.
 * In: a range. Out: the plan, a confirmation, progress, places that were not reached; exit 1 while something
 * is left.
 */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { OxbowClient } from '../../client/client.ts';
import type { DeletionView } from '../../client/made/shapes.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { printable } from '../../lib/text/printable.ts';
import { bar, openProgressLine, sayBytes } from '../progress.ts';
import { askServer } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { onStopSignal } from '../stop-signals.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';
import { TYPED_FORMS, typedEnd, typedTime } from './typed-time.ts';

interface Options {
  readonly from: string;
  readonly to?: string;
  readonly duration?: string;
  readonly assets?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly server?: string;
  readonly json?: true;
}

const LOOK_EVERY_MS = 300;

/** Adds the verb. */
export function addDelete(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program
    .command('delete')
    .summary('a range of a recording, for good')
    .description(
      'Deletes every segment that overlaps a range from files, copies, exports, clips and edges of a running oxbow, for good.',
    )
    .argument('<STREAM>', 'name of the stream')
    .requiredOption('--from <TIME>', `Start: ${TYPED_FORMS}.`)
    .option('--to <TIME>', 'End, in one of the same forms.')
    .option('--duration <DURATION>', 'Duration, instead of --to: 90s, 15m, 1h30m.')
    .option('--assets', 'Delete assets that are made of the range too; otherwise they refuse the deletion.')
    .option('--dry-run', 'Print what would be deleted, and delete nothing.')
    .option('-y, --yes', 'Do not ask; required where no terminal is there to ask on.')
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print the deletion as JSON.');
  addSettingFlags(verb, ['data', 'adminToken']);
  verb.addHelpText('after', examples);
  verb.action(async (stream: string) => exit(await runDelete(stream, verb)));
}

const examples = `
Examples:
  oxbow delete door --from 14:05 --to 14:07 --dry-run
  oxbow delete door --from 2026-11-20T07:40:00Z --duration 2m --dry-run
  oxbow delete door --from 1795000000 --to 1795000120 --assets --yes`;

async function runDelete(name: string, verb: Command): Promise<ExitCode> {
  const options = verb.opts<Options>();
  const { from, to, duration, assets, server } = options;
  if ((to === undefined) === (duration === undefined)) throw usage('Give either --to or --duration.');
  const nowMs = Date.now();
  const ends = { from: typedTime(from, nowMs), to: typedEnd((to ?? duration)!, nowMs) };
  const range = { name, ...ends, assets: assets ? 'delete' : 'keep' } as const;
  const { config } = await readSettings(verb, [], new Set(['from']));
  const controller = new AbortController();
  using _signals = onStopSignal(() => controller.abort(new DOMException('stopped', 'AbortError')));
  const { signal } = controller;
  let isBegun = false;
  try {
    return await askServer(config, server, async (client) => {
      const plan = await client.deleteStreamRecordings({ ...range, dryRun: 'true' }, { signal });
      if (!options.json) for (const line of describe(plan)) say(line);
      if (options.dryRun) {
        if (options.json) sayJson(plan);
        return 0;
      }
      if (plan.assets.length > 0 && !assets) {
        throw new OxbowError('recording-in-use', `Assets are made of this range: ${titlesOf(plan.assets)}.`);
      }
      if (!options.yes && !(await confirm(name, signal))) {
        note('oxbow: nothing was deleted');
        return 1;
      }
      isBegun = true;
      const begun = await client.deleteStreamRecordings(range, { signal });
      return report(await follow(client, begun, plan.left.length, signal), options);
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    note(`oxbow: stopped; ${isBegun ? 'the server continues the deletion' : 'nothing was deleted'}`);
    return 130;
  }
}

/** @throws OxbowError `bad-request` without a terminal */
async function confirm(stream: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw usage('There is no terminal to confirm on: give --yes.');
  using lines = createInterface({ input: process.stdin, output: process.stderr });
  return /^y(es)?$/i.test((await lines.question(`Delete this of ${stream} for good? [y/N] `, { signal })).trim());
}

/** Follows a deletion until it is done, or until all that is left has been tried. */
async function follow(
  client: OxbowClient,
  begun: DeletionView,
  total: number,
  signal: AbortSignal,
): Promise<DeletionView> {
  const begunAt = performance.now();
  using line = openProgressLine();
  let view = begun;
  while (view.id !== null && view.left.some(({ problem }) => problem === '')) {
    const share = 1 - view.left.length / Math.max(total, view.left.length);
    line.show(() => bar(share, performance.now() - begunAt));
    await sleep(LOOK_EVERY_MS, { signal });
    view = await client.getDeletion({ id: view.id }, { signal });
  }
  return view;
}

function report(view: DeletionView, { json }: Options): ExitCode {
  const { id, left, unreachable } = view;
  if (json) sayJson(view);
  else {
    say(left.length === 0 ? 'Deleted.' : `Deleted for viewers; ${left.length} places were not reached:`);
    for (const { kind, name, target, problem } of left) {
      say(`  ${kind} ${printable([target, name].filter(Boolean).join(': '))}: ${printable(problem)}`);
    }
    say('No server reaches:');
    for (const each of unreachable) say(`  ${each}`);
  }
  if (left.length === 0) return 0;
  note(`oxbow: the server tries these again until they are reached: GET /api/v1/deletions/${id}`);
  return 1;
}

function describe({ stream, from, to, segments, bytes, ...plan }: DeletionView): string[] {
  const { clips, pins, assets, exports, copies, edges } = plan;
  const things = { clips, pins, assets, exports };
  const places = { copies, edges: edges.length };
  return [
    `${stream} from ${from} to ${to}: ${segments} segments, ${sayBytes(bytes)}, in ${plan.files} files`,
    ...Object.entries(things).flatMap(([kind, items]) => (items.length > 0 ? [`  ${kind}: ${titlesOf(items)}`] : [])),
    ...Object.entries(places).flatMap(([kind, count]) => (count > 0 ? [`  ${kind}: ${count}`] : [])),
  ];
}

const titlesOf = (items: readonly { readonly id: string; readonly title: string }[]): string =>
  items.map(({ id, title }) => printable(title || id)).join(', ');

function usage(detail: string): OxbowError {
  return new OxbowError('bad-request', detail, { extra: { hint: 'See oxbow delete --help.' } });
}
