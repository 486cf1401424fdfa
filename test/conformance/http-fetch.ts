/**
 * A Fetch over HTTP that shows what was really sent: headers untouched, bodies as they came, nothing
 * decompressed.
 * In: the address of a server. Out: a Fetch for the checker, with its own connections.
 */
import { Agent, get } from 'node:http';
import type { Answer, Fetch } from './rules/rule.ts';

/** Connections to one server; disposing ends them. */
export interface HttpFetch extends Disposable {
  readonly fetch: Fetch;
}

/** @param base `http://127.0.0.1:8080`; URLs may be paths below it */
export function openHttpFetch(base: string): HttpFetch {
  const agent = new Agent({ keepAlive: true });
  const fetch: Fetch = (url, headers = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const request = get(new URL(url, base), { agent, headers }, (response) => {
        const blocks: Buffer[] = [];
        response.on('data', (block: Buffer) => blocks.push(block));
        response.on('error', reject);
        response.on('end', () => {
          const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(entries) as Record<string, string>,
            body: Buffer.concat(blocks),
          });
        });
      });
      request.on('error', reject);
    });
  return { fetch, [Symbol.dispose]: () => agent.destroy() };
}
