/**
 * Routes of uploads: the list, a file in one request, and the chunk API. tus is in http/uploads/tus.ts.
 * In: requests. Out: UploadView, ChunkStatus. docs/6-library/upload.md.
 */
import {
  ChunkAnswer,
  ChunkComplete,
  ChunkInit,
  ChunkQuery,
  ChunkStatus,
  FileQuery,
  UploadView,
} from '../../api/library/upload-shapes.ts';
import { Type } from '../../api/type.ts';
import { OxbowError } from '../../lib/errors.ts';
import { chunkBytesFor, chunkBytesOf } from '../../library/uploads/chunks.ts';
import type { NewUpload, Upload } from '../../library/uploads/upload.ts';
import { uploadRequest } from '../../library/uploads/upload-creation.ts';
import type { Uploads } from '../../library/uploads/uploads.ts';
import type { HttpDeps } from '../deps.ts';
import { IdParams } from '../route/page-query.ts';
import { defineRoute, type Route, type RouteAnswer } from '../route/route.ts';
import { storeChunkRequest } from './chunk-request.ts';
import { storeFile } from './one-request.ts';
import { chunkStatus, uploadView } from './upload-view.ts';

const UploadList = Type.Object({ items: Type.Array(UploadView), nextCursor: Type.Null() }, { $id: 'UploadList' });

const FILES = ['application/octet-stream', 'video/mp4', 'multipart/form-data'] as const;

async function statusOf(uploads: Uploads, upload: Upload): Promise<ChunkStatus> {
  return chunkStatus(upload, await uploads.chunksOf(upload));
}

/**
 * Reads both names of the fields of `init`.
 *
 * @throws OxbowError `bad-request` without a length, with two that differ, or for chunks that cannot be
 */
export function readInit(body: ChunkInit): Pick<
  NewUpload,
  'title' | 'description' | 'tags' | 'visibility' | 'sha256'
> & {
  readonly filename: string;
  readonly length: number;
  readonly chunkBytes: number;
} {
  const { filename, total_size: total, file_size: other, total_chunks: count, chunk_size: wanted, ...fields } = body;
  const { mime_type: _type, uploader_id: _who, ...texts } = fields;
  const length = total ?? other;
  if (length === undefined) throw new OxbowError('bad-request', '`total_size` is missing: the bytes of the file.');
  if (other !== undefined && other !== length) {
    throw new OxbowError('bad-request', `\`total_size\` is ${length} and \`file_size\` is ${other}.`);
  }
  if (length === 0) throw new OxbowError('bad-request', 'The file is empty.');
  const bytes = wanted ?? (count === undefined ? undefined : chunkBytesOf(length, count));
  const chunkBytes = chunkBytesFor(length, bytes);
  if (count !== undefined && Math.ceil(length / chunkBytes) !== count) {
    throw new OxbowError('bad-request', `${length} bytes in chunks of ${chunkBytes} are not ${count} chunks.`);
  }
  return { ...texts, filename, length, chunkBytes };
}

/** PUT and POST of a file, and of a chunk, do the same. */
const fileRoutes = (['PUT', 'POST'] as const).map((method) =>
  defineRoute({
    method,
    path: '/api/v1/uploads/file',
    tag: 'uploads',
    access: 'uploader',
    limit: 'uploads',
    isRoutine: true,
    sentence:
      method === 'PUT'
        ? 'Uploads a file in one request: the body is the file, or a form with one.'
        : 'Uploads a file in one request, as PUT does.',
    repeatable: 'stored',
    query: FileQuery,
    bodyTypes: FILES,
    streams: true,
    replies: { 201: UploadView },
    async answer(
      { query, principal, stream, header, signal },
      { uploads, uploadCreation, assets },
    ): Promise<RouteAnswer> {
      const upload = await storeFile({ uploads, uploadCreation, assets }, principal, {
        query,
        stream,
        contentType: header('content-type'),
        contentLength: header('content-length'),
        key: header('idempotency-key'),
        signal,
      });
      return { status: 201, headers: { location: `/api/v1/assets/${upload.assetId}` }, body: uploadView(upload) };
    },
  }),
);

const chunkRoutes = (['PUT', 'POST'] as const).map((method) =>
  defineRoute({
    method,
    path: '/api/v1/upload/chunk',
    tag: 'uploads',
    access: 'uploader',
    limit: 'uploads',
    isRoutine: true,
    sentence:
      method === 'PUT'
        ? 'Stores a chunk: in a form with `upload_id`, `chunk_number`, `chunk` and perhaps `checksum`, or as the body. In any order, in parallel, repeatable.'
        : 'Stores a chunk, as PUT does.',
    query: ChunkQuery,
    bodyTypes: ['multipart/form-data', 'application/octet-stream'],
    streams: true,
    replies: { 200: ChunkAnswer },
    async answer({ query, principal, stream, header, signal }, { uploads }) {
      const { id, number, bytes, wasStored, received } = await storeChunkRequest(uploads, principal, {
        query,
        stream,
        contentType: header('content-type'),
        checksum: header('upload-checksum'),
        signal,
      });
      return {
        body: { upload_id: id, chunk_number: number, size: bytes, duplicate: wasStored, next_byte: received },
      };
    },
  }),
);

/** The rows. */
export const uploadRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/uploads',
    tag: 'uploads',
    access: 'uploader',
    sentence: 'Lists uploads that did not expire, newest first: those of the token, or all for an administrator.',
    replies: { 200: UploadList },
    answer: async ({ principal }, { uploads }: HttpDeps) => ({
      body: { items: (await uploads.list(principal)).map(uploadView), nextCursor: null },
    }),
  }),
  ...fileRoutes,
  defineRoute({
    method: 'POST',
    path: '/api/v1/upload/init',
    tag: 'uploads',
    access: 'uploader',
    sentence: 'Begins an upload in chunks.',
    repeatable: 'stored',
    body: ChunkInit,
    replies: { 201: ChunkStatus },
    async answer({ body, principal, header }, { uploads, uploadCreation }) {
      const { filename, length, chunkBytes, ...texts } = readInit(body);
      const request = uploadRequest(header('idempotency-key'), { chunks: body });
      const upload =
        (await uploadCreation.repeated(principal, request)) ??
        (await uploadCreation.create(principal, {
          ...texts,
          filename,
          length,
          chunkBytes,
          metadata: { filename },
          request,
        }));
      const headers = { location: `/api/v1/upload/${upload.id}/status` };
      return { status: 201, headers, body: await statusOf(uploads, upload) };
    },
  }),
  ...chunkRoutes,
  defineRoute({
    method: 'POST',
    path: '/api/v1/upload/complete',
    tag: 'uploads',
    access: 'uploader',
    sentence: 'Completes an upload of which every chunk is stored. May be repeated.',
    body: ChunkComplete,
    replies: { 200: ChunkStatus },
    async answer({ body: { upload_id: id, title }, principal, signal }, { uploads, assets }) {
      await uploads.get(id, principal);
      const upload = await uploads.complete(id, { signal });
      if (title !== undefined) await assets.update(upload.assetId, { title }, principal);
      return { body: await statusOf(uploads, upload) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/upload/:id/status',
    tag: 'uploads',
    access: 'uploader',
    sentence: 'Returns what is stored of an upload, also of one over tus: chunks, missing chunks, next byte.',
    params: IdParams,
    replies: { 200: ChunkStatus },
    async answer({ params: { id }, principal }, { uploads }) {
      return { body: await statusOf(uploads, await uploads.get(id, principal)) };
    },
  }),
];
