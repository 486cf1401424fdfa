/**
 * `oxbow doctor --verify`: reads all stored files and compares them with the index and their checksums.
 * In: settings, what to read. Out: findings; exit 1 if a file is damaged, 130 if it was interrupted.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseInstant } from '../../api/instant.ts';
import type { Config } from '../../config/schema.ts';
import { databaseServer } from '../../config/sections/store-section.ts';
import type { NamedFinding } from '../../features/verify/verify-folder.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { parseSize } from '../../lib/size.ts';
import { bar, openProgressLine, sayBytes } from '../progress.ts';
import { typedTime } from '../recordings/typed-time.ts';
import { type ExitCode, note, say, sayJson } from '../terminal.ts';

/** The typed options. */
export interface VerifyOptions {
  readonly stream?: string;
  readonly from?: string;
  readonly to?: string;
  readonly rate?: string;
  readonly restart?: true;
  readonly json?: true;
}

/** Verifies. @throws OxbowError `bad-setting`, `bad-time`, `stream-unknown`, `not-ready`, `data-newer` */
export async function verify(
  { data, store, record }: Pick<Config, 'data' | 'store' | 'record'>,
  options: VerifyOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { verifyFolder } = await import('../../features/verify/verify-folder.ts'); // other checks start without it
  const clock = createSystemClock();
  const startMs = clock.monotonicMs();
  using line = openProgressLine();
  try {
    const result = await verifyFolder(data, {
      server: databaseServer(store),
      stream: options.stream,
      restart: options.restart === true,
      clock,
      signal,
      fromUs: timeOf(options.from),
      toUs: timeOf(options.to),
      rate: options.rate === undefined ? record.verifyRate : rateOf(options.rate),
      progress: (done, total) =>
        line.show(
          () =>
            `${bar(total === 0 ? 1 : Math.min(1, done / total), clock.monotonicMs() - startMs)}  ${sayBytes(done)} verified`,
        ),
    });
    line[Symbol.dispose]();
    const { files, bytes, findings, continued } = result;
    const ok = findings.length === 0;
    const segments = findings.reduce((sum, finding) => sum + finding.segments, 0);
    if (options.json) sayJson({ ok, files, bytes, continued, damagedSegments: segments, findings });
    else {
      for (const finding of findings) say(describe(finding));
      const resumed = continued ? ', continued where the last run was' : '';
      say(`${files} files, ${sayBytes(bytes)}: ${ok ? 'all are intact' : `${findings.length} are not`}${resumed}`);
      if (!ok) say('  Stop oxbow and run: oxbow doctor --repair');
    }
    return ok ? 0 : 1;
  } catch (error) {
    if (!signal.aborted) throw error;
    note('oxbow: interrupted; the next run continues here, or with --restart from the beginning');
    return 130;
  }
}

/** A finding as a line. */
function describe({ file, problem, stream, of, owner, detail }: NamedFinding): string {
  const name = of === 'asset' ? `asset ${owner}` : (stream ?? owner);
  return `${problem.padEnd(10)}  ${name}: ${file}: ${detail}`;
}

/** @throws OxbowError `bad-time` */
function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseInstant(typedTime(text, Date.now())) * 1000;
}

/** @throws OxbowError `bad-setting` */
function rateOf(text: string): number {
  return typed(() => (text === 'off' ? 0 : parseSize(text)), 'bad-setting');
}

function typed<T>(parse: () => T, code: 'bad-time' | 'bad-setting'): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError(code, sentenceOf(error), { cause: error });
  }
}
