/**
 * The JSON of uploads: of the list, of one request, and of the chunk API, whose fields have the names of that
 * API.
 * In: http/routes. Out: web/, OpenAPI, other people's programs.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const State = Type.Unsafe<'open' | 'completing' | 'complete' | 'failed'>(
  Type.String({ enum: ['open', 'completing', 'complete', 'failed'] }),
);
const Failure = Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()]);
const Title = Type.String({ maxLength: 1000 });
const Description = Type.String({ maxLength: 10_000 });
const Visibility = Type.Unsafe<'public' | 'unlisted' | 'private'>(
  Type.String({ enum: ['public', 'unlisted', 'private'], description: 'default: `private`' }),
);
const Sha256 = Type.String({ minLength: 43, maxLength: 64, description: 'SHA-256 of the file, hexadecimal or Base64' });

export const UploadView = Type.Object(
  {
    id: Type.String(),
    asset: Type.String({ description: 'id of the asset' }),
    filename: Type.String(),
    owner: Type.String({ description: '`admin`, or `token:` with the id of an API token' }),
    state: State,
    error: Failure,
    received: Type.Integer({ description: 'bytes from the start that are stored without a hole: where to continue' }),
    length: Type.Union([Type.Integer(), Type.Null()], { description: 'bytes of the file; null while it is not known' }),
    chunkSize: Type.Union([Type.Integer(), Type.Null()], { description: 'null: bytes arrive in order' }),
    createdAt: Time,
    expiresAt: Time,
  },
  { $id: 'UploadView' },
);
export type UploadView = Static<typeof UploadView>;

/** The name of a file that comes in one request. */
export const FileQuery = Type.Object(
  {
    filename: Type.Optional(Type.String({ maxLength: 1000, description: 'name of the file; no path' })),
    title: Type.Optional(Title),
    description: Type.Optional(Description),
    tags: Type.Optional(Type.String({ maxLength: 2000, description: 'separated by commas' })),
    visibility: Type.Optional(Visibility),
    sha256: Type.Optional(Sha256),
  },
  { $id: 'FileQuery', additionalProperties: false },
);
export type FileQuery = Static<typeof FileQuery>;

/**
 * Begins an upload in chunks. Some fields have a second name, that of the upload platform whose API this is.
 */
export const ChunkInit = Type.Object(
  {
    filename: Type.String({ maxLength: 1000 }),
    total_size: Type.Optional(
      Type.Integer({ minimum: 0, description: 'bytes of the file; this or `file_size` is needed' }),
    ),
    file_size: Type.Optional(Type.Integer({ minimum: 0, description: 'the same as `total_size`' })),
    total_chunks: Type.Optional(
      Type.Integer({ minimum: 1, description: 'number of chunks: determines `chunk_size` where that is absent' }),
    ),
    mime_type: Type.Optional(
      Type.String({ maxLength: 200, description: 'ignored: the content says what the file is' }),
    ),
    uploader_id: Type.Optional(
      Type.Union([Type.String({ maxLength: 200 }), Type.Integer()], {
        description: 'ignored: the token says who uploads',
      }),
    ),
    chunk_size: Type.Optional(
      Type.Integer({ description: 'bytes of each chunk but the last, 65536 to 8388608; default 1048576 or more' }),
    ),
    title: Type.Optional(Title),
    description: Type.Optional(Description),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 100 })),
    visibility: Type.Optional(Visibility),
    sha256: Type.Optional(Sha256),
  },
  { $id: 'ChunkInit', additionalProperties: false },
);

export type ChunkInit = Static<typeof ChunkInit>;

/** Ranges of chunk numbers, both ends included. */
const Ranges = Type.Array(Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 }), {
  description: 'ranges of chunk numbers, both ends included: `[[1,5],[7,7]]`',
});

/** State of an upload in the chunk API. */
export const ChunkStatus = Type.Object(
  {
    upload_id: Type.String(),
    asset_id: Type.String(),
    state: State,
    error: Failure,
    filename: Type.String(),
    total_size: Type.Union([Type.Integer(), Type.Null()]),
    received: Type.Integer({ description: 'bytes that are stored' }),
    next_byte: Type.Integer({ description: 'bytes from the start that are stored without a hole' }),
    chunk_size: Type.Union([Type.Integer(), Type.Null()], { description: 'null: bytes arrive in order, over tus' }),
    total_chunks: Type.Union([Type.Integer(), Type.Null()]),
    received_chunks: Ranges,
    missing_chunks: Ranges,
    expires_at: Time,
  },
  { $id: 'ChunkStatus' },
);
export type ChunkStatus = Static<typeof ChunkStatus>;

/** Names a chunk whose bytes are the body. */
export const ChunkQuery = Type.Object(
  {
    upload_id: Type.Optional(Type.String({ maxLength: 100 })),
    chunk_number: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: 'from 1' })),
    checksum: Type.Optional(
      Type.String({ maxLength: 200, description: 'of the chunk: `sha256 BASE64`, or hexadecimal' }),
    ),
  },
  { $id: 'ChunkQuery', additionalProperties: false },
);

/** A chunk that is stored. */
export const ChunkAnswer = Type.Object(
  {
    upload_id: Type.String(),
    chunk_number: Type.Integer(),
    size: Type.Integer({ description: 'bytes' }),
    duplicate: Type.Boolean({ description: 'it was stored before' }),
    next_byte: Type.Integer({ description: 'bytes from the start that are stored without a hole' }),
  },
  { $id: 'ChunkAnswer' },
);

/** Completes an upload in chunks. */
export const ChunkComplete = Type.Object(
  {
    upload_id: Type.String({ maxLength: 100 }),
    title: Type.Optional(Type.String({ maxLength: 1000, description: 'replaces the title of `init`' })),
  },
  { $id: 'ChunkComplete', additionalProperties: false },
);
