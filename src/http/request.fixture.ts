/**
 * A plain request to a test's server. Not by fetch, which decompresses gzip, does not let tests set Host, and
 * adds header fields.
 * In: a server, a path. Out: the answer as received.
 */
import { once } from 'node:events';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { TestServer } from './fixture.ts';

/** An answer, its body as sent. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Sends a request on its own connection. */
export async function sendRequest(server: TestServer, path: string, options: RequestOptions = {}): Promise<Answer> {
  const sent = request(server.url, { path, agent: false, ...options });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) };
}
