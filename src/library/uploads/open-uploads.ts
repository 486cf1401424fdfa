/**
 * Opens the uploads of the library.
 * In: options. Out: uploads, how they begin, their sweep. Disposing ends the hashes that run.
 */
import { UploadCreation } from './upload-creation.ts';
import { UploadDigests } from './upload-digests.ts';
import { UploadEnding } from './upload-ending.ts';
import { UploadParts } from './upload-parts.ts';
import { UploadProgress } from './upload-progress.ts';
import { UploadStores } from './upload-stores.ts';
import { UploadSweep } from './upload-sweep.ts';
import { UploadTable } from './upload-table.ts';
import { Uploads, type UploadsOptions } from './uploads.ts';

/** The uploads of a server. */
export interface OpenedUploads extends Disposable {
  readonly uploads: Uploads;
  readonly creation: UploadCreation;
  readonly sweep: UploadSweep;
}

export function openUploads(options: UploadsOptions): OpenedUploads {
  const { db, events, clock } = options;
  const table = new UploadTable(db);
  const parts = new UploadParts(db);
  const stores = new UploadStores(options);
  const digests = new UploadDigests(stores);
  const progress = new UploadProgress(events, clock);
  const creation = new UploadCreation(options, table, stores);
  const ending = new UploadEnding(options, { table, digests, progress, stores });
  const uploads = new Uploads(options, { table, parts, creation, digests, progress, ending, stores });
  return {
    uploads,
    creation,
    sweep: new UploadSweep(options, uploads, { table, ending }),
    [Symbol.dispose]: () => uploads[Symbol.dispose](),
  };
}
