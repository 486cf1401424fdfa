/**
 * The command line: runs a verb, and gives the exit code of the run.
 * In: arguments. Out: exit code; text on stdout and stderr.
 */
import { type Command, CommanderError } from 'commander';
import { addServe } from './serve.ts';
import { type ExitCode, sayError } from './terminal.ts';
import { createRoot, finishVerbs } from './verbs/root.ts';

/**
 * Runs one command line.
 *
 * @param args without the name of the program
 * @returns 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const program = await programFor(args, (exitCode) => {
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

/** Verbs that run for long, besides `serve`. */
const lasting: Readonly<Record<string, () => Promise<(program: Command, exit: (code: ExitCode) => void) => void>>> = {
  record: async () => (await import('./record.ts')).addRecord,
  worker: async () => (await import('./worker.ts')).addWorker,
  edge: async () => (await import('./edge/edge.ts')).addEdge,
};

/** What runs for long keeps what it has loaded, so it loads no other verb. */
async function programFor(args: readonly string[], exit: (code: ExitCode) => void): Promise<Command> {
  const [first = ''] = args;
  if (Object.hasOwn(lasting, first) && !args.includes('--help')) {
    const program = createRoot();
    (await lasting[first]!())(program, exit);
    return finishVerbs(program);
  }
  if (!isServer(args)) return (await import('./verbs/verbs.ts')).createProgram(exit);
  const program = createRoot();
  addServe(program, exit, async () => {
    const { createProgram, verbNames } = await import('./verbs/verbs.ts');
    return verbNames(createProgram(exit));
  });
  return finishVerbs(program);
}

/** Whether the arguments are those of `serve`; a URL, a flag or nothing may be first instead of the verb. */
export function isServer(args: readonly string[]): boolean {
  const first = args[0] ?? 'serve';
  return (first === 'serve' || /^--\w|[:=/]/.test(first)) && !args.includes('--help');
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
