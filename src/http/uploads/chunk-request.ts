/**
 * A chunk in one request: as a form with the fields `upload_id`, `chunk_number` and `chunk`, or as its body.
 * In: POST and PUT of /api/v1/upload/chunk. Out: a stored chunk.
 */
import type { Readable } from 'node:stream';
import { OxbowError } from '../../lib/errors.ts';
import { readChecksum } from '../../library/uploads/checksum.ts';
import type { Uploader } from '../../library/uploads/upload.ts';
import type { Uploads } from '../../library/uploads/uploads.ts';
import type { ChunkStored } from '../../library/uploads/write-upload.ts';
import { isForm, readField, readForm } from './multipart.ts';

interface ChunkNames {
  upload_id?: string;
  chunk_number?: string;
  checksum?: string;
}

interface ChunkRequest {
  readonly query: ChunkNames;
  readonly stream: Readable;
  readonly contentType: string | undefined;
  /** `Upload-Checksum`. */
  readonly checksum: string | undefined;
  readonly signal: AbortSignal;
}

/** A stored chunk with its upload. */
type StoredIn = ChunkStored & { readonly id: string };

export async function storeChunkRequest(uploads: Uploads, who: Uploader, request: ChunkRequest): Promise<StoredIn> {
  const { query, stream, contentType, checksum, signal } = request;
  const names: ChunkNames = { ...query, ...(checksum !== undefined && { checksum }) };
  if (!isForm(contentType)) return put(uploads, who, names, stream, signal);
  let stored: StoredIn | undefined;
  for await (const part of readForm(stream, contentType)) {
    const { name } = part;
    if (name === 'chunk') stored = await put(uploads, who, names, part.body, signal);
    else if (stored) throw unnamed();
    else if (name === 'upload_id' || name === 'chunk_number' || name === 'checksum')
      names[name] = await readField(part);
  }
  if (stored) return stored;
  throw new OxbowError('bad-request', 'The form has no field `chunk`.');
}

async function put(
  uploads: Uploads,
  who: Uploader,
  { upload_id: id, chunk_number: number, checksum: text }: ChunkNames,
  body: Readable,
  signal: AbortSignal,
): Promise<StoredIn> {
  if (id === undefined || number === undefined) {
    throw unnamed();
  }
  const upload = await uploads.get(id, who);
  const { length, chunkBytes } = upload;
  if (length === undefined || chunkBytes === undefined) {
    throw new OxbowError('bad-request', 'This upload does not arrive in chunks: continue it over tus.');
  }
  const checksum = text === undefined ? undefined : readChecksum(text);
  const stored = await uploads.putChunk({ ...upload, length, chunkBytes }, Number(number), body, { checksum, signal });
  return { ...stored, id };
}

function unnamed(): OxbowError {
  return new OxbowError('bad-request', 'The request does not say in time which chunk of which upload it has.', {
    extra: { hint: 'Send the fields `upload_id`, `chunk_number` and `checksum` before `chunk`.' },
  });
}
