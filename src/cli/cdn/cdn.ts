/**
 * `oxbow cdn print nginx|varnish|cloudfront|fastly`: the configuration of a cache in front of oxbow; `oxbow
 * cdn files`: what another server may have of the interface.
 * In: settings, flags. Out: the file on stdout, or at `--output`; a folder. docs/9-run/cdn.md.
 */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { packageFile } from '../../lib/program-files.ts';
import { refuseToReplace } from '../output-file.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { type ExitCode, say } from '../terminal.ts';
import { CACHES, type Cache, type CachePlan, type PlanFlags, planOf } from './cache-plan.ts';
import { printCloudfront } from './cloudfront-file.ts';
import { printFastly } from './fastly-file.ts';
import { printNginx } from './nginx-file.ts';
import { copyStaticFiles } from './static-files.ts';
import { printVarnish } from './varnish-file.ts';

interface Options extends PlanFlags {
  readonly output?: string;
  readonly overwrite?: true;
}

const printers: Readonly<Record<Cache, (plan: CachePlan) => string>> = {
  nginx: printNginx,
  varnish: printVarnish,
  cloudfront: printCloudfront,
  fastly: printFastly,
};

/** Adds the verb with its subcommand. */
export function addCdn(program: Command, exit: (code: ExitCode) => void): void {
  const cdn = program.command('cdn').summary('configurations of caches in front of oxbow, and files for them');
  cdn
    .command('files')
    .summary('Copies the scripts, styles and pictures of pages, for a bucket or another server.')
    .description(
      'Copies the scripts, styles and pictures of pages to a folder, for a bucket or another server: see the setting `staticUrl`. Files of earlier versions stay there.',
    )
    .argument('<FOLDER>', 'Where the folder `ui` is made.')
    .action(async (folder: string) => {
      const count = await copyStaticFiles(fileURLToPath(packageFile('web/dist')), resolve(folder));
      say(`${count} files are in ${resolve(folder, 'ui')}.`);
      exit(0);
    });
  const print = cdn
    .command('print')
    .summary('Prints the configuration of a cache in front of oxbow.')
    .description(
      'Prints the configuration of a cache in front of oxbow: one request to oxbow for all viewers, held reloads included.',
    )
    .argument('<CACHE>', CACHES.join(', '))
    .option('--origin <URL>', 'Where the cache reaches oxbow; default the address that oxbow listens on.')
    .option('--name <NAME>', 'Begins the names that the file defines.', 'oxbow')
    .option('--recheck <DURATION>', 'nginx, Varnish: how long an answer about a playback token holds.', '10s')
    .option('--purge-from <NETWORK,…>', 'nginx, Varnish: who may purge; default the address of the origin.')
    .option('-o, --output <FILE>', 'Write the file there instead of stdout.')
    .option('--overwrite', 'Replace a file that exists.');
  addSettingFlags(print, ['publicUrl', 'listen', 'http', 'tls.cert', 'hls.segmentDuration']);
  print.action(async (cache: string) => {
    const options = print.opts<Options>();
    const { config } = await readSettings(print);
    const plan = planOf(cache, config, options);
    await put(printers[plan.cache](plan), options);
    exit(0);
  });
}

async function put(text: string, { output, overwrite }: Options): Promise<void> {
  if (output === undefined) return say(text.trimEnd());
  const path = resolve(output);
  if (!overwrite) refuseToReplace(path);
  await writeFile(path, text);
}
