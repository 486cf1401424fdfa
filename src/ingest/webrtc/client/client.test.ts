import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { splitRtp } from '@oxbow/media/rtp/packet';
import {
  parseWebRtc,
  printWebRtc,
  type WebRtcDescription,
  type WebRtcMedia,
} from '@oxbow/media/sdp/webrtc-description';
import { openWebRtcEndpoint, type WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { createIceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { Peer } from '@oxbow/wire/webrtc/peer';
import { rtpPacket } from '@oxbow/wire/webrtc/simulated-network.fixture';
import { createSystemClock } from '../../../lib/clock.ts';
import { createNet } from '../../../net/net.ts';
import { connectWebRtc, type WebRtcClientOptions } from './client.ts';
import { OfferRefused } from './signalling.ts';

const media: readonly WebRtcMedia[] = [
  {
    mid: '0',
    kind: 'video',
    direction: 'sendonly',
    isRejected: false,
    extensions: new Map(),
    sources: [],
    formats: [
      {
        payloadType: 96,
        encoding: 'VP9',
        clockRate: 90_000,
        channels: 1,
        feedback: [],
        parameters: new Map(),
      },
    ],
  },
];

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server of WHIP: an ICE-lite agent, or what `answer` does. */
class TestServer implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly received = Promise.withResolvers<Uint8Array>();
  setup: 'active' | 'passive' = 'passive';
  candidate = '127.0.0.1';
  answer: Answer = (_, response, body) => this.accept(response, body);
  peer: Peer | undefined;
  readonly #http: Server;
  readonly #endpoint: WebRtcEndpoint;

  private constructor(endpoint: WebRtcEndpoint) {
    this.#endpoint = endpoint;
    this.#http = createServer(async (request, response) => {
      const { method, url, headers } = request;
      this.requests.push(`${method} ${url} ${headers.authorization ?? 'no key'}`);
      let body = '';
      for await (const chunk of request) body += chunk;
      if (method === 'POST') this.answer(request, response, body);
      else response.end();
    });
  }

  static async open(): Promise<TestServer> {
    const options = { address: '127.0.0.1', port: 0, nowMs: Date.UTC(2026, 0), onError: () => {} };
    const server = new TestServer(await openWebRtcEndpoint(options));
    server.#http.listen(0, '127.0.0.1');
    await once(server.#http, 'listening');
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  accept(response: ServerResponse, body: string): void {
    const offer = parseWebRtc(body);
    const local = createIceCredentials();
    const { port, fingerprint } = this.#endpoint;
    const candidates = [{ address: this.candidate, port }];
    const answer: WebRtcDescription = { ...local, fingerprint, setup: this.setup, isIceLite: true, candidates, media };
    this.peer = this.#endpoint.openPeer({
      role: 'answer',
      dtls: this.setup === 'active' ? 'client' : 'server',
      local,
      remote: offer,
      onConnected: () => {},
      onPacket: (packet) => this.received.resolve(packet),
      onReport: () => {},
      onClosed: () => {},
    });
    response.writeHead(201, { 'content-type': 'application/sdp', location: '/session/7' });
    response.end(printWebRtc(answer, '1'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close();
    this.#http.closeAllConnections();
    await this.#endpoint.close();
  }
}

/** Connects, trusted and with a key, as a relay does. */
async function connect(url: string, change: Partial<WebRtcClientOptions> = {}) {
  const net = createNet({ allow: [] });
  try {
    const client = await connectWebRtc({
      net,
      url: new URL(url),
      key: 'ok_1',
      trusted: true,
      media,
      clock: createSystemClock(),
      onAnswer: () => {},
      onPacket: () => {},
      onReport: () => {},
      signal: AbortSignal.timeout(60_000),
      ...change,
    });
    return {
      ...client,
      async [Symbol.asyncDispose]() {
        await client.close();
        await net.close();
      },
    };
  } catch (error) {
    await net.close();
    throw error;
  }
}

suite('a WebRTC client', () => {
  for (const setup of ['active', 'passive'] as const) {
    test(`a server that is ${setup} in DTLS gets media; DELETE ends the session (RFC 9725 4.2)`, async () => {
      await using server = await TestServer.open();
      server.setup = setup;
      const packet = rtpPacket();
      {
        await using client = await connect(`${server.origin}/whip/a`);
        client.peer.send(splitRtp(packet)!);
        assert.deepEqual(Uint8Array.from(await server.received.promise), packet);
      }
      assert.deepEqual(server.requests, ['POST /whip/a Bearer ok_1', 'DELETE /session/7 Bearer ok_1']);
    });
  }

  test('the end of the connection at the server is reported', async () => {
    await using server = await TestServer.open();
    await using client = await connect(`${server.origin}/whip/a`);
    server.peer!.send(splitRtp(rtpPacket())!); // it is connected only when its own last flight has arrived
    while (!server.peer!.isConnected) await new Promise((resolve) => setImmediate(resolve));
    server.peer!.close();
    assert.equal(await client.closed, 'the server ended the session');
  });

  test('a redirect is followed; the key goes to the configured origin alone (RFC 9725 4.5)', async () => {
    await using first = await TestServer.open();
    await using second = await TestServer.open();
    first.answer = (_, response) => response.writeHead(307, { location: `${second.origin}/whip/b` }).end();
    {
      await using client = await connect(`${first.origin}/whip/a`);
      assert.ok(client.peer.isConnected);
    }
    assert.deepEqual(first.requests, ['POST /whip/a Bearer ok_1']);
    assert.deepEqual(second.requests, ['POST /whip/b no key', 'DELETE /session/7 no key']);
  });

  test('a redirect to a private address of another name is refused, and so is one without an end', async () => {
    await using server = await TestServer.open();
    server.answer = (_, response) => response.writeHead(307, { location: 'http://10.0.0.1/whip' }).end();
    await assert.rejects(connect(`${server.origin}/whip/a`), { code: 'address-refused' });
    server.answer = (_, response) => response.writeHead(308, { location: '/whip/a' }).end();
    await assert.rejects(connect(`${server.origin}/whip/a`), /redirects more than 5 times/);
  });

  test('a private address for media is refused, unless it is that of the server', async () => {
    await using server = await TestServer.open();
    server.candidate = '10.0.0.1';
    await assert.rejects(connect(`${server.origin}/whip/a`), { code: 'address-refused' });
    assert.equal(server.requests.at(-1), 'DELETE /session/7 Bearer ok_1');
  });

  test('a refusal has the status and what the server says of it', async () => {
    await using server = await TestServer.open();
    const refuse = (status: number, type: string, body: string) => {
      server.answer = (_, response) => response.writeHead(status, { 'content-type': type }).end(body);
      return connect(`${server.origin}/whip/a`).then(
        () => assert.fail('it was accepted'),
        (error: unknown) => {
          assert.ok(error instanceof OfferRefused);
          return [error.status, error.message];
        },
      );
    };
    const problem = JSON.stringify({ title: 'Forbidden', detail: 'This stream key is not valid.' });
    assert.deepEqual(await refuse(403, 'application/problem+json', problem), [
      403,
      'answered 403: This stream key is not valid.',
    ]);
    assert.deepEqual(await refuse(500, 'text/html', '<html>'), [500, 'answered 500']);
    assert.deepEqual(await refuse(400, 'application/json', '{'), [400, 'answered 400']);
    const [, counter] = await refuse(406, 'application/sdp', 'v=0');
    assert.match(String(counter), /it makes an offer itself/);
  });

  test('an answer that is not usable ends the session at the server', async () => {
    await using server = await TestServer.open();
    const located = { location: '/session/7' };
    server.answer = (_, response) =>
      response.writeHead(201, { ...located, 'content-type': 'application/sdp' }).end('v=0');
    await assert.rejects(connect(`${server.origin}/whip/a`), { name: 'FormatError' });
    server.answer = (_, response) => response.writeHead(201, { ...located, 'content-type': 'text/plain' }).end('v=0');
    await assert.rejects(connect(`${server.origin}/whip/a`), /not an SDP/);
    assert.equal(server.requests.filter((each) => each.startsWith('DELETE')).length, 2);
  });

  test('an abort ends the attempt, with the session', async () => {
    await using server = await TestServer.open();
    const abort = new AbortController();
    const reason = new Error('the relay was stopped');
    server.answer = (_, response, body) => {
      server.accept(response, body);
      server.peer!.close(); // nothing answers the checks
    };
    const onAnswer = () => abort.abort(reason);
    await assert.rejects(connect(`${server.origin}/whip/a`, { onAnswer, signal: abort.signal }), reason);
    assert.equal(server.requests.at(-1), 'DELETE /session/7 Bearer ok_1');
  });
});
