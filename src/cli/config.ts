/**
 * `oxbow config print|check|schema`: the effective settings with their origins, a check of them, and their
 * JSON Schema.
 * In: files, variables, flags. Out: text or JSON.
 */
import type { Command } from 'commander';
import { describeSettings } from '../config/describe.ts';
import { settingsJsonSchema } from '../config/json-schema.ts';
import type { LoadedConfig } from '../config/load.ts';
import { OxbowError } from '../lib/errors.ts';
import { addSettingFlags, addVsrFlags, readSettings } from './setting-flags.ts';
import { type ExitCode, note, say, sayJson, sentencesOf, table } from './terminal.ts';

/** Adds the verb with its three parts. */
export function addConfig(program: Command, exit: (code: ExitCode) => void): void {
  const config = program
    .command('config')
    .summary('settings: print, check, schema')
    .description('Shows and checks settings.');
  const print = withSettings(config.command('print').description('Prints every setting with its value and origin.'));
  print.action(async (urls: string[]) => {
    printLoaded(await readSettings(print, urls), isJson(print));
    exit(0);
  });
  const check = withSettings(config.command('check').description('Checks the settings; exit 1 if they are invalid.'));
  check.action(async (urls: string[]) => exit(await checkSettings(check, urls)));
  config
    .command('schema')
    .description('JSON Schema of a settings file, for editors.')
    .option('--json', 'No effect: the schema is always JSON.')
    .action(() => {
      say(JSON.stringify(settingsJsonSchema(), null, 2));
      exit(0);
    });
}

function withSettings(command: Command): Command {
  command.argument('[[NAME=]URL...]', 'streams, as for serve').option('--json', 'Print JSON.');
  return addVsrFlags(addSettingFlags(command));
}

const isJson = (command: Command): boolean => command.opts<{ json?: true }>().json === true;

async function checkSettings(command: Command, urls: readonly string[]): Promise<ExitCode> {
  try {
    const { config } = await readSettings(command, urls);
    const count = Object.keys(config.streams).length;
    if (isJson(command)) sayJson({ ok: true, problems: [] });
    else say(`The settings are valid; ${count} ${count === 1 ? 'stream' : 'streams'}.`);
    return 0;
  } catch (error) {
    if (!(error instanceof OxbowError) || error.code !== 'bad-setting') throw error;
    if (isJson(command)) sayJson({ ok: false, problems: error.extra.problems });
    else for (const sentence of sentencesOf(error)) note(sentence);
    return 1;
  }
}

function printLoaded(loaded: LoadedConfig, json: boolean): void {
  const rows = describeSettings(loaded);
  if (json) sayJson(Object.fromEntries(rows.map(({ path, ...setting }) => [path, setting])));
  else say(table(rows.map(({ path, value, origin }) => [path, value === '' ? '-' : value, origin])));
}
