/**
 * The report of a run: the output of each file, then the failures, the files that passed only in their second
 * try, and the counts.
 * In: results of processes, in order of their end. Out: text on stdout; whether the run is good.
 */
import { relative, sep } from 'node:path';
import type { Transform } from 'node:stream';
import { spec } from 'node:test/reporters';
import { root } from '../source-files.ts';
import type { Counts, Failure, ProcessResult, RunnerEvent } from './run-process.ts';

/** A run is good with this many files that passed only in their second try. */
export const MOST_FLAKY = 3;

/** A file that failed, and then passed alone. */
export interface FlakyFile {
  readonly file: string;
  /** Of the first try. */
  readonly failures: readonly Failure[];
}

export interface RunResult {
  readonly counts: Counts;
  readonly failures: readonly Failure[];
  readonly flaky: readonly FlakyFile[];
}

/** Prints processes as they end. Their events are kept until then, so that those of two files never mix. */
export class RunReport {
  readonly #spec = new (spec as unknown as new () => Transform)();

  constructor() {
    this.#spec.pipe(process.stdout, { end: false });
  }

  /** Prints the tests of a process. */
  add({ process: { entry, files }, events, failures, weight }: ProcessResult): void {
    const name = files.length === 1 ? files[0]! : `${files.length} files, from ${files[0]}`;
    const cost = `${weight.wallS.toFixed(1)} s, ${weight.cpuS.toFixed(1)} s of CPU`;
    this.#say(`\n${name} (${cost})`);
    const ownName = relative(root, entry).split(sep).join('/');
    for (const event of events) {
      const isTotal =
        event.data.file === undefined && ['test:diagnostic', 'test:summary', 'test:plan'].includes(event.type);
      const isEntry = event.data.name === entry || event.data.name === ownName;
      if (!isTotal && !(isEntry && event.type !== 'test:fail')) this.print(event);
    }
    // In full they come at the end, an hour later perhaps.
    for (const { title, message } of failures) this.#say(`${title}\n  ${message}`);
  }

  #say(text: string): void {
    this.print({ type: 'test:stdout', data: { message: `${text}\n` } as RunnerEvent['data'] });
  }

  /** Prints the end: failures in full, flaky files with their first message, and the closing line. */
  async end({ counts, failures, flaky }: RunResult): Promise<void> {
    this.#spec.end();
    await new Promise((resolve) => this.#spec.once('end', resolve));
    const lines = [
      ...(failures.length > 0 ? ['', 'failing tests:'] : []),
      ...failures.map(({ file, title, message }) => `  ${file}: ${title}\n    ${message}`),
      '',
      printCounts(counts),
      ...flaky.flatMap(({ file, failures: first }) =>
        first.map(({ title, message }) => `flaky: ${file}: ${title}\n  ${message}`),
      ),
      ...(flaky.length > MOST_FLAKY
        ? [`${flaky.length} flaky files, at most ${MOST_FLAKY} are allowed: the run failed`]
        : []),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }

  /** Prints an event at once, for a run of one process. */
  print(event: RunnerEvent): void {
    this.#spec.write(event);
  }
}

/** The closing line. A cancelled test is a failed one. */
export function printCounts({ passed, failed, cancelled, skipped, todo }: Counts): string {
  return `${passed} passed, ${failed + cancelled} failed, ${skipped + todo} skipped`;
}

/** Whether the run is good. */
export function isGood({ failures, flaky }: Pick<RunResult, 'failures' | 'flaky'>): boolean {
  return failures.length === 0 && flaky.length <= MOST_FLAKY;
}
