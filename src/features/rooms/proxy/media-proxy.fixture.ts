/**
 * A server elsewhere, and a proxy for one item of it.
 * In: answers of the server. Out: requests through the proxy, what the server received.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretBox } from '../../../accounts/secret-box.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { createNet, type NetOptions } from '../../../net/net.ts';
import { type ElsewhereMedia, MediaProxy } from './media-proxy.ts';
import { AddressSeal } from './sealed-address.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Opens them. `network`: what the guarded client allows; by default the server. */
export async function openRig(
  handler: Handler,
  link: (origin: string) => Partial<ElsewhereMedia> & { readonly url: string },
  network: NetOptions = { allow: ['127.0.0.0/8'] },
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const net = createNet(network);
  const target: ElsewhereMedia = { type: undefined, headers: {}, ...link(origin) };
  const ends: [string, number][] = [];
  let items = new Map([['i1', target]]);
  const clock = createManualClock(0);
  const proxy = new MediaProxy({
    net,
    seal: new AddressSeal(new SecretBox(Buffer.from('a secret of this server'), 'media proxy')),
    clock,
    media: async (room, item) => (room === 'r1' ? items.get(item) : undefined),
    onEnd: (...end) => ends.push(end),
  });
  const fetch = async (
    address: string,
    more: { range?: string; room?: string; user?: string; signal?: AbortSignal } = {},
  ) => {
    const url = new URL(address, 'http://oxbow/media/');
    const [, , token, ...rest] = url.pathname.split('/');
    const { status, headers, body } = await proxy.fetch(more.room ?? 'r1', {
      token: token!,
      rest: rest.join('/'),
      query: url.search,
      range: more.range,
      user: more.user ?? 'u1',
      signal: more.signal ?? new AbortController().signal,
    });
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    return { status, headers, text: Buffer.concat(pieces).toString() };
  };
  return {
    proxy,
    fetch,
    requests,
    origin,
    target,
    ends,
    address: proxy.mediaAddress('r1', 'i1', target),
    removeItem: () => {
      items = new Map();
    },
    clock,
    async [Symbol.asyncDispose]() {
      await net.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
