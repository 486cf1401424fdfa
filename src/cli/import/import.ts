/**
 * `oxbow import`: takes over what other programs have.
 * In: the program. Out: its verbs, each in its own file.
 */
import type { Command } from 'commander';
import type { ExitCode } from '../terminal.ts';
import { addImportRecordings } from './import-recordings.ts';
import { addImportSyncTv } from './import-synctv.ts';

/** Adds the verb. */
export function addImport(program: Command, exit: (code: ExitCode) => void): void {
  const command = program.command('import').summary('takes over what another program has');
  addImportRecordings(command, exit);
  addImportSyncTv(command, exit);
}
