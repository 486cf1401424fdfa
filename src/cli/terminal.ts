/**
 * Output and exit codes of the command line: results on stdout, everything else on stderr, one sentence and a
 * hint for errors.
 * In: results and errors of the verbs. Out: text and the exit code.
 */
import { isAbort } from '../lib/abort.ts';
import { OxbowError, type RefusalCode, refusalRow } from '../lib/errors.ts';
import { printable } from '../lib/text/printable.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 3 recorded but a track is left out, 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** Writes one line of a result. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a result as JSON, one line. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value));
}

/** Writes one line to stderr: a warning, progress, a hint. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Codes whose cause is wrong usage or a wrong setting. */
const usageCodes = new Set(['bad-setting', 'bad-request', 'bad-name', 'bad-time', 'bad-user-name', 'bad-password']);

/** Hints for the command line; those of the error table are about the API. */
export const commandHints: Readonly<Partial<Record<RefusalCode, string>>> = {
  'bad-request': 'See the help of the verb: oxbow VERB --help',
  unauthorized: 'Give the admin token of that server, or run it beside the server: oxbow token --help',
  'stream-unknown': 'oxbow stream list prints the streams.',
  'no-media': 'oxbow stream list prints from when to when each stream is recorded.',
  'recording-in-use': 'To delete the assets too, add --assets.',
  'token-unknown': 'oxbow token list prints the tokens.',
  'user-unknown': 'oxbow user list prints the users.',
};

/**
 * Prints an error and returns the exit code.
 *
 * @param error the thrown value
 * @param withStack also prints the stack (`--log-level debug`)
 */
export function sayError(error: unknown, { withStack }: { readonly withStack: boolean }): ExitCode {
  if (isInterruption(error)) {
    note('oxbow: interrupted');
    return 130;
  }
  if (error instanceof OxbowError) {
    for (const sentence of sentencesOf(error)) note(`oxbow: ${sentence}`);
    const hint =
      typeof error.extra.hint === 'string' ? error.extra.hint : (commandHints[error.code] ?? refusalRow(error).hint);
    note(`  ${hint}`);
  } else {
    note(`oxbow: ${error instanceof Error ? error.message : String(error)}`);
    if (!withStack) note('  Set OXBOW_LOG_LEVEL=debug and run it again to see where this came from.');
  }
  if (withStack && error instanceof Error) note(error.stack ?? '');
  return error instanceof OxbowError && usageCodes.has(error.code) ? 2 : 1;
}

/**
 * Verbs abort their work with this at a signal (stop-signals.ts); limits of time abort with a TimeoutError.
 */
function isInterruption(error: unknown): boolean {
  return error instanceof DOMException && isAbort(error);
}

/** All problems in the error, or its message. */
export function sentencesOf(error: OxbowError): readonly string[] {
  const problems = error.extra.problems as readonly { origin: string; message: string }[] | undefined;
  return problems?.map(({ origin, message }) => `${origin}: ${message}`) ?? [error.message];
}

/**
 * Prints rows in columns with two spaces between them; the last column is not padded.
 *
 * @param rows all of the same length
 */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable)); // names and labels are those of other people
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
