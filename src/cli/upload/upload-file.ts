/**
 * Sends one file in chunks to a running oxbow, and remembers it until it is complete.
 * In: a file, a server with a session. Out: the id of the asset; errors as OxbowError.
 */
import { OxbowProblem } from '../../client/client.ts';
import { type UploadProgress, uploadInChunks } from '../../client/upload/chunked-upload.ts';
import { fetchSender, httpChunkServer, type UploadIntent } from '../../client/upload/http-chunk-server.ts';
import { OxbowError, type RefusalCode, refusals } from '../../lib/errors.ts';
import type { ServerAccess } from '../running-server.ts';
import type { UploadMemory } from './upload-state.ts';

/** Longest time without anything arriving, ms. */
const PATIENCE_MS = 600_000;
/** The same before the server has answered at all, ms. */
const FIRST_PATIENCE_MS = 3_000;

/** A file on this computer. */
export interface LocalFile {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  /** Time of the last change, ms since 1970. */
  readonly changedMs: number;
  /** Opens it; reading fails if the file has changed since. */
  open(): Promise<Blob>;
}

/** How it is sent. */
interface UploadFileOptions extends Omit<UploadIntent, 'file' | 'filename'> {
  readonly server: ServerAccess;
  /** Identifies the server for later runs. */
  readonly serverKey: string;
  readonly memory: UploadMemory;
  /** Chunks at the same time. */
  readonly parallel: number;
  readonly onProgress: (progress: UploadProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Uploads a file, or continues its upload.
 *
 * @returns the id of the asset
 * @throws OxbowError the refusal of the server, or `source-failed`
 */
export async function uploadFile(file: LocalFile, options: UploadFileOptions): Promise<string> {
  const { server, serverKey, memory, parallel, onProgress, signal, title, tags, visibility } = options;
  const key = { server: serverKey, path: file.path, bytes: file.bytes, changedMs: file.changedMs };
  const blob = await file.open();
  const withSession: typeof fetch = (url, init) =>
    server.fetch(url, { ...init, headers: { ...(init?.headers as object), ...server.headers } });
  const requests = httpChunkServer(
    { server: server.url },
    { file: blob, filename: file.name, title, tags, visibility },
    fetchSender(withSession),
  );
  let keeping: Promise<void> | undefined;
  try {
    const assetId = await uploadInChunks(requests, blob, {
      parallel,
      uploadId: await memory.find(key),
      onBegun: ({ uploadId }) => {
        keeping = memory.keep(key, uploadId);
        keeping.catch(() => {}); // reported below
      },
      onProgress,
      patienceMs: PATIENCE_MS,
      firstPatienceMs: FIRST_PATIENCE_MS,
      signal,
    });
    await keeping;
    await memory.forget(key);
    return assetId;
  } catch (error) {
    await keeping;
    if (!(error instanceof OxbowProblem)) throw error;
    throw asRefusal(error, server.url);
  }
}

function asRefusal(error: OxbowProblem, url: string): OxbowError {
  const { code, status, title, detail, hint } = error.problem;
  if (status === 0) {
    return new OxbowError('source-failed', `${url} cannot be reached.`, {
      cause: error,
      extra: { hint: 'Is oxbow running there? The same command continues the upload.' },
    });
  }
  const refusalCode = code in refusals ? (code as RefusalCode) : 'source-failed';
  return new OxbowError(refusalCode, detail ?? (title || `${url} answered with HTTP ${status}.`), {
    cause: error,
    ...(typeof hint === 'string' && { extra: { hint } }),
  });
}
