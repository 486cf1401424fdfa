/**
 * The requests of an upload in chunks, over HTTP: /api/v1/upload/init, chunk, complete and {id}/status.
 * In: the options of a client, the file's facts. Out: a ChunkServer.
 */
import { OxbowProblem, readProblem } from '../problem.ts';
import { type ClientOptions, credentials } from '../request.ts';
import type { ChunkServer, UploadState } from './chunk-api.ts';
import { chunkSizeFor } from './chunked-upload.ts';

/** Longest time of one request, ms: a chunk of 8 MiB over a line of 100 kbit/s takes eleven minutes. */
const REQUEST_MS = 900_000;
const SHORT_REQUEST_MS = 60_000;

/** The first request of an upload. */
export interface UploadIntent {
  readonly file: Blob;
  /** Name of the file, for people. */
  readonly filename: string;
  readonly title?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly visibility?: 'public' | 'unlisted' | 'private' | undefined;
}

export interface RawRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: FormData | string;
}

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends a request; rejects if there is no answer. `sent` is called with the bytes of the body that have left,
 * where that is known.
 */
export type SendRaw = (
  request: RawRequest,
  options: { readonly signal: AbortSignal; readonly sent?: (bytes: number) => void },
) => Promise<RawAnswer>;

/** Sends with `fetch`, which does not report how much of a body has been sent. */
export function fetchSender(call: typeof fetch = fetch): SendRaw {
  return async ({ method, url, headers, body }, { signal }) => {
    const response = await call(url, { method, headers, signal, ...(body !== undefined && { body }) });
    return { status: response.status, body: await response.text() };
  };
}

/** The members of ChunkStatus that are read. */
interface WireUpload {
  readonly upload_id: string;
  readonly asset_id: string;
  readonly chunk_size: number | null;
  /** Ranges of numbers, both ends included. */
  readonly received_chunks: readonly (readonly [number, number])[];
  readonly state: string;
}

/** Creates the requests of the upload of one file. */
export function httpChunkServer(
  client: Pick<ClientOptions, 'server' | 'token'>,
  { file, filename, title, tags, visibility }: UploadIntent,
  send: SendRaw = fetchSender(),
): ChunkServer {
  const base = `${client.server ?? ''}/api/v1/upload`;
  let key: string | undefined;

  const ask = async (
    request: Omit<RawRequest, 'headers'>,
    signal: AbortSignal,
    sent?: (bytes: number) => void,
    more: Readonly<Record<string, string>> = {},
  ): Promise<string> => {
    const timeout = AbortSignal.timeout(request.body instanceof FormData ? REQUEST_MS : SHORT_REQUEST_MS);
    const headers = {
      accept: 'application/json',
      ...credentials(client),
      ...(typeof request.body === 'string' && { 'content-type': 'application/json' }),
      ...more,
    };
    let answer: RawAnswer;
    try {
      const options = { signal: AbortSignal.any([signal, timeout]), ...(sent && { sent }) };
      answer = await send({ ...request, headers }, options);
    } catch (error) {
      signal.throwIfAborted();
      throw new OxbowProblem(readProblem(0, ''), { cause: error });
    }
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new OxbowProblem(readProblem(answer.status, answer.body));
  };

  const parse = (text: string): UploadState => {
    let wire: WireUpload;
    try {
      wire = JSON.parse(text) as WireUpload;
    } catch (error) {
      throw new OxbowProblem(readProblem(200, text), { cause: error });
    }
    const received = new Set<number>();
    for (const [first, last] of wire.received_chunks)
      for (let number = first; number <= last; number++) received.add(number);
    return {
      uploadId: wire.upload_id,
      assetId: wire.asset_id,
      received,
      chunkBytes: wire.chunk_size ?? chunkSizeFor(file.size),
      complete: wire.state === 'complete',
    };
  };

  return {
    async begin(signal) {
      const texts = { filename, title, tags, visibility };
      const body = JSON.stringify({ ...texts, total_size: file.size, chunk_size: chunkSizeFor(file.size) });
      // The same one in each try: an upload whose answer was lost is found again.
      key ??= newKey();
      const said = await ask({ method: 'POST', url: `${base}/init`, body }, signal, undefined, {
        'idempotency-key': key,
      });
      key = undefined;
      return parse(said);
    },
    async status(uploadId, signal) {
      return parse(await ask({ method: 'GET', url: `${base}/${encodeURIComponent(uploadId)}/status` }, signal));
    },
    async send(uploadId, number, chunk, sent, signal) {
      const body = new FormData();
      body.set('upload_id', uploadId);
      body.set('chunk_number', String(number));
      body.set('chunk', chunk, 'chunk');
      await ask({ method: 'POST', url: `${base}/chunk`, body }, signal, sent);
    },
    async complete(uploadId, signal) {
      const body = JSON.stringify({ upload_id: uploadId });
      await ask({ method: 'POST', url: `${base}/complete`, body }, signal);
    },
  };
}

/** Not `randomUUID`, which browsers have only on secure pages. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
