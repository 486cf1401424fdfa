/**
 * Requests to the server that may run with these settings on this computer.
 * In: settings, a path. Out: the body of the response.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback, printEndpoint } from '../../config/address.ts';
import type { Config } from '../../config/schema.ts';

const ASK_MS = 5000;
const MAX_BYTES = 16 * 1024 * 1024;

/** A response as text. */
export interface AskedAnswer {
  readonly status: number;
  readonly text: string;
  /** Header fields by their names in lower case. */
  readonly headers: Pick<IncomingHttpHeaders, 'content-type' | 'access-control-allow-origin'>;
}

/** Address of a server with these settings on this computer, without a slash at the end. */
export function localUrl({ http, tls }: Pick<Config, 'http' | 'tls'>): string {
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const address = isLoopback(http.address) ? http.address : (everywhere[http.address] ?? http.address);
  return `${tls.cert === '' ? 'http' : 'https'}://${printEndpoint({ address, port: http.port })}`;
}

/**
 * Requests a URL of the settings.
 *
 * @param headers sent to that origin only
 * @throws OxbowError `source-failed` if there is no response within five seconds
 */
export async function askUrl(
  url: string,
  { signal, headers = {} }: { readonly signal: AbortSignal; readonly headers?: Readonly<Record<string, string>> },
): Promise<AskedAnswer> {
  const { createNet } = await import('../../net/net.ts');
  await using net = createNet({ allow: [] });
  using reply = await net.fetch(url, {
    signal,
    headers,
    trusted: new URL(url),
    maxBytes: MAX_BYTES,
    deadlineMs: ASK_MS,
    idleMs: ASK_MS,
  });
  return { status: reply.status, headers: reply.headers, text: Buffer.from(await reply.body()).toString() };
}
