/**
 * tus 1.0 at /api/v1/uploads: @tus/server speaks the protocol, the library has the uploads, and refusals are
 * problem documents.
 * In: POST, HEAD, PATCH, DELETE, OPTIONS. Out: uploads. tus 1.0.0 with creation, creation-with-upload,
 * creation-defer-length, checksum, termination and expiration.
 */
import type { Readable } from 'node:stream';
import { type Locker, Server } from '@tus/server';
import { OxbowError, refusalRow } from '../../lib/errors.ts';
import { checksumAlgorithms, readChecksum } from '../../library/uploads/checksum.ts';
import {
  resumeAt,
  tooLarge,
  type Upload,
  type Uploader,
  type UploadRequest,
  unknownUpload,
  wrongOffset,
} from '../../library/uploads/upload.ts';
import { newUploadId, type UploadCreation, uploadRequest } from '../../library/uploads/upload-creation.ts';
import { locked } from '../../library/uploads/upload-locks.ts';
import type { Uploads } from '../../library/uploads/uploads.ts';
import { currentRequest, TUS_PATH, type TusRequest, tusRequest } from './tus-context.ts';
import { TusStore } from './tus-store.ts';

/** A request. */
export interface TusCall {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
  readonly who: Uploader;
  /** By which the client reaches this server; undefined: not known. */
  readonly origin: string | undefined;
  readonly signal: AbortSignal;
}

/** An answer without a body. */
export interface TusAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Header fields that mean nothing here: there is no body, and pages of other sites may not upload. */
const LEFT_OUT = /^(?:access-control-|content-(?:type|length)$)/;

/** An error of @tus/server, or of its table. */
interface TusError {
  readonly status_code?: number;
  readonly body?: string;
}

const RESUMABLE = { 'tus-resumable': '1.0.0' } as const;

/**
 * Answers requests of tus clients. The function rejects with a refusal, whose `extra.headers` has what tus
 * requires of it.
 */
export function createTus(uploads: Uploads, creation: UploadCreation): (call: TusCall) => Promise<TusAnswer> {
  const origins = new WeakMap<TusRequest, string>();
  const server = new Server({
    path: TUS_PATH,
    datastore: new TusStore(uploads, creation),
    locker: { newLock: (id) => newLock(uploads, id) } satisfies Locker,
    maxSize: () => uploads.maxBytes ?? 0,
    namingFunction: () => newUploadId(),
    generateUrl: (_, { path, id }) => `${origins.get(currentRequest()) ?? ''}${path}/${id}`,
    // Before the lock is taken, which would interrupt the request that has it.
    onIncomingRequest: async (request, id) => {
      if (request.method !== 'POST') currentRequest().upload = await uploads.get(id, currentRequest().who);
    },
    onResponseError: (_, error) => {
      currentRequest().refusal = error;
      return undefined;
    },
  });
  return async ({ method, target, headers, body, who, origin, signal }) => {
    const sent = headers['upload-checksum'];
    const request: TusRequest = {
      who,
      body,
      signal,
      sentOffset: Number(headers['upload-offset']),
      checksum: sent === undefined ? undefined : readSent(String(sent)),
      request: method === 'POST' ? requestOf(headers) : undefined,
    };
    if (origin !== undefined) origins.set(request, origin);
    const refused = (error: unknown) =>
      method === 'HEAD' ? lockedWhileUnavailable(toRefusal(error, request)) : toRefusal(error, request);
    const earlier = await creation.repeated(who, request.request).catch((error: unknown) => {
      throw refused(error);
    });
    if (earlier) return createdBefore(earlier, origin);
    const response = await tusRequest.run(request, () => server.handleWeb(asWebRequest(method, target, headers)));
    const { refusal, upload } = request;
    if (refusal !== undefined) throw refused(refusal);
    if (response.status >= 400) throw refused({ status_code: response.status, body: await response.text() });
    const answer = Object.fromEntries([...response.headers].filter(([name]) => !LEFT_OUT.test(name)));
    if (method === 'OPTIONS') answer['tus-checksum-algorithm'] = checksumAlgorithms.join(',');
    if (upload) answer['oxbow-asset'] = upload.assetId;
    return { status: response.status, headers: { ...RESUMABLE, 'cache-control': 'no-store', ...answer } };
  };
}

/** The repeatable request of a client that creates an upload. */
function requestOf(headers: TusCall['headers']): UploadRequest | undefined {
  const said = ['upload-length', 'upload-defer-length', 'upload-metadata'].map((name) => headers[name]?.toString());
  return uploadRequest(headers['idempotency-key']?.toString(), { tus: said });
}

/**
 * The answer to a repeated creation. A body that comes with it is not read: the client continues at
 * `Upload-Offset`.
 */
function createdBefore({ id, assetId, received, expiresMs }: Upload, origin: string | undefined): TusAnswer {
  return {
    status: 201,
    headers: {
      ...RESUMABLE,
      'cache-control': 'no-store',
      location: `${origin ?? ''}${TUS_PATH}/${id}`,
      'upload-offset': String(received),
      'upload-expires': new Date(expiresMs).toUTCString(),
      'oxbow-asset': assetId,
    },
  };
}

/** The parts of a web request that @tus/server reads; the body is read from the request itself. */
function asWebRequest(method: string, target: string, headers: TusCall['headers']): Request {
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':')) fields.set(name, String(value));
  }
  return { method, url: target.split('?', 1)[0], headers: fields, body: null } as unknown as Request;
}

/** A lock that @tus/server takes and releases; a newer request takes it over inside of `Uploads`. */
function newLock(uploads: Uploads, id: string): ReturnType<Locker['newLock']> {
  return {
    async lock() {
      const request = currentRequest();
      request.lock = await uploads.lock(id, { signal: request.signal });
    },
    async unlock() {
      const { lock } = currentRequest();
      currentRequest().lock = undefined;
      await lock?.[Symbol.asyncDispose]();
    },
  };
}

function readSent(text: string): TusRequest['checksum'] {
  try {
    return readChecksum(text);
  } catch (error) {
    throw withHeaders(error as OxbowError, {});
  }
}

/** The refusal for what @tus/server or the library threw. */
function toRefusal(error: unknown, request: TusRequest): unknown {
  if (error instanceof OxbowError) {
    const { resumeOffset } = error.extra;
    return withHeaders(error, typeof resumeOffset === 'number' ? { 'upload-offset': String(resumeOffset) } : {});
  }
  const { status_code: status, body = '' } = error as TusError;
  if (status === undefined) return error;
  const detail = `${body.trim().replace(/\.$/, '')}.`;
  const { upload } = request;
  switch (status) {
    case 404:
      return withHeaders(unknownUpload(upload?.id ?? ''), {});
    case 409:
      return upload ? toRefusal(wrongOffset(request.sentOffset, upload), request) : error;
    case 410:
      return withHeaders(new OxbowError('upload-expired', 'The upload expired.'), {});
    case 412:
      return withHeaders(
        new OxbowError('precondition-failed', detail, { extra: { hint: 'Send `Tus-Resumable: 1.0.0`.' } }),
        {
          'tus-version': '1.0.0',
        },
      );
    case 413:
      return toRefusal(tooLarge(detail, upload?.received ?? 0), request);
    default: {
      if (status >= 500) return error;
      const extra = upload ? resumeAt(upload.received) : {};
      return withHeaders(
        new OxbowError('bad-request', detail, { extra: { ...extra, hint: 'See https://tus.io.' } }),
        {},
      );
    }
  }
}

/** tus-js-client begins a new upload when HEAD fails, unless the upload is locked: then it retries. */
function lockedWhileUnavailable(error: unknown): unknown {
  return error instanceof OxbowError && refusalRow(error).status === 503 ? withHeaders(locked(error), {}) : error;
}

function withHeaders(error: OxbowError, headers: Readonly<Record<string, string>>): OxbowError {
  const { code, message, extra } = error;
  return new OxbowError(code, message, {
    cause: error.cause,
    extra: { ...extra, headers: { ...RESUMABLE, ...headers } },
  });
}
