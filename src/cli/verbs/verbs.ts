/**
 * The verbs of the command line.
 * In: nothing. Out: a command line with all verbs.
 */
import type { Command } from 'commander';
import { addToken } from '../access/token.ts';
import { addUser } from '../access/user.ts';
import { addAdd } from '../add.ts';
import { addCase } from '../cases/case.ts';
import { addCdn } from '../cdn/cdn.ts';
import { addConfig } from '../config.ts';
import { addBackup } from '../database/backup.ts';
import { addDb } from '../database/db.ts';
import { addDoctor } from '../doctor.ts';
import { addEdge } from '../edge/edge.ts';
import { addEvidence } from '../evidence/keys.ts';
import { addVerify } from '../evidence/verify.ts';
import { addExport } from '../export.ts';
import { addCompletion } from '../help/completion.ts';
import { addManual } from '../help/manual.ts';
import { addImport } from '../import/import.ts';
import { addProbe } from '../probe.ts';
import { addRecord } from '../record.ts';
import { addDelete } from '../recordings/delete.ts';
import { addHeal } from '../recordings/heal.ts';
import { addServe } from '../serve.ts';
import { addStatus } from '../status/status.ts';
import { addStream } from '../stream.ts';
import type { ExitCode } from '../terminal.ts';
import { addUpgrade } from '../upgrade/upgrade.ts';
import { addUpload } from '../upload/upload.ts';
import { addWorker } from '../worker.ts';
import { createRoot, finishVerbs } from './root.ts';

/**
 * Creates the command line with all verbs.
 *
 * @param exit called with the exit code of the verb
 */
export function createProgram(exit: (code: ExitCode) => void): Command {
  const program = createRoot();
  addServe(program, exit, async () => verbNames(program));
  addStatus(program, exit);
  addAdd(program, exit);
  addConfig(program, exit);
  addDoctor(program, exit);
  addProbe(program, exit);
  addExport(program, exit);
  addVerify(program, exit);
  addEvidence(program, exit);
  addCase(program, exit);
  addDelete(program, exit);
  addHeal(program, exit);
  addRecord(program, exit);
  addBackup(program, exit);
  addDb(program, exit);
  addImport(program, exit);
  addStream(program, exit);
  addToken(program, exit);
  addUser(program, exit);
  addUpgrade(program, exit);
  addUpload(program, exit);
  addWorker(program, exit);
  addEdge(program, exit);
  addCdn(program, exit);
  addCompletion(program, exit);
  addManual(program, exit);
  return finishVerbs(program);
}

/** The names of the verbs, in the order of the help. */
export function verbNames(program: Command): string[] {
  return program.commands.map((verb) => verb.name());
}
