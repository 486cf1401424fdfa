/**
 * A file in one request: as its body, or in a form.
 * In: PUT and POST of /api/v1/uploads/file. Out: a complete upload.
 */
import type { Readable } from 'node:stream';
import type { FileQuery } from '../../api/library/upload-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { NewUpload, Upload, Uploader } from '../../library/uploads/upload.ts';
import { uploadRequest } from '../../library/uploads/upload-creation.ts';
import type { Uploads } from '../../library/uploads/uploads.ts';
import { isForm, readField, readForm } from './multipart.ts';

/** The request. */
export interface FileRequest {
  readonly query: FileQuery;
  readonly stream: Readable;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  /** `Idempotency-Key`. */
  readonly key: string | undefined;
  readonly signal: AbortSignal;
}

/** Texts that a form may have besides its file. */
const FIELDS = ['filename', 'title', 'description', 'tags', 'visibility', 'sha256'] as const;
const VISIBILITIES = ['public', 'unlisted', 'private'] as const;

/** Stores the file of a request. */
export function storeFile(uploads: Uploads, who: Uploader, request: FileRequest): Promise<Upload> {
  const { query, stream, contentType, contentLength } = request;
  if (isForm(contentType)) return storeForm(uploads, who, request);
  const length = contentLength === undefined ? undefined : Number(contentLength);
  return store(uploads, who, request, query, length, stream);
}

async function storeForm(uploads: Uploads, who: Uploader, request: FileRequest): Promise<Upload> {
  const texts: Record<string, string> = { ...request.query };
  for await (const part of readForm(request.stream, request.contentType)) {
    if (part.filename !== undefined) {
      const query = { filename: part.filename, ...texts } as FileQuery;
      return await store(uploads, who, request, query, undefined, part.body);
    }
    if ((FIELDS as readonly string[]).includes(part.name)) texts[part.name] = await readField(part);
  }
  throw new OxbowError('bad-request', 'The form has no file.', {
    extra: { hint: 'Send the file as a part with a file name, after the fields.' },
  });
}

async function store(
  uploads: Uploads,
  who: Uploader,
  { signal, key, contentLength }: FileRequest,
  texts: FileQuery,
  length: number | undefined,
  body: Readable,
): Promise<Upload> {
  const request = uploadRequest(key, { file: texts, contentLength });
  const earlier = await uploads.repeated(who, request);
  // The answer was lost. The body is the same once more, and is not read.
  if (earlier?.state === 'complete') return earlier;
  const { id } = earlier ?? (await uploads.create(who, { ...newUpload(texts), length, request }));
  await using lock = await uploads.lock(id, { signal });
  return await uploads.append(id, lock, 0, body, { isWhole: true }).catch((error: unknown) => {
    // The client learns under which id it may continue.
    if (!(error instanceof OxbowError)) throw error;
    throw new OxbowError(error.code, error.message, { cause: error, extra: { ...error.extra, upload: id } });
  });
}

function newUpload({ filename = '', tags, visibility, sha256, ...texts }: FileQuery): Omit<NewUpload, 'length'> {
  return {
    filename,
    metadata: { filename },
    ...texts,
    tags: tags?.split(','),
    visibility: VISIBILITIES.find((each) => each === visibility),
    sha256: sha256 === '' ? undefined : sha256,
  };
}
