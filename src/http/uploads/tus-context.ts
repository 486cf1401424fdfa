/**
 * What the parts of @tus/server receive of the request that they work for: it passes them an id and no more.
 * In: tus.ts. Out: tus-store, tus-locker.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Readable } from 'node:stream';
import type { Checksum } from '../../library/uploads/checksum.ts';
import type { Upload, Uploader, UploadRequest } from '../../library/uploads/upload.ts';
import type { UploadLock } from '../../library/uploads/upload-locks.ts';

/** Where uploads are. */
export const TUS_PATH = '/api/v1/uploads';

export interface TusRequest {
  readonly who: Uploader;
  readonly body: Readable;
  /** Of the body; NaN if it does not say. */
  readonly sentOffset: number;
  /** Of the body. */
  readonly checksum: Checksum | undefined;
  /** The repeatable request of the client, if it creates an upload. */
  readonly request: UploadRequest | undefined;
  /** Fires when the client disconnects. */
  readonly signal: AbortSignal;
  /** Set while @tus/server holds the lock. */
  lock?: UploadLock | undefined;
  /** The upload that the request is about, once it is known. */
  upload?: Upload | undefined;
  /** The refusal of the request. */
  refusal?: unknown;
}

/** The request of the present call. */
export const tusRequest = new AsyncLocalStorage<TusRequest>();

/** The request of the present call. */
export function currentRequest(): TusRequest {
  const request = tusRequest.getStore();
  if (!request) throw new Error('called outside of a request');
  return request;
}
