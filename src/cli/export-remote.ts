/**
 * Exports over the API of a running oxbow: creates the job, polls it, downloads the file.
 * In: address and token of a server, the range. Out: the file; the job is deleted from the server.
 */
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { sidecarName } from '@oxbow/media/evidence/sidecar';
import type { ExportJob, ExportResult, ExportSettings } from '../api/jobs/job-shapes.ts';
import { sleep } from '../lib/abort.ts';
import { OxbowError, type RefusalCode, refusals, sentenceOf } from '../lib/errors.ts';
import type { ServerAccess } from './running-server.ts';
import { commandHints } from './terminal.ts';

const LOOK_EVERY_MS = 300;
/** Share of the progress: writing on the server; the rest is the download. */
const FETCH_SHARE = 0.3;

/**
 * Exports a range from a server to a file. Abort cancels the job and leaves no file.
 *
 * @throws OxbowError the error of the server, or `source-failed` if it cannot be reached
 */
export async function exportRemotely(
  server: ServerAccess,
  settings: ExportSettings,
  { path, progress, signal }: { path: string; progress: (share: number) => void; signal: AbortSignal },
): Promise<ExportResult> {
  const made = await ask<ExportJob>(server, 'POST', '/api/v1/exports', { body: settings, signal });
  const place = `/api/v1/jobs/${made.id}`;
  try {
    let job = made;
    while (job.state === 'queued' || job.state === 'running') {
      progress((1 - FETCH_SHARE) * job.progress);
      await sleep(LOOK_EVERY_MS, { signal });
      job = await ask<ExportJob>(server, 'GET', place, { signal });
    }
    if (job.state !== 'done' || !job.result?.url) throw failureOf(job);
    const { bytes, url } = job.result;
    await fetchTo(server, url, path, {
      progress: (done) => progress(1 - FETCH_SHARE + FETCH_SHARE * (done / Math.max(1, bytes))),
      signal,
      bytes,
    });
    const address = `/api/v1/exports/${made.id}/evidence`;
    const body =
      job.result.evidence === 'apart' ? await request(server, 'GET', address, { signal }).catch(unlessNone) : undefined;
    await writeSidecar(path, body && new Uint8Array(await body.arrayBuffer()));
    return { ...job.result, url: null };
  } finally {
    // The server does not need the job any more, whatever its result.
    const never = new AbortController().signal;
    await ask(server, 'DELETE', place, { signal: never }).catch(() => undefined);
  }
}

/** The chain may not have the media: it was recorded without evidence. */
export function unlessNone(error: unknown): undefined {
  if (!(error instanceof OxbowError) || error.code !== 'no-evidence') throw error;
}

/**
 * Writes the evidence of a file next to it; without some, removes that of the file that was there before.
 *
 * @throws OxbowError `folder-unwritable`
 */
export async function writeSidecar(path: string, text: Uint8Array | undefined): Promise<void> {
  const sidecar = sidecarName(path);
  const written = text ? writeFile(sidecar, text) : rm(sidecar, { force: true });
  await written.catch((error: unknown) => {
    throw new OxbowError('folder-unwritable', `${sidecar}: ${sentenceOf(error)}`, { cause: error });
  });
}

function failureOf({ state, error }: ExportJob): OxbowError {
  const code = error && error.code in refusals ? (error.code as RefusalCode) : 'internal';
  return new OxbowError(code, error?.detail ?? `The job was ${state}.`);
}

/**
 * Downloads a file to a path, which it replaces when all of it is there.
 *
 * @throws OxbowError as `exportRemotely`
 */
export async function fetchTo(
  server: ServerAccess,
  url: string,
  path: string,
  { progress, signal, bytes }: { progress: (done: number) => void; signal: AbortSignal; bytes: number },
): Promise<void> {
  const response = await request(server, 'GET', url, { signal });
  const unfinished = `${path}.part`;
  const file = await open(unfinished, 'w').catch((error: unknown) => {
    throw new OxbowError('folder-unwritable', `${unfinished}: ${sentenceOf(error)}`, { cause: error });
  });
  try {
    let done = 0;
    try {
      for await (const piece of Readable.fromWeb(response.body!)) {
        await file.writeFile(piece as Uint8Array);
        done += (piece as Uint8Array).length;
        progress(done);
      }
    } finally {
      await file.close();
    }
    if (done !== bytes) throw new OxbowError('source-failed', `${done} of ${bytes} bytes came from the server.`);
    signal.throwIfAborted();
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Sends a request with JSON. @throws OxbowError as `exportRemotely` */
export async function ask<T>(
  server: ServerAccess,
  method: string,
  path: string,
  options: { body?: unknown; signal: AbortSignal },
): Promise<T> {
  return (await (await request(server, method, path, options)).json()) as T;
}

async function request(
  { url, headers, fetch }: ServerAccess,
  method: string,
  path: string,
  { body, signal }: { body?: unknown; signal: AbortSignal },
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(path, url), {
      method,
      signal,
      headers: {
        ...headers,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    signal.throwIfAborted();
    const cause = (error as { cause?: unknown }).cause ?? error;
    throw new OxbowError('source-failed', `${url} cannot be reached: ${sentenceOf(cause)}`, {
      cause: error,
      extra: { hint: 'Is oxbow running there? Check --server.' },
    });
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; hint?: string };
  const code = problem.code !== undefined && problem.code in refusals ? (problem.code as RefusalCode) : 'source-failed';
  const ownHint = code in commandHints ? undefined : problem.hint;
  const hint = code === 'unauthorized' ? 'Give the admin token of that server: --token TOKEN' : ownHint;
  throw new OxbowError(code, problem.detail ?? `${url} answered with HTTP ${response.status}.`, {
    ...(hint !== undefined && { extra: { hint } }),
  });
}
