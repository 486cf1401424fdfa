/**
 * A file in one request: as its body, or in a form.
 * In: PUT and POST of /api/v1/uploads/file. Out: a complete upload.
 */
import type { Readable } from 'node:stream';
import type { Principal } from '../../accounts/principal.ts';
import type { AssetsApi } from '../../api/library/assets-api.ts';
import type { FileQuery } from '../../api/library/upload-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { titleOfFile } from '../../library/asset-texts.ts';
import type { NewUpload, Upload, Uploader } from '../../library/uploads/upload.ts';
import { readSha256, type UploadCreation, uploadRequest } from '../../library/uploads/upload-creation.ts';
import type { Uploads } from '../../library/uploads/uploads.ts';
import { isForm, readField, readForm } from './multipart.ts';

interface FileRequest {
  readonly query: FileQuery;
  readonly stream: Readable;
  readonly contentType: string | undefined;
  readonly contentLength: string | undefined;
  /** `Idempotency-Key`. */
  readonly key: string | undefined;
  readonly signal: AbortSignal;
}

/** Where the file is stored, and where its texts are changed. */
interface FileParts {
  readonly uploads: Uploads;
  readonly uploadCreation: UploadCreation;
  readonly assets: Pick<AssetsApi, 'get' | 'update' | 'remove'>;
}

/** Texts that a form may have next to its file. */
const FIELDS = ['filename', 'title', 'description', 'tags', 'visibility', 'sha256'] as const;
const VISIBILITIES = ['public', 'unlisted', 'private'] as const;

/** Stores the file of a request. */
export function storeFile(parts: FileParts, who: Principal, request: FileRequest): Promise<Upload> {
  const { query, stream, contentType, contentLength } = request;
  if (isForm(contentType)) return storeForm(parts, who, request);
  const length = contentLength === undefined ? undefined : Number(contentLength);
  return store(parts, who, request, query, length, stream);
}

async function storeForm(parts: FileParts, who: Principal, request: FileRequest): Promise<Upload> {
  const before: Record<string, string> = { ...request.query };
  const behind: Record<string, string> = {};
  let upload: Upload | undefined;
  for await (const part of readForm(request.stream, request.contentType)) {
    const isField = part.filename === undefined && (FIELDS as readonly string[]).includes(part.name);
    if (isField) (upload ? behind : before)[part.name] = await readField(part);
    else if (part.filename !== undefined) {
      if (upload)
        throw new OxbowError('bad-request', 'The form has more than one file.', { extra: { upload: upload.id } });
      const query = { filename: part.filename, ...before } as FileQuery;
      upload = await store(parts, who, request, query, undefined, part.body);
    }
  }
  if (upload) return await describe(parts, who, upload, behind);
  throw new OxbowError('bad-request', 'The form has no file.', {
    extra: { hint: 'Send the file as a part with a file name.' },
  });
}

/**
 * Applies the fields behind the file, which is stored by then.
 *
 * @throws OxbowError `checksum-mismatch`, with the file deleted
 */
async function describe(
  { uploads, assets }: FileParts,
  who: Principal,
  upload: Upload,
  { filename, sha256, ...behind }: FileQuery,
): Promise<Upload> {
  const { assetId: id } = upload;
  if (sha256 !== undefined && sha256 !== '') {
    const { view } = await assets.get(id, who);
    if (view.sha256 !== readSha256(sha256)) {
      await assets.remove(id, { purge: true }, who);
      const detail = `The file has the SHA-256 ${view.sha256}, and ${readSha256(sha256)} was announced.`;
      throw new OxbowError('checksum-mismatch', detail, { extra: { hint: 'The file is deleted. Send it again.' } });
    }
  }
  const { title = filename && titleOfFile(filename), description, tags, visibility } = newUpload(behind);
  const texts = {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags: [...tags] }),
    ...(visibility !== undefined && { visibility }),
  };
  if (Object.keys(texts).length > 0) await assets.update(id, texts, who);
  return uploads.get(upload.id, who);
}

async function store(
  { uploads, uploadCreation }: FileParts,
  who: Uploader,
  { signal, key, contentLength }: FileRequest,
  texts: FileQuery,
  length: number | undefined,
  body: Readable,
): Promise<Upload> {
  const request = uploadRequest(key, { file: texts, contentLength });
  const earlier = await uploadCreation.repeated(who, request);
  // The answer was lost. The body is the same once more, and is not read.
  if (earlier?.state === 'complete') return earlier;
  const { id } = earlier ?? (await uploadCreation.create(who, { ...newUpload(texts), length, request }));
  await using lock = await uploads.lock(id, { signal });
  return await uploads.append(id, lock, 0, body, { isWhole: true }).catch((error: unknown) => {
    // The client gets the id under which it may continue.
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
