/**
 * The command line: its verbs, and the exit code of a run.
 * In: arguments. Out: exit code; text on stdout and stderr. Only this folder imports commander.
 */
import { Command, CommanderError } from 'commander';
import { sentenceOf } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { addToken } from './access/token.ts';
import { addUser } from './access/user.ts';
import { addAdd } from './add.ts';
import { addCase } from './cases/case.ts';
import { addCdn } from './cdn/cdn.ts';
import { addConfig } from './config.ts';
import { addBackup } from './database/backup.ts';
import { addDb } from './database/db.ts';
import { addDoctor } from './doctor.ts';
import { addEdge } from './edge/edge.ts';
import { addEvidence } from './evidence/keys.ts';
import { addVerify } from './evidence/verify.ts';
import { addExport } from './export.ts';
import { addCompletion } from './help/completion.ts';
import { addManual } from './help/manual.ts';
import { addImport } from './import/import.ts';
import { addProbe } from './probe.ts';
import { addRecord } from './record.ts';
import { addDelete } from './recordings/delete.ts';
import { addHeal } from './recordings/heal.ts';
import { addServe } from './serve.ts';
import { addHiddenFlags, shortenHelp } from './setting-flags.ts';
import { addStatus } from './status/status.ts';
import { addStream } from './stream.ts';
import { type ExitCode, sayError } from './terminal.ts';
import { addUpgrade } from './upgrade/upgrade.ts';
import { addUpload } from './upload/upload.ts';
import { addWorker } from './worker.ts';

/**
 * Runs one command line.
 *
 * @param args without the name of the program
 * @returns 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = createProgram((exitCode) => {
    code = exitCode;
  });
  using _reader = endWithReader(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return sayError(error, { withStack: wantsStack(args) });
  }
}

/** Names of flags in other servers. */
const otherNames: Readonly<Record<string, string>> = { '--port': '--http', '--bind': '--listen' };

/** An error of the library in the form of oxbow, with the flag that was meant. */
function asSentences(text: string): string {
  const unknown = /unknown option '(--[a-z-]+)/.exec(text)?.[1] ?? '';
  const meant = otherNames[unknown];
  const hinted = meant === undefined ? text : text.replace(/(?:\n\(.*\))?\n/, `\n(Did you mean ${meant}?)\n`);
  return hinted
    .replace(/^error: (.*)$/m, (_, message: string) => `oxbow: ${sentenceOf(message)}`)
    .replace(/\n\(Did you mean (.*)\?\)/, '\n  Did you mean $1?');
}

/**
 * Creates the command line with all verbs.
 *
 * @param exit called with the exit code of the verb
 */
export function createProgram(exit: (code: ExitCode) => void): Command {
  const program = new Command('oxbow');
  program
    .description('Live video that remembers. Without a verb, oxbow serves.')
    .version(version, '--version', 'Print the version.')
    .helpOption('--help', 'Print this, or the help of a verb.')
    .helpCommand(false)
    .addHelpText('after', '\nSettings and examples: oxbow serve --help')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(asSentences(text)),
    })
    .showHelpAfterError('  See oxbow --help.');
  addServe(program, exit);
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
  for (const command of program.commands) {
    for (const each of [command, ...command.commands]) {
      inherit(each);
      shortenHelp(each);
    }
  }
  for (const each of [program, ...program.commands]) each.hook('preSubcommand', (_, verb) => addHiddenFlags(verb));
  return program;
}

/** Verbs that handle a closed output themselves. */
const outliveReader: ReadonlySet<string> = new Set(['serve', 'record', 'worker', 'edge']);

/**
 * A reader that closes the pipe (`oxbow doctor | head`) ends a verb without an error: EPIPE is not a failure.
 */
function endWithReader(program: Command): Disposable {
  let verb = '';
  program.hook('preAction', (_, command) => {
    verb = command.name();
  });
  const outputs = [process.stdout, process.stderr];
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!outliveReader.has(verb)) process.exit(0);
  };
  for (const output of outputs) output.on('error', onError);
  return {
    [Symbol.dispose]: () => {
      for (const output of outputs) output.off('error', onError);
    },
  };
}

/** Options of commander for every verb. */
function inherit(command: Command): void {
  command
    .copyInheritedSettings(command.parent ?? command)
    .helpOption('--help', 'Print this.')
    .helpCommand(false);
  const parents = [command.parent?.parent?.name(), command.parent?.name(), command.name()];
  command.showHelpAfterError(`  See ${parents.filter(Boolean).join(' ')} --help.`);
}

/** Read without the table of settings, because it must work with invalid settings. */
function wantsStack(args: readonly string[]): boolean {
  const at = args.indexOf('--log-level');
  return (
    (at >= 0 && args[at + 1] === 'debug') ||
    args.includes('--log-level=debug') ||
    args.includes('--debug') ||
    process.env.OXBOW_LOG_LEVEL === 'debug'
  );
}
