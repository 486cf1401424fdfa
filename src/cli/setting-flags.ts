/**
 * Adds flags for all settings to a verb, and builds the configuration of a command line.
 * In: the table of settings, a parsed command line. Out: flags on a command, a `LoadedConfig`.
 */
import { delimiter } from 'node:path';
import { type Command, Help, Option } from 'commander';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { listSettings, type Setting } from '../config/names.ts';
import { schema } from '../config/schema.ts';
import { vsrAliases } from '../config/vsr.ts';
import type { RawValue } from '../config/yaml-file.ts';
import { readSecretFile } from './secret-file.ts';
import { note } from './terminal.ts';

const settings = listSettings(schema);
const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

/**
 * Flags that verbs take without showing them, until the verb is called: there are 250, and more than twenty
 * verbs take them.
 */
const hidden = new WeakMap<Command, () => void>();

/**
 * Adds `--config` and a flag for each setting.
 *
 * @param shown paths of the settings that matter for this verb; `--help` shows only these. The others are
 *   taken all the same, from `addHiddenFlags` on.
 */
export function addSettingFlags(command: Command, shown?: readonly string[]): Command {
  command.optionsGroup(GROUP);
  command.addOption(
    new Option('--config <FILE>', 'Settings in YAML; may be given again, later files win.').argParser(collect),
  );
  if (shown === undefined) {
    for (const setting of settings) addFlags(command, setting);
    return command;
  }
  for (const setting of settings) if (shown.includes(setting.path)) addFlags(command, setting);
  hidden.set(command, () => {
    for (const setting of settings) if (!shown.includes(setting.path)) addFlags(command, setting, { isHidden: true });
  });
  return command.addHelpText('after', '\nAll settings: oxbow serve --help-all');
}

const GROUP = 'Settings:';
/** A verb with more settings than this shows only those that are used most. */
const MOST_SHOWN = 30;
const mostUsed: ReadonlySet<string> = new Set(
  [
    ...['config', 'data', 'listen', 'http', 'public-url', 'tls-cert', 'tls-key', 'admin-token', 'keep', 'max-disk'],
    ...['min-free', 'store-url', 'rtmp', 'srt', 'webrtc', 'log-level', 'help'],
  ].map((flag) => `--${flag}`),
);

/**
 * The help of a verb that takes all settings: those that are used most, and the others with `--help-all`.
 * Other verbs stay as they are.
 */
export function shortenHelp(command: Command): void {
  if (command.options.filter(({ helpGroupHeading }) => helpGroupHeading === GROUP).length <= MOST_SHOWN) return;
  let showsAll = false;
  command.configureHelp({
    formatHelp(shown, help) {
      const options = help.visibleOptions(shown);
      if (!showsAll)
        help.visibleOptions = () =>
          options.filter(({ helpGroupHeading, long }) => helpGroupHeading !== GROUP || mostUsed.has(long ?? ''));
      return Help.prototype.formatHelp.call(help, shown, help);
    },
  });
  command.addHelpText('after', () => (showsAll ? '' : '\nAll settings: oxbow serve --help-all'));
  command.addOption(new Option('--help-all', 'Print this with all settings.').helpGroup('Options:'));
  command.on('option:help-all', () => {
    showsAll = true;
    command.help();
  });
}

/** Adds the flags that a verb takes without showing them. Called before the verb reads its arguments. */
export function addHiddenFlags(command: Command): void {
  hidden.get(command)?.();
  hidden.delete(command);
}

function addFlags(command: Command, { flag, option }: Setting, { isHidden = false } = {}): void {
  if (command.options.some(({ long }) => long === `--${flag}`)) return; // the verb has one of that name
  const byDefault = option.defaultText === '' ? '' : ` (default: ${option.defaultText})`;
  const added = new Option(`--${flag} <${option.placeholder}>`, `${option.sentence}${byDefault}`);
  command.addOption(added.hideHelp(isHidden));
  // Anyone on the computer reads the arguments of a process.
  if (option.secret) command.addOption(new Option(`--${flag}-file <FILE>`, `File with --${flag}.`).hideHelp());
}

/**
 * Adds `--data` and `--config` to a verb that needs no other settings.
 *
 * @param description of the folder
 */
export function addDataFlags(command: Command, description = 'Data folder'): Command {
  return command
    .option('--data <DIR>', `${description} (default: from the settings, otherwise ./oxbow-data).`)
    .option('--config <FILE>', 'Settings in YAML with the data folder; may be given again, later files win.', collect);
}

/** Adds the names that video-stream-recorder used; `--help` does not show them. */
export function addVsrFlags(command: Command): Command {
  for (const { flag, takesValue, sentence, path } of vsrAliases) {
    if (flag === undefined) continue;
    const option = new Option(takesValue ? `--${flag} <VALUE>` : `--${flag}`, sentence).hideHelp();
    command.addOption(path === 'url' ? option.argParser(collect) : option);
  }
  return command;
}

/**
 * The files that settings are read from: those of `--config`, else those that `OXBOW_CONFIG` names, as PATH
 * names folders.
 */
export function settingsFiles(command: Command): readonly string[] {
  const typed = command.opts<{ config?: readonly string[] }>().config;
  return typed ?? (process.env.OXBOW_CONFIG ?? '').split(delimiter).filter((file) => file !== '');
}

/**
 * Loads the settings that a command line and the environment describe; warnings go to stderr.
 *
 * @param urls `[NAME=]URL` arguments
 * @param verbFlags flags of the verb itself that have the names of settings
 * @throws OxbowError `bad-setting`
 */
export async function readSettings(
  command: Command,
  urls?: readonly string[],
  verbFlags?: ReadonlySet<string>,
): Promise<LoadedConfig> {
  const loaded = await readAgain(command, urls, verbFlags);
  for (const warning of loaded.warnings) note(`oxbow: ${warning}`);
  return loaded;
}

/** The same without repeating warnings. */
export async function readAgain(
  command: Command,
  urls: readonly string[] = [],
  verbFlags: ReadonlySet<string> = new Set(),
): Promise<LoadedConfig> {
  const typed = command.opts<Record<string, string | boolean | readonly string[] | undefined>>();
  const typedValue = (flag: string) => typed[new Option(`--${flag}`).attributeName()];
  const flags: RawValue[] = [];
  for (const { flag, convert, path } of vsrAliases) {
    const value = flag === undefined ? undefined : typedValue(flag);
    if (value === undefined) continue;
    for (const each of [value].flat())
      flags.push({ path, value: undefined, ...convert(String(each)), origin: `--${flag}` });
  }
  for (const { flag, path, option } of settings) {
    const value = verbFlags.has(flag) ? undefined : typedValue(flag);
    if (value !== undefined) flags.push({ path, value, origin: `--${flag}` });
    const origin = `--${flag}-file`;
    const file = option.secret ? typedValue(`${flag}-file`) : undefined;
    if (file === undefined) continue;
    if (value !== undefined)
      flags.push({ path, value: undefined, origin, refused: `--${flag} is given too; give one of them` });
    else flags.push({ path, value: readSecretFile(String(file), origin), origin });
  }
  return loadConfig({ files: settingsFiles(command), env: process.env, flags, urls });
}

/**
 * Loads the settings of a verb with `addDataFlags`, whose other flags may have the names of settings.
 *
 * @throws OxbowError `bad-setting`
 */
export async function readDataSettings(command: Command): Promise<LoadedConfig> {
  const { data } = command.opts<{ data?: string }>();
  const flags = data === undefined ? [] : [{ path: 'data', value: data, origin: '--data' }];
  const loaded = await loadConfig({ files: settingsFiles(command), env: process.env, flags });
  for (const warning of loaded.warnings) note(`oxbow: ${warning}`);
  return loaded;
}
