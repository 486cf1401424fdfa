/**
 * A server of one file in this process, with or without range support, that can break connections.
 * In: bytes and faults. Out: a URL, and the received requests. For tests on virtual time.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { listenInMemory } from '../memory-listener.fixture.ts';

/** Behaviour of the server. */
export interface FileFaults {
  /** It responds to every request with the complete file. Default false. */
  readonly noRanges?: boolean;
  /** This many responses break off after this many bytes. */
  readonly cuts?: { readonly times: number; readonly bytes: number };
  /** The first requests receive this status. */
  readonly statuses?: readonly number[];
  /** Bytes after this offset are held until `release` is called. */
  readonly holdFrom?: number;
  /** The file changes with each request. */
  readonly changing?: boolean;
}

/** A running server. */
export interface FileServer extends AsyncDisposable {
  readonly url: string;
  /** Values of Range, in the order of the requests. */
  readonly ranges: readonly string[];
  release(): void;
}

/** Serves `file` at any path. */
export async function openFileServer(file: Uint8Array, faults: FileFaults = {}): Promise<FileServer> {
  let version = 1;
  let cutsLeft = faults.cuts?.times ?? 0;
  const statuses = [...(faults.statuses ?? [])];
  const ranges: string[] = [];
  const released = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    ranges.push(request.headers.range ?? '');
    if (faults.changing) version += 1;
    const status = statuses.shift();
    if (status !== undefined) {
      response.writeHead(status).end();
      return;
    }
    const isRanged = range !== null && !faults.noRanges;
    const from = isRanged ? Number(range[1]) : 0;
    const to = isRanged && range[2] ? Math.min(Number(range[2]) + 1, file.length) : file.length;
    const body = file.subarray(from, to);
    response
      .setHeader('content-type', 'video/mp4')
      .setHeader('content-length', body.length)
      .setHeader('etag', `"${version}"`);
    if (from >= file.length) {
      response.writeHead(416, { 'content-length': 0 }).end();
      return;
    }
    if (isRanged) response.writeHead(206, { 'content-range': `bytes ${from}-${to - 1}/${file.length}` });
    if (cutsLeft > 0 && faults.cuts) {
      cutsLeft -= 1;
      response.write(body.subarray(0, faults.cuts.bytes), () => response.destroy());
      return;
    }
    const now = faults.holdFrom === undefined ? body.length : Math.max(0, faults.holdFrom - from);
    if (now < body.length) {
      response.write(body.subarray(0, now));
      await released.promise;
      response.end(body.subarray(now));
    } else {
      response.end(body);
    }
  });
  const port = await listenInMemory(server);
  return {
    url: `http://127.0.0.1:${port}/film.mp4`,
    ranges,
    release: () => released.resolve(),
    async [Symbol.asyncDispose]() {
      released.resolve();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
