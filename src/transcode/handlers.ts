/**
 * The abilities of a worker: the handler of each kind of job. The kinds on the server are registered in
 * app/jobs.
 * In: handlers of this folder. Out: cli/worker passes them to jobs/worker.
 */
import type { Encoders } from '../ffmpeg/encoders/encoder-pool.ts';
import type { WorkerHandler } from '../jobs/worker-job.ts';
import { createImportHandler } from './import/import-original.ts';
import { encodeHandler } from './ladder/encode.ts';
import { ENCODE_KIND } from './ladder/encode-job.ts';

/**
 * Handlers by kind.
 *
 * @param encoders the hardware encoders of this machine; undefined: software encodes
 */
export function workerHandlers(encoders?: Encoders): Readonly<Record<string, WorkerHandler>> {
  return { import: createImportHandler(), [ENCODE_KIND]: encodeHandler({ ...(encoders && { encoders }) }) };
}
