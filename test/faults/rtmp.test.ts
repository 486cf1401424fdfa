import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { ChunkWriter } from '@oxbow/wire/rtmp/chunk-writer';
import { obsSession } from '@oxbow/wire/rtmp/obs.fixture';
import type { StreamView } from '../../src/api/shapes.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { makeFilm, publishByFfmpeg } from '../fixtures/publishers/publishers.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

const TOKEN = 'a-token-for-this-test';
const CONNECTIONS = 1000;

suite('attacks on the RTMP port while a publisher publishes', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  const sockets = new Set<Socket>();
  let folder: Folder;
  let server: Server;
  let port: number;
  const film = () => join(folder.path, 'film.mp4');

  before(async () => {
    folder = opened.use(await openFolder('rtmp-attacks'));
    await makeFilm(film(), { seconds: 6 });
    // All come from one address here.
    const args = ['--rtmp-limits-per-address', '5000', '--rtmp-limits-connections', '5000'];
    const data = join(folder.path, 'data');
    server = opened.use(await startPlainServer({ data, adminToken: TOKEN, ingest: ['rtmp'], args }));
    port = Number(new URL(server.ingest.rtmp!.replace('rtmp:', 'http:')).port);
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await opened.disposeAsync();
  });

  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    await once(socket, 'connect');
    return socket;
  };
  const createStream = async (name: string): Promise<string> => {
    const post = async (path: string, body: object) => {
      const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      return (await server.fetch(`/api/v1${path}`, options)).json();
    };
    await post('/streams', { name, source: { type: 'push' } });
    const { key } = (await post(`/streams/${name}/keys`, { label: 'test' })) as { key: string };
    return `${server.ingest.rtmp}/${name}?key=${key}`;
  };
  /** Publishes the film while `attack` runs; all of it must be recorded. */
  const survives = async (name: string, attack: () => Promise<void>) => {
    await using publisher = publishByFfmpeg(film(), await createStream(name));
    await server.stream(name, 'live');
    await attack();
    assert.equal(await publisher.ended, 0, publisher.stderr);
    const { recorded } = await until('the film is recorded', async () => {
      const view = await server.json<StreamView>(`/api/v1/streams/${name}`);
      return view.recorded.seconds >= 5.9 && view;
    });
    const [from, to] = [Date.parse(recorded.from!), Date.parse(recorded.to!)];
    const pictures = await pictureHashes(`${server.url}/clip/${name}/${from}/${to}.mp4`);
    assert.deepEqual(pictures, await pictureHashes(film()));
    assert.deepEqual(server.log('error'), []);
    const metrics = await (await server.fetch('/metrics')).text();
    assert.match(metrics, /^oxbow_bugs_total 0$/m);
  };

  fullTest(
    `${CONNECTIONS} half-open connections cost a publisher nothing, and another one can still connect`,
    async () => {
      await survives('crowded', async () => {
        for (let i = 0; i < CONNECTIONS; i++) (await open()).write(Buffer.of(3));
        // Closed to make room: the oldest.
        await until('the oldest are closed', () => sockets.size <= 600);
        const { hello } = obsSession('none');
        const encoder = await open();
        encoder.write(hello);
        const [answer] = (await once(encoder, 'data')) as [Buffer];
        assert.equal(answer[0], 3);
      });
      for (const socket of sockets) socket.destroy();
    },
  );

  test('other protocols, random bytes, size attacks and AMF bombs are disconnected one by one', async () => {
    const random = seeded(7);
    const obs = obsSession('studio');
    const shaken = Buffer.concat([obs.hello, obs.connect.subarray(0, 1536)]);
    const connected = Buffer.concat([obs.hello, obs.connect, obs.create]);
    const message = (type: number, body: Uint8Array) => new ChunkWriter().print(type, 0, 0, body);
    // Arrays within arrays; references that double.
    const deep = Buffer.concat([Buffer.from('020007636f6e6e656374003ff0000000000000', 'hex'), nested(200)]);
    const bomb = Buffer.concat([Buffer.from('020007636f6e6e656374003ff0000000000000', 'hex'), doubled(30)]);
    const attacks: readonly Buffer[] = [
      Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      Buffer.from('16030100a50100', 'hex'),
      Buffer.from(Array.from({ length: 5000 }, (_, i) => (i === 0 ? 3 : random(256)))),
      Buffer.concat([shaken, Buffer.from('03000000ffffff1400000000', 'hex')]),
      Buffer.concat([shaken, Buffer.from('0200000000000401000000007fffffff', 'hex'), Buffer.from('c9', 'hex')]),
      Buffer.concat([shaken, message(20, deep)]),
      Buffer.concat([shaken, message(20, bomb)]),
      Buffer.concat([connected, obs.connect.subarray(1536)]),
      ...Array.from({ length: perTier({ first: 4, full: 20 }) }, () => {
        const bytes = Buffer.concat([obs.hello, obs.connect, obs.create, obs.publish]);
        for (let k = 0; k < 20; k++) bytes[3073 + random(bytes.length - 3073)] = random(256);
        return Buffer.concat([bytes, Buffer.from(Array.from({ length: 400 }, () => random(256)))]);
      }),
    ];
    await survives('attacked', async () => {
      for (const attack of attacks) {
        const socket = await open();
        socket.resume();
        for (const byte of attack) socket.write(Buffer.of(byte));
        socket.end();
        // The server may reset it while bytes are on their way.
        const { promise, resolve } = Promise.withResolvers<void>();
        if (socket.closed) resolve();
        else socket.once('close', () => resolve());
        await promise;
      }
    });
  });

  fullTest('a client that sends pings and reads nothing is disconnected', async () => {
    await survives('pinged', async () => {
      const obs = obsSession('studio');
      const socket = await open();
      socket.write(Buffer.concat([obs.hello, obs.connect]));
      socket.pause();
      const ping = Buffer.from('02000000000006040000000000060000000a', 'hex');
      const many = Buffer.concat(Array.from({ length: 5000 }, () => ping));
      await until('the server closes it', () => {
        if (!socket.destroyed && socket.writableLength < 1_000_000) socket.write(many);
        return socket.destroyed;
      });
    });
  });
});

/** Arrays within arrays, AMF0. */
function nested(depth: number): Buffer {
  return Buffer.concat(Array.from({ length: depth }, () => Buffer.from('0a00000001', 'hex')));
}

/** Arrays that each have the one before them twice, AMF0. */
function doubled(count: number): Buffer {
  const arrays = Array.from({ length: count }, (_, i) => Buffer.from([10, 0, 0, 0, 2, 7, 0, i, 7, 0, i]));
  return Buffer.concat([Buffer.from('0a0000000105', 'hex'), ...arrays]);
}
