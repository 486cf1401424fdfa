/**
 * `oxbow import`: takes over recordings, users and rooms of other programs.
 * In: the program. Out: its verbs, each in a file.
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
