/**
 * What the recorder of a derived quality reports: to the log and the metrics of its stream.
 * In: reports of a recorder. Out: log, metrics.
 */
import { reportBug } from '../../observe/errors/report-bug.ts';
import type { RecorderCounters } from '../../recording/recorder.ts';
import type { StreamDeps } from '../stream-deps.ts';

/** The counters of one quality. What is lost of it is a GAP in it, not in the timeline of the stream. */
export function qualityCounters(
  { metrics, log }: Pick<StreamDeps, 'metrics' | 'log'>,
  stream: string,
  quality: string,
): RecorderCounters {
  const qualityLog = log.child({ stream, quality });
  return {
    committed: (bytes) => metrics.recordedBytes.inc({ stream }, bytes),
    lost(cause, detail) {
      metrics.qualityGaps.inc({ stream, quality, cause: 'recording' });
      qualityLog.error({ cause, detail }, 'a segment of a quality could not be recorded');
    },
    bug(error) {
      reportBug({ metrics, log: qualityLog }, error, {}, 'a segment of a quality was not recorded: a bug in oxbow');
    },
    trouble: (detail) =>
      qualityLog.error({ detail }, 'the recording of a quality is intact but was not indexed; retrying'),
    slow(isSlow) {
      if (isSlow) qualityLog.error('slow disk: a quality is synced once per file instead of per segment');
      else qualityLog.info('the disk is fast enough again: a quality is synced per segment');
    },
  };
}
