/**
 * What nodes request of each other: files of this node, and streams that move. Only signed requests are answered.
 * In: HTTP requests below `/internal/`. Out: responses. docs/decisions/0055.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isMissing, type SegmentLocation, type SegmentStore, segmentLocation } from '../archive/segment-store.ts';
import { OxbowError } from '../lib/errors.ts';
import { NODE_HEADER, type NodeSignature } from './node-signature.ts';

const PREFIX = '/internal/';
/** Largest range of a file in one reply, bytes. */
export const MAX_RANGE_BYTES = 16 * 1024 * 1024;

/** What the requests work with. */
export interface InternalRequestDeps {
  readonly signature: NodeSignature;
  /** The files of this node. */
  readonly files: SegmentStore;
  /** Gives a stream to another node. @throws OxbowError if it cannot */
  give(stream: string, node: string): Promise<void>;
  /** Called with a bug. */
  failed(error: unknown): void;
}

/** The targets of internal requests. */
export const internalTarget = {
  /** Bytes of a file; fewer at its end. */
  range: (location: string, offset: number, length: number): string =>
    `${PREFIX}files/${location}?offset=${offset}&length=${length}`,
  size: (location: string): string => `${PREFIX}files/${location}`,
  /** DELETE: everything with that prefix. */
  files: (prefix: string): string => `${PREFIX}files/${prefix}`,
  /** POST: the stream moves to the node that requests it. */
  give: (stream: string): string => `${PREFIX}streams/${stream}/give`,
};

/** Answers a request below `/internal/`; false: it is another one. */
export type InternalRequests = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Creates what answers them. */
export function createInternalRequests(deps: InternalRequestDeps): InternalRequests {
  const { signature, files, failed } = deps;

  async function answer(
    method: string,
    url: URL,
    node: string,
  ): Promise<{ status: number; body?: Uint8Array | string }> {
    const [, kind, rest] = /^\/internal\/(files|streams)\/(.+)$/.exec(url.pathname) ?? [];
    if (kind === 'streams' && method === 'POST' && rest!.endsWith('/give')) {
      await deps.give(rest!.slice(0, -'/give'.length), node);
      return { status: 204 };
    }
    if (kind !== 'files') return { status: 404 };
    const location = locationOf(rest!);
    if (location === undefined) return { status: 404 };
    if (method === 'DELETE') {
      await files.delete(location);
      return { status: 204 };
    }
    if (method !== 'GET') return { status: 405 };
    const length = Number(url.searchParams.get('length') ?? Number.NaN);
    const offset = Number(url.searchParams.get('offset') ?? Number.NaN);
    if (Number.isNaN(length)) return { status: 200, body: String(await files.size(location)) };
    const isRange = Number.isSafeInteger(offset) && offset >= 0 && length > 0 && length <= MAX_RANGE_BYTES;
    if (!isRange) return { status: 400 };
    return { status: 200, body: await files.read(location, { offset, length }) };
  }

  return (request, response) => {
    const { method = 'GET', url: target = '/', headers } = request;
    if (!target.startsWith(PREFIX)) return false;
    const node = signature.nodeOf(headers[NODE_HEADER], { method, target });
    const answered =
      node === undefined ? Promise.resolve({ status: 404 }) : answer(method, new URL(target, 'http://node'), node);
    answered.then(
      ({ status, body }: { status: number; body?: Uint8Array | string }) => void response.writeHead(status).end(body),
      (error: unknown) => {
        const isRefusal = error instanceof OxbowError;
        if (!isRefusal) failed(error);
        const status = isMissing(error) ? 404 : isRefusal ? 409 : 500;
        response.writeHead(status).end(isRefusal ? error.message : '');
      },
    );
    return true;
  };
}

function locationOf(text: string): SegmentLocation | undefined {
  try {
    // A prefix ends with a slash, which is no location, but is one for a deletion.
    return text.endsWith('/') ? (`${segmentLocation(text.slice(0, -1))}/` as SegmentLocation) : segmentLocation(text);
  } catch {
    return undefined;
  }
}
