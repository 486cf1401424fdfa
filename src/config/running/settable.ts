/**
 * The settings that an administrator may set in the browser, while no file, variable or flag sets them.
 * In: the table of settings. Out: their paths, and texts checked as in a file. Pure.
 */

import { FormatError } from '@oxbow/media/errors';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { listSettings, type Setting } from '../names.ts';
import { schema } from '../schema.ts';

/**
 * All of them apply while oxbow runs. None names a program, a file, a server or a secret: a stolen session
 * of an administrator must not reach further than oxbow.
 */
const paths: readonly string[] = [
  'record.keep',
  'record.maxDisk',
  'record.storyboard',
  'accounts.signUp',
  'accounts.guests',
  'accounts.uploads',
  'accounts.watch',
  'rooms.create',
  'rooms.calls',
  'rooms.capacity',
  'rooms.keep',
  'library.quota',
  'library.maxUpload',
  'library.trash',
  'library.ladder.encode',
  'library.ladder.plan',
  'library.ladder.preset',
  'library.ladder.rungs',
  'library.ladder.effort',
  // An administrator reads the figures of reports anyway, and sends them to any address by a webhook.
  'reports.weekly',
  'reports.hour',
  'reports.mail',
  'reports.mailLanguage',
];

const byPath: ReadonlyMap<string, Setting> = new Map(
  listSettings(schema)
    .filter(({ path }) => paths.includes(path))
    .map((setting) => [setting.path, setting]),
);

/** Whether a setting may be set in the browser, as long as nothing else sets it. */
export function isSettable(path: string): boolean {
  return byPath.has(path);
}

/** A setting that may be set in the browser. @throws OxbowError `bad-setting` for all others */
export function settableAt(path: string): Setting {
  const setting = byPath.get(path);
  if (setting) return setting;
  const hint = `These can be set in the browser: ${paths.join(', ')}. All others are set in files, variables or flags.`;
  throw new OxbowError('bad-setting', `${path} cannot be set in the browser.`, { extra: { hint } });
}

/**
 * The value of a text.
 *
 * @param text as in a file, e.g. `7d`
 * @throws OxbowError `bad-setting` for an invalid text, and for a setting that cannot be set in the browser
 */
export function parseSettable(path: string, text: string): unknown {
  const setting = settableAt(path);
  try {
    return setting.option.parse(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const hint = `Write it as in a file of settings; the default is ${setting.option.defaultText || 'empty'}.`;
    throw new OxbowError('bad-setting', `${path}: ${sentenceOf(error)}`, { cause: error, extra: { hint } });
  }
}
