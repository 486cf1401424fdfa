/**
 * Uploads as JSON.
 * In: Upload. Out: UploadView, and the status of the chunk API.
 */
import { printRfc3339 } from '../../api/instant.ts';
import type { ChunkStatus, UploadView } from '../../api/library/upload-shapes.ts';
import { cleanFilename } from '../../library/asset-texts.ts';
import { chunkCount, missingNumbers, numbersOf } from '../../library/uploads/chunks.ts';
import type { Upload } from '../../library/uploads/upload.ts';

/** The JSON of an upload. */
export function uploadView(upload: Upload): UploadView {
  const { id, assetId, owner, state, failure, received, length, chunkBytes, createdMs, expiresMs } = upload;
  return {
    id,
    asset: assetId,
    filename: filenameOf(upload),
    owner,
    state,
    error: failure ?? null,
    received,
    length: length ?? null,
    chunkSize: chunkBytes ?? null,
    createdAt: printRfc3339(createdMs),
    expiresAt: printRfc3339(expiresMs),
  };
}

/**
 * The status of an upload.
 *
 * @param offsets of its chunks, in order
 */
export function chunkStatus(upload: Upload, offsets: readonly number[]): ChunkStatus {
  const { id, assetId, state, failure, received, length, chunkBytes, expiresMs } = upload;
  const layout = length !== undefined && chunkBytes !== undefined ? { length, chunkBytes } : undefined;
  const count = layout ? chunkCount(layout) : null;
  const present = layout ? numbersOf(offsets, layout.chunkBytes) : [];
  const bytes = layout
    ? offsets.reduce((sum, offset) => sum + Math.min(layout.chunkBytes, layout.length - offset), 0)
    : received;
  return {
    upload_id: id,
    asset_id: assetId,
    state,
    error: failure ?? null,
    filename: filenameOf(upload),
    total_size: length ?? null,
    received: bytes,
    next_byte: received,
    chunk_size: chunkBytes ?? null,
    total_chunks: count,
    received_chunks: present.map((range) => [...range]),
    missing_chunks: count === null ? [] : missingNumbers(present, count).map((range) => [...range]),
    expires_at: printRfc3339(expiresMs),
  };
}

function filenameOf({ metadata }: Upload): string {
  return cleanFilename(metadata.filename ?? '');
}
