/**
 * Opens error reports: bugs and crashes go to the error webhook and to the collector of traces, at once or at
 * the next start.
 * In: lines of the log with `report`, crashes of child processes. Out: requests; the end of a process after
 * an exception.
 */
import { hostname } from 'node:os';
import { nodeName } from '../config/sections/cluster-section.ts';
import type { AppContext } from '../features/core.ts';
import { childCrashes } from '../ffmpeg/child-process.ts';
import { sleep } from '../lib/abort.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import type { Net } from '../net/net.ts';
import { errorFields, type ReportKind } from '../observe/errors/report-bug.ts';
import { noteCrash, takeCrash, takeLeft } from '../store/running.ts';
import { ErrorWebhook } from '../webhooks/errors/error-webhook.ts';
import { checkSecret } from '../webhooks/signature.ts';

/** Longest that a process which has crashed lives on to report it, ms. */
const CRASH_WITHIN_MS = 2000;

/** Error reports of a process. */
interface ErrorReports {
  /** Reports an exception that ends this process; resolves within two seconds, also if nothing is reached. */
  crash(error: unknown): Promise<void>;
}

/**
 * Opens them, and reports what the last process on this folder could not. Call it with the lock of the folder
 * held.
 *
 * @throws OxbowError `bad-setting` for an invalid secret
 */
export function openErrorReports(
  { config, dataFolder, process: part, opened, clock, log, metrics, reports, otlpLogs }: AppContext,
  net: Net,
): ErrorReports {
  const { webhook: url, secret, repeat } = config.errors;
  if (secret !== undefined) checkSetting(secret);
  const webhook =
    url === undefined
      ? undefined
      : opened.use(
          new ErrorWebhook({
            url,
            secret,
            repeatMs: repeat,
            net,
            clock,
            sleep,
            process: { service: 'oxbow', version, node: nodeName(config) ?? null, host: hostname() },
            onResult: (result) => metrics.errorReports.inc({ result }),
          }),
        );
  if (webhook) opened.defer(reports.subscribe((json) => webhook.take(json)));
  opened.defer(
    childCrashes.subscribe(({ entry, pid, why }) =>
      log.warn({ ...kind('child'), entry, pid, error: why }, 'a media engine process has crashed'),
    ),
  );
  const crash = takeCrash(dataFolder);
  if (crash !== undefined) reports.emit(crash);
  const last = takeLeft(dataFolder);
  if (last) {
    const { pid, startedAt, version: lastVersion } = last;
    const error = 'the process was killed, had no memory left, or the machine lost power';
    log.warn(
      { ...kind('killed'), error, pid, startedAt, lastVersion },
      'the last oxbow on this folder did not end in order',
    );
  }
  return {
    async crash(error) {
      let line = '';
      const stop = reports.subscribe((json) => {
        line = json;
      });
      log.fatal({ ...kind('uncaught'), ...errorFields(error) }, 'oxbow has crashed');
      stop();
      noteCrash(dataFolder, webhook && line, !part);
      const results = await Promise.race([
        Promise.all([webhook?.flush(), otlpLogs?.[Symbol.asyncDispose]()]).then(() => 'sent'),
        sleep(CRASH_WITHIN_MS, { signal: new AbortController().signal }),
      ]);
      if (results === 'sent' && webhook?.lastResult === 'sent') noteCrash(dataFolder, undefined, !part);
    },
  };
}

const kind = (report: ReportKind) => ({ report });

function checkSetting(secret: string): void {
  try {
    checkSecret(secret);
  } catch (error) {
    throw new OxbowError('bad-setting', `errors.secret: ${sentenceOf(error)}`, { cause: error });
  }
}
