/**
 * A plain request to a test's server. Not by fetch: it undoes gzip, lets nobody set Host, and adds fields of its own.
 * In: a server, a path. Out: the whole answer as it came.
 */
import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { TestServer } from './fixture.ts';

/** An answer, its body as it was sent. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Asks on a connection of its own. */
export async function sendRequest(server: TestServer, path: string, options: RequestOptions = {}): Promise<Answer> {
  const asked = request(server.url, { path, agent: false, ...options });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) };
}
