/**
 * `oxbow evidence key` and `oxbow evidence rotate`: the key that signs the chains of evidence, and its
 * successor.
 * In: a data folder. Out: ids of keys; a new key, which the old one signs. docs/5-record/evidence.md, "Keys".
 */
import type { Command } from 'commander';
import { OxbowError } from '../../lib/errors.ts';
import { readKeys, rotateKeys } from '../../recording/evidence/evidence-keys.ts';
import { findRunning } from '../../store/running.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { type ExitCode, say, sayJson } from '../terminal.ts';

/** Adds the verbs. */
export function addEvidence(program: Command, exit: (code: ExitCode) => void): void {
  const group = program
    .command('evidence')
    .summary('the key that signs recordings')
    .description('Shows and replaces the key that signs the chains of evidence of a data folder.');
  const key = group
    .command('key')
    .description('Prints the ids of the keys of a data folder; the last one signs.')
    .option('--json', 'Print them as JSON, with the public keys.');
  addSettingFlags(key, ['data']);
  key.action(async () => exit(await showKeys(key)));
  const rotate = group
    .command('rotate')
    .description(
      'Makes a new key that signs from the next start on. The old key signs it; its private half is deleted.',
    );
  addSettingFlags(rotate, ['data']);
  rotate.action(async () => exit(await rotateKey(rotate)));
}

async function showKeys(verb: Command): Promise<ExitCode> {
  const { config } = await readSettings(verb, []);
  const keys = ((await readKeys(config.data))?.keys ?? []).map(({ id, public: text, made }) => ({
    id,
    public: text,
    made,
  }));
  if (keys.length === 0)
    throw new OxbowError('not-found', `${config.data} has no key: oxbow makes one when it first runs.`);
  if (verb.opts<{ readonly json?: true }>().json) sayJson(keys);
  else for (const { id, made } of keys) say(`${id}  made ${new Date(made / 1000).toISOString()}`);
  return 0;
}

async function rotateKey(verb: Command): Promise<ExitCode> {
  const { config } = await readSettings(verb, []);
  if (findRunning(config.data)) {
    throw new OxbowError(
      'data-in-use',
      `An oxbow runs on ${config.data}. Stop it, rotate the key, and start it again.`,
    );
  }
  if (!(await readKeys(config.data))) throw new OxbowError('not-found', `${config.data} has no key to replace.`);
  const { keys } = await rotateKeys(config.data, { nowUs: Date.now() * 1000 });
  say(`${keys.at(-1)!.id} signs from the next start on; ${keys.at(-2)!.id} has signed it.`);
  return 0;
}
