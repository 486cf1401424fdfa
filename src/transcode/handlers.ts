/**
 * The abilities of a worker: the handler of each kind of job. The kinds on the server are registered in
 * app/jobs.
 * In: handlers of this folder. Out: cli/worker passes them to jobs/worker.
 */
import { workingEncoders } from '../ffmpeg/hardware-encoders.ts';
import type { WorkerHandler } from '../jobs/worker-job.ts';
import { createImportHandler } from './import/import-original.ts';
import { encodeHandler } from './ladder/encode.ts';
import { ENCODE_KIND } from './ladder/encode-job.ts';

/** Handlers by kind. */
export const workerHandlers: Readonly<Record<string, WorkerHandler>> = {
  import: createImportHandler(),
  [ENCODE_KIND]: encodeHandler({ hardware: workingEncoders }),
};
