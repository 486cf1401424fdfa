import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { RelayView } from '../../src/api/relay/relay-shapes.ts';
import { encode, ffmpegArgs, filmArgs, type Sender, saveRecording, send, startSender } from '../fixtures/encoder.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, isFull, perTier } from '../full.ts';

const SECONDS = perTier({ first: 5, full: 8 });
const protocols = firstOf(1, ['rtmp', 'srt'] as const);
/** Longer than the tests on a busy machine: for publishers that the test ends. */
const LONG_SECONDS = 50;
const TOKEN = 'a-token-for-this-test';
const NGINX_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
const noNginx = need('ffmpeg') || (pathOf('nginx') && existsSync(NGINX_MODULE) ? false : 'nginx-rtmp is not installed');

/**
 * The pictures are those of the film from one of its key frames to its end, less what the end of a sender may
 * cost.
 */
function assertRest(ours: readonly string[], film: readonly string[], lostAtEnd = 0): void {
  const first = film.indexOf(ours[0]!);
  assert.ok(first >= 0 && first % 25 === 0 && first <= film.length / 2, `begins at picture ${first}`);
  assert.deepEqual(ours.slice(0, film.length - first - lostAtEnd), film.slice(first, film.length - lostAtEnd));
}

suite('relays', { skip: need('ffmpeg'), concurrency: false }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let source: Server;
  let target: Server;
  let film: string;
  let longFilm: string;
  let pictures: string[];
  let longPictures: string[];

  before(async () => {
    folder = opened.use(await openFolder('relay'));
    film = await encode(filmArgs(SECONDS), join(folder.path, 'film.ts'));
    pictures = await pictureHashes(film);
    if (isFull) {
      longFilm = await encode(filmArgs(LONG_SECONDS), join(folder.path, 'long.ts'));
      longPictures = await pictureHashes(longFilm);
    }
    [source, target] = [await open('source'), await open('target')];
  });
  after(() => opened.disposeAsync());

  // A busy machine repairs late what a full receive buffer loses.
  const open = async (name: string) => {
    const options = { data: join(folder.path, name), adminToken: TOKEN, args: ['--srt-latency', '5s'] };
    return opened.use(await startPlainServer({ ...options, ingest: ['rtmp', 'srt'] }));
  };
  const call = async <T>(server: Server, method: string, path: string, body?: object): Promise<T> => {
    const headers = body ? { 'content-type': 'application/json' } : {};
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await server.fetch(`/api/v1${path}`, init);
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  /** Creates a push stream; returns its key. */
  const create = async (server: Server, name: string): Promise<string> => {
    await call(server, 'POST', '/streams', { name, source: { type: 'push' } });
    return (await call<CreatedPublishKey>(server, 'POST', `/streams/${name}/keys`, {})).key;
  };
  const relay = (name: string, url: string) =>
    call<RelayView>(source, 'POST', `/streams/${name}/relays`, { url, label: 'test' });
  const relays = async (name: string) =>
    (await call<{ items: RelayView[] }>(source, 'GET', `/streams/${name}/relays`)).items;
  const relayIs = (name: string, state: RelayView['state']) =>
    until(`a relay of ${name} is ${state}`, async () => (await relays(name))[0]?.state === state);
  const publish = (name: string, key: string): Promise<void> =>
    send('ffmpeg', ffmpegArgs(film, 'flv', `${source.ingest.rtmp}/${name}?key=${key}`));
  /** Publishes the long film; the function that it returns ends that. */
  const publishLong = (name: string, key: string) => {
    const { child, ended } = startSender(
      'ffmpeg',
      ffmpegArgs(longFilm, 'flv', `${source.ingest.rtmp}/${name}?key=${key}`),
    );
    return async () => {
      child.kill();
      await ended;
    };
  };

  /** Resolves when two seconds of the long film have been sent since the call. */
  const sent = async (name: string) => {
    const bytes = async () => (await relays(name))[0]!.sentBytes;
    const before = await bytes();
    const wanted = 2 * ((await stat(longFilm)).size / LONG_SECONDS);
    await until('two seconds are relayed', async () => (await bytes()) > before + wanted, { everyMs: 200 });
  };

  // Each sends in real time.
  suite('send', { concurrency: true }, () => {
    test(`to another oxbow over ${protocols.join(' and ')}: every picture from a key frame on`, async () => {
      const key = await create(source, 'cam');
      const secrets: string[] = [];
      for (const protocol of protocols) {
        const own = await create(target, `by-${protocol}`);
        const { rtmp, srt } = target.ingest;
        const url = protocol === 'rtmp' ? `${rtmp}/by-rtmp?key=${own}` : `${srt}?streamid=publish:by-srt:${own}`;
        await relay('cam', url);
        secrets.push(own);
      }
      const publishing = publish('cam', key);
      await until('all relays are live', async () => (await relays('cam')).every(({ state }) => state === 'live'));
      await publishing;
      const views = await relays('cam');
      assert.deepEqual(
        views.map(({ lostFrames }) => lostFrames),
        protocols.map(() => 0),
      );
      for (const name of protocols.map((protocol) => `by-${protocol}`)) {
        const recorded = await saveRecording(target, name, join(folder.path, `${name}.ts`));
        // The last picture of MPEG-TS waits for its successor.
        assertRest(await pictureHashes(recorded), pictures, name === 'by-srt' ? 15 : 1);
      }
      const said = JSON.stringify([views, source.log(), await relays('cam')]) + source.stderr;
      assert.ok(
        secrets.every((secret) => !said.includes(secret)),
        'no key is shown or logged',
      );
    });

    fullTest('to ffmpeg that listens; a target that is not there is tried again until it is', async () => {
      const key = await create(source, 'late');
      const port = await freePort();
      await relay('late', `rtmp://127.0.0.1:${port}/live/${'k'.repeat(12)}`);
      const endPublishing = publishLong('late', key);
      await relayIs('late', 'failed');
      const path = join(folder.path, 'late.flv');
      const url = `rtmp://127.0.0.1:${port}/live/${'k'.repeat(12)}`;
      const listening = startSender('ffmpeg', ['-v', 'error', '-y', '-listen', '1', '-i', url, '-c', 'copy', path]);
      await relayIs('late', 'live');
      await sent('late');
      await endPublishing();
      await call(source, 'POST', '/streams/late/stop');
      await until('the target has ended', async () => {
        const [one] = await relays('late');
        return one?.state !== 'live';
      });
      assert.equal((await listening.ended).code, 0);
      const ours = (await pictureHashes(path)).slice(0, -5); // the last ones in decode order
      const first = longPictures.indexOf(ours[0]!);
      // Any group of pictures: the first one is still on the air if the relay is quick.
      assert.ok(first >= 0 && first % 25 === 0, `begins at picture ${first}`);
      assert.deepEqual(ours, longPictures.slice(first, first + ours.length));
      assert.ok(ours.length >= 20, `${ours.length} pictures`);
    });

    fullTest('to nginx-rtmp, which is killed and returns: the relay is live again', { skip: noNginx }, async () => {
      const key = await create(source, 'again');
      const port = await freePort();
      const start = () => startNginx(join(folder.path, 'nginx'), port);
      const first = await start();
      await relay('again', `rtmp://127.0.0.1:${port}/live/again`);
      const endPublishing = publishLong('again', key);
      await relayIs('again', 'live');
      first.child.kill('SIGTERM');
      await first.ended;
      await relayIs('again', 'failed');
      const second = await start();
      await relayIs('again', 'live');
      await sent('again');
      await endPublishing();
      second.child.kill('SIGTERM');
      await second.ended;
      const recorded = await saveRecording(source, 'again', join(folder.path, 'again.ts'));
      const ours = await pictureHashes(recorded);
      const sure = ours.length - 5; // the last ones in decode order
      assert.ok(sure > 20, `${sure} pictures`);
      assert.deepEqual(ours.slice(0, sure), longPictures.slice(0, sure));
    });

    fullTest('to srt-live-transmit that listens', { skip: need('srt-live-transmit') }, async () => {
      const key = await create(source, 'transmit');
      const port = await freeUdpPort();
      const path = join(folder.path, 'transmit.ts');
      const listening = startSender('sh', [
        '-c',
        `exec srt-live-transmit -q -chunk:1316 'srt://127.0.0.1:${port}?mode=listener' file://con > '${path}'`,
      ]);
      await relay('transmit', `srt://127.0.0.1:${port}?latency=1000`);
      const endPublishing = publishLong('transmit', key);
      await relayIs('transmit', 'live');
      await sent('transmit');
      await endPublishing();
      // The relay keeps its connection for ten seconds: all packets come through.
      await settled(path);
      await call(source, 'POST', '/streams/transmit/stop');
      listening.child.kill('SIGTERM');
      await listening.ended;
      await writeFile(path, withoutEnds(await readFile(path)));
      const ours = (await pictureHashes(path)).slice(0, -5);
      const first = longPictures.indexOf(ours[0]!);
      assert.ok(first >= 0 && first % 25 === 0, `begins at picture ${first}`);
      assert.deepEqual(ours, longPictures.slice(first, first + ours.length));
      assert.ok(ours.length >= 20, `${ours.length} pictures`);
    });
  });

  fullTest(
    'a relay of the stream to itself is refused; disabling and deleting end it; a restart keeps it',
    async () => {
      await create(source, 'own');
      const rtmp = source.ingest.rtmp!;
      for (const url of [`${rtmp}/own?key=ok_x`, `${rtmp}/ok_x`, `${source.ingest.srt}?streamid=publish:own:ok_x`]) {
        const response = await source.fetch('/api/v1/streams/own/relays', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ url }),
        });
        assert.equal(response.status, 409, url);
        assert.equal(((await response.json()) as { code: string }).code, 'relay-loop');
      }
      const { id } = await relay('own', `${rtmp}/other?key=ok_x`);
      const disabled = await call<RelayView>(source, 'PATCH', `/streams/own/relays/${id}`, { enabled: false });
      assert.deepEqual([disabled.enabled, disabled.state, disabled.label], [false, 'stopped', 'test']);
      await source.stop();
      source = await open('source');
      assert.deepEqual(
        (await relays('own')).map((one) => [one.id, one.enabled, one.target]),
        [[id, false, disabled.target]],
      );
      await call(source, 'DELETE', `/streams/own/relays/${id}`);
      assert.deepEqual(await relays('own'), []);
    },
  );
});

/** MPEG-TS without the last PES packet of each PID: the connection may end within it. */
function withoutEnds(bytes: Buffer): Buffer {
  const starts = Array.from({ length: Math.floor(bytes.length / 188) }, (_, i) => 188 * i);
  const pidAt = (at: number) => bytes.readUInt16BE(at + 1) & 0x1fff;
  const last = new Map(starts.filter((at) => (bytes[at + 1]! & 0x40) !== 0).map((at) => [pidAt(at), at]));
  return Buffer.concat(starts.filter((at) => at < last.get(pidAt(at))!).map((at) => bytes.subarray(at, at + 188)));
}

/** Size of a file once it has not grown for two seconds. */
async function settled(path: string): Promise<number> {
  let before = -1;
  let looks = 0;
  return until(
    `${path} is complete`,
    async () => {
      const { size } = await stat(path);
      looks = size === before ? looks + 1 : 0;
      before = size;
      return size > 0 && looks >= 8 && size;
    },
    { everyMs: 250 },
  );
}

/** nginx with the module for RTMP. */
async function startNginx(folder: string, port: number): Promise<Sender> {
  await mkdir(folder, { recursive: true });
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const config = `load_module ${NGINX_MODULE}; ${user} daemon off; worker_processes 1; error_log stderr crit;
pid ${folder}/nginx.pid; events {} rtmp { server { listen 127.0.0.1:${port}; application live { live on; } } }`;
  const path = join(folder, 'nginx.conf');
  await writeFile(path, config);
  return startSender(pathOf('nginx')!, ['-p', folder, '-c', path, '-e', 'stderr']);
}
