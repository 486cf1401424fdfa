/**
 * `oxbow doctor --repair`: repairs a data folder that no server uses, and reports the actions.
 * In: settings. Out: a line for each file; exit 1 if something is left.
 */
import type { Config } from '../../config/schema.ts';
import { databaseServer } from '../../config/sections/store-section.ts';
import type { RepairAction } from '../../features/verify/repair-folder.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { bar, openProgressLine } from '../progress.ts';
import { sayRebuilt } from '../recording-index.ts';
import { type ExitCode, say, sayJson } from '../terminal.ts';

/** Data that only a backup has. */
const NOT_IN_FILES =
  'Pins, markers, titles, clips, assets, accounts and settings of streams are not in the recorded files: oxbow restore brings them back from a backup.';

/** Repairs. @throws OxbowError `data-in-use`, `bad-request`, `not-ready` */
export async function repair(
  { data, store, storage }: Pick<Config, 'data' | 'store' | 'storage'>,
  { dryRun = false, json }: { readonly dryRun?: boolean; readonly json?: true },
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { repairFolder } = await import('../../features/verify/repair-folder.ts'); // other checks start without it
  const clock = createSystemClock();
  const startMs = clock.monotonicMs();
  using line = openProgressLine();
  const result = await repairFolder(data, {
    server: databaseServer(store),
    storage,
    dryRun,
    clock,
    signal,
    progress: (done, total) =>
      line.show(() => bar(total === 0 ? 1 : Math.min(1, done / total), clock.monotonicMs() - startMs)),
  });
  line[Symbol.dispose]();
  const { databaseMovedTo, rebuilt, files, actions, sums, quarantine } = result;
  const isDone = actions.every(({ action }) => action !== 'left');
  if (json) {
    sayJson({ ok: isDone, dryRun, ...result });
    return isDone ? 0 : 1;
  }
  if (databaseMovedTo !== undefined)
    say(dryRun ? `${databaseMovedTo} is corrupt` : `the database was corrupt; it is now ${databaseMovedTo}`);
  if (rebuilt) say(`the index was built from the files: ${sayRebuilt(rebuilt)}\n  ${NOT_IN_FILES}`);
  for (const action of actions) say(describe(action));
  const would = dryRun ? ' would be' : '';
  if (sums > 0)
    say(`the sums of ${sums} recordings or targets differed from the index;${would || ' they are'} made again`);
  say(
    actions.length === 0
      ? `${files} files: all are intact`
      : `${files} files: ${actions.length}${would} repaired or left`,
  );
  if (quarantine !== undefined && !dryRun)
    say(`  What was damaged is in ${data}/${quarantine} (manifest.jsonl lists it). Delete it when you do not need it.`);
  return isDone ? 0 : 1;
}

function describe({ file, of, action, detail }: RepairAction): string {
  return `${action.padEnd(11)}  ${of}: ${file}: ${detail}`;
}
