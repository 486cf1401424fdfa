/**
 * Serves one media file and a page with a video element that plays it, like any web server.
 * In: a file. Out: addresses; answers single ranges, also open ones.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A running server. */
export interface FileServer extends AsyncDisposable {
  /** The page with the video element. */
  readonly url: string;
  /** Requested ranges, in order. */
  readonly ranges: readonly string[];
}

const page =
  '<!doctype html><title>file</title><link rel="icon" href="data:,"><video src="/file.mp4" muted preload="auto"></video>';

/** @param file absolute path of an MP4 file */
export async function serveFile(file: string): Promise<FileServer> {
  const { size } = await stat(file);
  const ranges: string[] = [];
  const server = createServer(async (request, response) => {
    if (request.url !== '/file.mp4') {
      response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' }).end(page);
      return;
    }
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(first ?? 0);
    const end = last ? Math.min(Number(last), size - 1) : size - 1;
    const headers = { 'content-type': 'video/mp4', 'accept-ranges': 'bytes', 'content-length': end - start + 1 };
    if (first === undefined) response.writeHead(200, headers);
    else {
      ranges.push(request.headers.range!);
      response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end}/${size}` });
    }
    await pipeline(createReadStream(file, { start, end }), response).catch(() => {}); // the browser has enough
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ranges,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
