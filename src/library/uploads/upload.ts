/**
 * An upload: the bytes of one asset's original while they arrive, over tus, in one request or in chunks.
 * In: requests. Out: the types that the files of this folder share, and their refusals.
 * docs/6-library/upload.md.
 */
import type { OwnerCaller } from '../../accounts/permissions.ts';
import { OxbowError, type RefusalCode, refusals } from '../../lib/errors.ts';
import type { AssetFailure, AssetVisibility } from '../asset.ts';

/** `open`: bytes are missing. `completing`: all are stored, and the file is being finished. */
export type UploadState = 'open' | 'completing' | 'complete' | 'failed';

/** The row of an upload. */
export interface Upload {
  readonly id: string;
  readonly assetId: string;
  /** Principal, as that of the asset. */
  readonly owner: string;
  /** Bytes of the file; undefined while the client does not know. */
  readonly length: number | undefined;
  /** Bytes from the start that are on the disk without a hole: where the client continues. */
  readonly received: number;
  /** Bytes of each chunk but the last; undefined: bytes arrive in order. */
  readonly chunkBytes: number | undefined;
  /** The metadata as the client sent them. */
  readonly metadata: Readonly<Record<string, string | null>>;
  /** Of the complete file, as the client announced it, hex. */
  readonly sha256: string | undefined;
  readonly state: UploadState;
  readonly failure: AssetFailure | undefined;
  /** ms since 1970. */
  readonly createdMs: number;
  readonly expiresMs: number;
  /** Object store that its bytes go to; undefined: the data folder of its node. */
  readonly target: string | undefined;
}

/** Who sends a request. */
export type Uploader = OwnerCaller;

/** A request that its client may repeat: the same request finds the upload that it began. */
export interface UploadRequest {
  /** `Idempotency-Key`. */
  readonly key: string;
  /** SHA-256 of the content of the request, base64url. */
  readonly hash: string;
}

/** The properties of a new upload. */
export interface NewUpload {
  /** Chosen by the caller; default: a new one. */
  readonly id?: string;
  readonly filename: string;
  readonly length: number | undefined;
  readonly chunkBytes?: number | undefined;
  readonly metadata?: Readonly<Record<string, string | null>> | undefined;
  /** Hex. */
  readonly sha256?: string | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly visibility?: AssetVisibility | undefined;
  readonly request?: UploadRequest | undefined;
}

/** Where a refused request continues, as a member of the problem document. */
export function resumeAt(offset: number): { readonly resumeOffset: number } {
  return { resumeOffset: offset };
}

/** The refusal of an unknown id. */
export function unknownUpload(id: string): OxbowError {
  return new OxbowError('upload-unknown', `There is no upload ${id.slice(0, 80)}.`);
}

/**
 * Refuses a failed upload.
 *
 * @throws OxbowError with the code of its failure
 */
export function refuseFailed({ failure }: Upload): void {
  if (!failure) return;
  const code: RefusalCode = failure.code in refusals ? (failure.code as RefusalCode) : 'upload-cancelled';
  throw new OxbowError(code, failure.detail);
}

/** The refusal of bytes that do not begin where the upload continues. */
export function wrongOffset(sent: number, { received }: Pick<Upload, 'received'>): OxbowError {
  return new OxbowError('upload-offset', `The bytes begin at ${sent}, and the upload continues at ${received}.`, {
    extra: resumeAt(received),
  });
}

/** The refusal of a file that is larger than announced or allowed. */
export function tooLarge(detail: string, received = 0): OxbowError {
  return new OxbowError('upload-too-large', detail, { extra: resumeAt(received) });
}

/** Codes of the system for a disk, quota or file that is full. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The refusal for an error of the system while bytes were stored. Other errors are returned as they are. */
export function storeFailure(error: unknown, received: number): unknown {
  if (error instanceof OxbowError || !(error instanceof Error)) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (FULL.has(code)) {
    return new OxbowError('no-room', 'The disk is full.', {
      cause: error,
      extra: { ...resumeAt(received), hint: 'Free disk space, then continue the upload at `resumeOffset`.' },
    });
  }
  if (syscall === undefined) return error;
  return new OxbowError('disk-failed', 'The bytes could not be stored.', {
    cause: error,
    extra: {
      ...resumeAt(received),
      hint: 'Continue the upload at `resumeOffset`, or ask the operator of this server.',
    },
  });
}
