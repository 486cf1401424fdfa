// Connections are real, so a test waits for bytes, in turns of the event loop; the limits of time pass on
// virtual time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { parseAmf0 } from '@oxbow/media/amf/amf0';
import type { AmfValue } from '@oxbow/media/amf/value';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { ChunkReader } from './chunk-reader.ts';
import { connectRtmp, parseRtmpUrl, type RtmpTarget } from './client.ts';
import type { ConnectRequest } from './commands.ts';
import { obsSession } from './obs.fixture.ts';
import { acceptRtmp } from './server.ts';
import {
  type RtmpConnection,
  type RtmpEnd,
  type RtmpLimits,
  RtmpPassed,
  type RtmpPublishRequest,
  RtmpRefusal,
  rtmpLimits,
} from './server-contract.ts';

const clients = new Set<Socket>();
afterEach(() => {
  for (const client of clients) client.destroy();
  clients.clear();
});

/** A server at one end of a pair, with everything that its owner receives. */
class Owner {
  readonly connected: ConnectRequest[] = [];
  readonly requests: RtmpPublishRequest[] = [];
  readonly messages: string[] = [];
  readonly ends: string[] = [];
  readonly closed: [RtmpEnd, string, unknown][] = [];
  readonly connection: RtmpConnection;
  readonly client: Socket;
  /** The client's socket has closed; it may do so before a test waits for it. */
  readonly left: Promise<unknown>;
  /** What `publish` waits for. */
  answer: () => Promise<void> = async () => {};

  static async open(limits?: Partial<RtmpLimits>): Promise<Owner> {
    const listener = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const client = connect({ port: (listener.address() as AddressInfo).port, noDelay: true });
    const [server] = (await once(listener, 'connection')) as [Socket];
    listener.close();
    return new Owner(client, server, limits);
  }

  private constructor(client: Socket, server: Socket, limits: Partial<RtmpLimits> = {}) {
    this.client = client;
    client.on('error', () => undefined);
    this.left = new Promise((resolve) => client.once('close', resolve));
    clients.add(client);
    this.connection = acceptRtmp(
      server,
      {
        abilities: { video: ['hvc1', 'av01'], audio: ['Opus'], capsEx: 6 },
        connect: (request) => {
          if (request.app === 'nothing') throw new RtmpRefusal('NetConnection.Connect.Rejected', 'Use live.');
          this.connected.push(request);
        },
        publish: async (request) => {
          this.requests.push(request);
          await this.answer();
          return {
            message: (type, ms, body) => this.messages.push(`${type} ${ms} ${body.length}`),
            end: (detail) => this.ends.push(detail),
          };
        },
        closed: (end, detail, error) => this.closed.push([end, detail, error]),
      },
      { ...rtmpLimits, ...limits },
    );
    server.on('data', (bytes: Buffer) => this.connection.push(bytes));
  }

  /** Sends bytes, in pieces; returns when the server has read them. */
  async send(bytes: Uint8Array, pieceBytes = bytes.length): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceBytes) this.client.write(bytes.subarray(at, at + pieceBytes));
    this.#sent += bytes.length;
    while (this.connection.totalBytes < this.#sent && this.connection.phase !== 'closed') await turn();
    for (let i = 0; i < 3; i++) await turn();
  }
  #sent = 0;

  /** Commands that the server has sent since the last call; waits for this many. */
  async commands(count: number): Promise<AmfValue[][]> {
    for (;;) {
      const read = this.client.read() as Buffer | null;
      if (read) this.#received = Buffer.concat([this.#received, read]);
      const fresh = this.#parse().slice(this.#seen);
      if (fresh.length < count) {
        await turn();
        continue;
      }
      this.#seen += fresh.length;
      return fresh;
    }
  }

  #parse(): AmfValue[][] {
    const commands: AmfValue[][] = [];
    const reader = new ChunkReader({ maxMessageBytes: 100_000 }, (type, _ms, _id, body) => {
      if (type === 20) commands.push(parseAmf0(body));
    });
    reader.push(this.#received.subarray(1 + 2 * 1536));
    return commands;
  }
  #received = Buffer.alloc(0);
  #seen = 0;
}

const codeOf = (value: AmfValue) => (value as { code?: string } | undefined)?.code;

suite('a connection to the server', () => {
  for (const pieceBytes of [100_000, 1]) {
    test(`the bytes of OBS publish, in pieces of at most ${pieceBytes} bytes`, async () => {
      const owner = await Owner.open();
      const obs = obsSession('studio?key=ok_secret');
      await owner.send(obs.hello, pieceBytes);
      await owner.send(obs.connect, pieceBytes);
      const [result] = await owner.commands(1);
      assert.equal(result?.[0], '_result');
      assert.equal(codeOf(result?.[3]), 'NetConnection.Connect.Success');
      assert.deepEqual((result![2] as { fourCcList: unknown }).fourCcList, ['hvc1', 'av01', 'Opus']);
      await owner.send(obs.create, pieceBytes);
      const answers = await owner.commands(4);
      assert.deepEqual(
        answers.map(([name, transaction]) => [name, transaction]),
        [
          ['_result', 2],
          ['_result', 3],
          ['onFCPublish', 0],
          ['_result', 4],
        ],
      );
      assert.equal(answers.at(-1)?.[3], 1, 'the id of the message stream');
      await owner.send(obs.publish, pieceBytes);
      assert.equal(owner.requests[0]?.playPath, 'studio?key=ok_secret');
      assert.equal(owner.requests[0]?.flashVer, 'FMLE/3.0 (compatible; FMSc/1.0)');
      assert.equal(codeOf((await owner.commands(1))[0]?.[3]), 'NetStream.Publish.Start');
      await owner.send(obs.media, pieceBytes);
      // @setDataFrame is removed.
      assert.deepEqual(owner.messages, ['18 0 46', '8 0 4', '9 0 9005', '8 21 4', '9 33 9005'].map(fixMetadata(owner)));
      await owner.send(obs.leave, pieceBytes);
      assert.deepEqual(owner.ends, ['the publisher left']);
      assert.equal(codeOf((await owner.commands(2))[1]?.[3]), 'NetStream.Unpublish.Success');
      owner.client.destroy();
      while (owner.closed.length === 0) await turn();
      assert.equal(owner.ends.length, 1);
    });
  }

  test('a publisher is passed on: another connection answers its request alone, and reads what follows', async () => {
    const obs = obsSession('studio');
    const read = [obs.hello, obs.connect, obs.create, obs.publish];
    const first = await Owner.open();
    first.answer = () => Promise.reject(new RtmpPassed());
    for (const bytes of read) await first.send(bytes);
    assert.deepEqual(
      first.closed.map(([end]) => end),
      ['passed'],
    );
    const answers = await first.commands(5);
    assert.equal(answers.at(-1)?.[0], '_result', 'to createStream, and none to publish');
    assert.equal(first.client.destroyed, false);

    const second = await Owner.open();
    second.connection.replay(Buffer.concat(read));
    await turn();
    assert.equal(second.connection.phase, 'publishing');
    while (second.client.readableLength === 0) await turn();
    const chunks: number[] = [];
    const reader = new ChunkReader({ maxMessageBytes: 100_000 }, (type) => chunks.push(type));
    reader.push(second.client.read() as Buffer);
    assert.deepEqual(chunks, [4, 20], 'StreamBegin and the status');
    second.client.write(obs.media);
    while (second.messages.length < 5) await turn();
  });

  test('a refused publisher gets the status with the reason, and the connection is closed after it was sent', async () => {
    const owner = await Owner.open();
    owner.answer = async () => {
      throw new RtmpRefusal('NetStream.Publish.BadName', 'The key is unknown.');
    };
    const obs = obsSession('studio');
    for (const bytes of [obs.hello, obs.connect, obs.create, obs.publish]) await owner.send(bytes);
    const status = (await owner.commands(6))[5]?.[3] as { code: string; level: string; description: string };
    assert.deepEqual(
      { ...status },
      { level: 'error', code: 'NetStream.Publish.BadName', description: 'The key is unknown.' },
    );
    owner.client.resume();
    await owner.left;
    assert.equal(owner.closed[0]?.[1], 'The key is unknown.');
    assert.equal(owner.ends.length, 0, 'nothing was published');
  });

  test('an unknown application is refused with the result of connect', async () => {
    const owner = await Owner.open();
    const obs = obsSession('studio', { app: 'nothing' });
    await owner.send(obs.hello);
    await owner.send(obs.connect);
    const [error] = await owner.commands(1);
    assert.equal(error?.[0], '_error');
    assert.equal(codeOf(error?.[3]), 'NetConnection.Connect.Rejected');
  });

  test('media that comes before the answer to publish is delivered after it', async () => {
    const owner = await Owner.open();
    const { promise, resolve } = Promise.withResolvers<void>();
    owner.answer = () => promise;
    const obs = obsSession('studio?key=ok_secret');
    for (const bytes of [obs.hello, obs.connect, obs.create]) await owner.send(bytes);
    await owner.send(Buffer.concat([obs.publish, obs.media.subarray(0, 300)]));
    assert.deepEqual(owner.messages, []);
    resolve();
    await turn();
    await owner.send(obs.media.subarray(300));
    assert.equal(owner.messages.length, 5);
  });

  test('a publisher that goes while its request waits is not published', async () => {
    const owner = await Owner.open();
    const { promise, resolve } = Promise.withResolvers<void>();
    owner.answer = () => promise;
    const obs = obsSession('studio?key=ok_secret');
    for (const bytes of [obs.hello, obs.connect, obs.create, obs.publish]) await owner.send(bytes);
    assert.equal(owner.requests[0]!.signal.aborted, false);
    owner.connection.destroy('server', 'test');
    assert.equal(owner.requests[0]!.signal.aborted, true);
    resolve();
    await turn();
    assert.deepEqual(owner.ends, ['the client closed the connection']);
    assert.equal(owner.connection.phase, 'closed');
  });

  test('an abrupt end, invalid RTMP and silence each end the publication once', async () => {
    using time = openVirtualTime();
    const obs = obsSession('studio?key=ok_secret');
    const publishing = async () => {
      const owner = await Owner.open();
      for (const bytes of [obs.hello, obs.connect, obs.create, obs.publish]) await owner.send(bytes);
      return owner;
    };
    const gone = await publishing();
    gone.client.destroy();
    const broken = await publishing();
    await broken.send(Buffer.of(0xc9));
    const silent = await publishing();
    silent.client.resume();
    await time.until('the end', () => silent.ends.length > 0);
    assert.equal(time.nowMs, 5000 + rtmpLimits.idleMs, 'the first check saw the bytes before it');
    await silent.left;
    while (gone.closed.length === 0) await turn();
    for (const { ends, closed } of [gone, broken, silent]) {
      assert.equal(ends.length, 1);
      assert.equal(closed.length, 1);
    }
    assert.equal((broken.closed[0]![2] as Error).name, 'FormatError');
    assert.match(silent.ends[0]!, /sent nothing/);
  });

  test('a connection that does not finish the handshake, or sends no command, is closed at its deadline', async () => {
    using time = openVirtualTime();
    const [slow, idle] = [await Owner.open(), await Owner.open()];
    const obs = obsSession('studio');
    await idle.send(Buffer.concat([obs.hello, obs.connect.subarray(0, 1536)]));
    for (const { client } of [slow, idle]) client.resume();
    const endOf = async ({ closed }: Owner) => {
      await time.until('the end', () => closed.length > 0);
      return time.nowMs;
    };
    assert.deepEqual([await endOf(slow), await endOf(idle)], [rtmpLimits.handshakeMs, rtmpLimits.commandMs]);
    await Promise.all([slow.left, idle.left]);
    assert.match(slow.closed[0]![1], /handshake took too long/);
    assert.match(idle.closed[0]![1], /no connect in time/);
  });

  test('a message above 64 KiB is refused before the client may publish', async () => {
    const owner = await Owner.open();
    const obs = obsSession('studio');
    await owner.send(obs.hello);
    await owner.send(Buffer.concat([obs.connect.subarray(0, 1536), Buffer.from('030000000100011400000000', 'hex')]));
    assert.match(String((owner.closed[0]![2] as Error).message), /limit 65536/);
  });

  test('a client that asks to play is refused with a status', async () => {
    const owner = await Owner.open();
    const obs = obsSession('studio');
    for (const bytes of [obs.hello, obs.connect]) await owner.send(bytes);
    const play = Buffer.from('0200 04706c6179 00 0000000000000000 05'.replaceAll(' ', ''), 'hex');
    const header = Buffer.from(`030000000000${play.length.toString(16)}1400000000`, 'hex');
    await owner.send(Buffer.concat([header, play]));
    assert.equal(codeOf((await owner.commands(2))[1]?.[3]), 'NetStream.Play.Failed');
  });
});

/** The size of metadata is not the point. */
const fixMetadata = (owner: Owner) => (message: string) =>
  message.startsWith('18 ') ? owner.messages.find((each) => each.startsWith('18 0 '))! : message;

suite('the client', () => {
  const target = (owner: Owner, more: Partial<RtmpTarget> = {}): RtmpTarget => ({
    url: 'rtmp://127.0.0.1/live/studio?key=ok_secret',
    connect: async () => owner.client,
    signal: new AbortController().signal,
    fourCcs: ['hvc1'],
    ...more,
  });

  test('publishes to the server, and leaves in order', async () => {
    const owner = await Owner.open();
    const client = await connectRtmp(target(owner));
    assert.deepEqual([...client.serverFourCcs], ['hvc1', 'av01', 'Opus']);
    await client.publish();
    assert.equal(owner.requests[0]?.playPath, 'studio?key=ok_secret');
    assert.equal(owner.requests[0]?.tcUrl, 'rtmp://127.0.0.1/live');
    assert.equal(client.write(9, 40, new Uint8Array(300_000)), true);
    await client.close();
    while (owner.ends.length === 0) await turn();
    assert.deepEqual(owner.messages, ['9 40 300000']);
    assert.deepEqual(owner.ends, ['the publisher left']);
  });

  test('reports a refusal with its code', async () => {
    const owner = await Owner.open();
    owner.answer = async () => {
      throw new RtmpRefusal('NetStream.Publish.BadName', 'The key is unknown.');
    };
    const client = await connectRtmp(target(owner));
    await assert.rejects(client.publish(), { name: 'RtmpRejected', code: 'NetStream.Publish.BadName' });
    await client.close();
    const other = await Owner.open();
    const rejected = connectRtmp(target(other, { url: 'rtmp://127.0.0.1/nothing/studio' }));
    await assert.rejects(rejected, { name: 'RtmpRejected', code: 'NetConnection.Connect.Rejected' });
  });

  test('connects again where the server leads it, if it has said that it can (Enhanced RTMP 2)', async () => {
    const ledTo: string[] = [];
    for (const [tcUrl, expected] of [
      [undefined, 'rtmp://127.0.0.1/live'],
      ['rtmp://other.example/live', 'rtmp://other.example/live'],
      ['/more', 'rtmp://127.0.0.1/more'],
      ['http://other.example/live', 'rtmp://127.0.0.1/live'],
    ] as const) {
      const owner = await Owner.open();
      const led = Promise.withResolvers<string>();
      const client = await connectRtmp(target(owner, { onReconnect: led.resolve }));
      assert.equal(owner.connection.requestReconnect('Again.', tcUrl), false, 'it publishes nothing yet');
      await client.publish();
      assert.equal(owner.connection.requestReconnect('Again.', tcUrl), true);
      ledTo.push(await led.promise);
      assert.equal(ledTo.at(-1), expected);
      // It is served until it leaves.
      client.write(9, 0, new Uint8Array(5));
      while (owner.messages.length === 0) await turn();
      await client.close();
    }
    const owner = await Owner.open();
    const client = await connectRtmp(target(owner));
    await client.publish();
    assert.equal(owner.connection.requestReconnect('Again.'), false);
    await client.close();
  });

  /** A publisher that has its answer, and whose stream is not there until `answer` is called. */
  async function acceptEarly() {
    const owner = await Owner.open();
    const { promise, resolve } = Promise.withResolvers<void>();
    owner.answer = () => promise;
    const client = await connectRtmp(target(owner));
    const publishing = client.publish();
    while (owner.requests.length === 0) await turn();
    owner.requests[0]!.accept();
    owner.requests[0]!.accept();
    await publishing;
    assert.equal(owner.connection.phase, 'publishing');
    return { owner, client, answer: resolve };
  }

  test('is accepted before its stream is there: what it sends is delivered then', async () => {
    for (const leaves of [false, true]) {
      const { owner, client, answer } = await acceptEarly();
      client.write(9, 40, new Uint8Array(5));
      if (leaves) void client.close();
      const isOver = () => (leaves ? owner.closed.length > 0 : owner.connection.totalBytes > 4000);
      while (!isOver()) {
        client.write(9, 80, new Uint8Array(3));
        await turn();
      }
      assert.deepEqual([owner.messages, owner.ends], [[], []]);
      answer();
      while (!leaves && owner.messages.length < 2) await turn();
      assert.deepEqual(owner.messages.slice(0, 2), leaves ? [] : ['9 40 5', '9 80 3']);
      assert.equal(owner.closed[0]?.[0], leaves ? 'left' : undefined);
      await client.close();
    }
  });

  test('is accepted before its stream is there: 16 MiB are held, and further ones wait at the sender', async () => {
    const { owner, client, answer } = await acceptEarly();
    const body = new Uint8Array(1_000_000);
    for (let sent = 0; sent < 24; sent++) {
      client.write(9, sent, body);
      const isTaken = () => client.queuedBytes === 0 || owner.connection.totalBytes > 16_800_000;
      while (!isTaken() && owner.closed.length === 0) await turn();
    }
    for (let turns = 0; turns < 100; turns++) await turn();
    assert.ok(owner.connection.totalBytes < 19_000_000, `${owner.connection.totalBytes} bytes were read`);
    assert.deepEqual([owner.messages, owner.closed], [[], []]);
    answer();
    while (owner.messages.length < 24) await turn();
    assert.deepEqual(
      owner.messages,
      Array.from({ length: 24 }, (_, sent) => `9 ${sent} 1000000`),
    );
    await client.close();
  });

  test('a server that does not read makes it pause, and then drop: its queue is bounded', async () => {
    const owner = await Owner.open();
    let drained = 0;
    const client = await connectRtmp(target(owner, { onDrain: () => drained++ }));
    await client.publish();
    const body = new Uint8Array(500_000);
    const taken = Array.from({ length: 40 }, () => client.write(9, 0, body));
    assert.equal(taken[0], true);
    assert.equal(taken.at(-1), false);
    assert.ok(client.queuedBytes < 9_000_000, `${client.queuedBytes} bytes wait`);
    while (drained === 0) await turn();
    assert.equal(client.write(9, 0, body), true);
    owner.client.destroy();
    assert.match(await client.closed, /closed/);
    assert.equal(client.write(9, 0, body), false);
  });

  test('an address is divided as encoders do', () => {
    assert.deepEqual(parseRtmpUrl('rtmps://user:pass@host:443/app/inst/key?a=/b'), {
      app: 'app/inst',
      tcUrl: 'rtmps://host:443/app/inst',
      playPath: 'key?a=/b',
    });
    assert.throws(() => parseRtmpUrl('rtmp://host/app'), { name: 'FormatError' });
    assert.throws(() => parseRtmpUrl('http://host/app/key'), { name: 'FormatError' });
  });
});
