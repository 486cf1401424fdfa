/**
 * Applies the settings that name programs and folders of this machine.
 * In: settings and their origins. Out: the variables and programs of child processes.
 */
import { findPathProblems } from '../config/running/machine-paths.ts';
import type { Config } from '../config/schema.ts';
import { applyChildSettings } from '../lib/confine/confine.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { useTemporaryFolder } from '../lib/files/temporary-folder.ts';

/**
 * Checks and applies them, before threads and child processes start.
 *
 * @param origins where each setting was set, by path
 * @throws OxbowError `bad-setting`; `extra.problems` has every problem
 */
export async function useMachinePaths(config: Config, origins: ReadonlyMap<string, string>): Promise<void> {
  const problems = (await findPathProblems(config)).map(({ path, message }) => {
    const origin = origins.get(path) ?? path;
    return { origin, message: sentenceOf(origin.startsWith('-') ? message : `${path}: ${message}`) };
  });
  const [first] = problems;
  if (first) {
    const hint = 'Run `oxbow doctor` with the same settings.';
    throw new OxbowError('bad-setting', `${first.origin}: ${sentenceOf(first.message)}`, { extra: { problems, hint } });
  }
  useTemporaryFolder(config.temporaryFolder);
  applyChildSettings(config.children);
}
