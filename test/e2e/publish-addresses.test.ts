/**
 * Publishers over IPv6, source-specific multicast, and RTMPS whose certificate is verified by encoders and by
 * relays.
 * In: real encoders, a certificate authority of the test. Out: streams that are live, and refusals.
 */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { RelayView } from '../../src/api/relay/relay-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { encode, ffmpegArgs, filmArgs, type Sender, startSender } from '../fixtures/encoder.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { createPush, endRecording, post, recordedPictures } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'a-token-for-this-test';
const SECONDS = 6;
/** A group for source-specific multicast (RFC 4607). */
const SSM_GROUP = '232.1.77.7';
const hasIpv6 = Object.values(networkInterfaces()).some((all) => all!.some(({ address }) => address === '::1'));

suite('addresses of publishers', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;
  let pictures: string[];

  before(async () => {
    folder = opened.use(await openFolder('addresses'));
    film = await encode([...filmArgs(SECONDS), '-bf', '0'], join(folder.path, 'film.ts'));
    pictures = await pictureHashes(film);
    const args = hasIpv6 ? ['--rtmp', '[::1]:0', '--srt', '[::1]:0'] : [];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken: TOKEN, args }));
  });
  after(() => opened.disposeAsync());

  const start = (format: string, url: string, more: readonly string[] = []): Sender => {
    const args = ffmpegArgs(film, format, url);
    const sender = startSender('ffmpeg', [...args.slice(0, -1), ...more, url]);
    opened.defer(() => void sender.child.kill('SIGKILL'));
    return sender;
  };
  /** Publishes the film; the recording has all of it, but for the end that the client does not send. */
  const records = async (name: string, sender: Sender, lost = 0) => {
    const { code, stderr } = await sender.ended;
    assert.equal(code, 0, stderr);
    await endRecording(server, name, SECONDS - 0.1 - lost / 25);
    const sure = pictures.length - lost;
    assert.deepEqual((await recordedPictures(server, name)).slice(0, sure), pictures.slice(0, sure));
  };

  test('RTMP over IPv6', { skip: hasIpv6 ? false : 'there is no ::1' }, async () => {
    const key = await createPush(server, 'rtmp6');
    assert.match(server.ingest.rtmp!, /^rtmp:\/\/\[::1\]:\d+\/live$/);
    await records('rtmp6', start('flv', `${server.ingest.rtmp}/rtmp6?key=${key}`));
  });

  test('SRT over IPv6', { skip: hasIpv6 ? false : 'there is no ::1' }, async () => {
    const key = await createPush(server, 'srt6');
    assert.match(server.ingest.srt!, /^srt:\/\/\[::1\]:\d+$/);
    await records('srt6', start('mpegts', `${server.ingest.srt}?streamid=publish:srt6:${key}`), 15);
  });

  test('UDP over IPv6', { skip: hasIpv6 ? false : 'there is no ::1' }, async () => {
    const port = await freeUdpPort();
    await post(server, '/streams', { name: 'udp6', source: { type: 'pull', url: `udp://[::1]:${port}` } });
    await records('udp6', start('mpegts', `udp://[::1]:${port}?pkt_size=1316`));
  });

  test('source-specific multicast: the group has the packets of the chosen sender alone', async () => {
    const port = await freeUdpPort();
    const url = `udp://@${SSM_GROUP}:${port}?interface=127.0.0.1&sender=127.0.0.1`;
    await post(server, '/streams', { name: 'ssm', source: { type: 'pull', url } });
    await records('ssm', start('mpegts', `udp://${SSM_GROUP}:${port}?pkt_size=1316&localaddr=127.0.0.1`));
    const foreign = `udp://@${SSM_GROUP}:${port}?interface=127.0.0.1&sender=127.0.0.2`;
    await post(server, '/streams', { name: 'foreign', source: { type: 'pull', url: foreign } });
    await start('mpegts', `udp://${SSM_GROUP}:${port}?pkt_size=1316&localaddr=127.0.0.1`).ended;
    assert.equal((await server.json<StreamView>('/api/v1/streams/foreign')).recorded.seconds, 0);
  });

  suite('RTMPS', { skip: need('openssl') }, () => {
    let target: Server;
    let cert: string;
    let wrong: string;

    before(async () => {
      const own = await makeCertificate(folder.path, 'own');
      cert = own.cert;
      wrong = (await makeCertificate(folder.path, 'wrong')).cert;
      const args = ['--tls-cert', own.cert, '--tls-key', own.key, '--rtmps', '127.0.0.1:0'];
      // Requests of this process to the API, which has the same certificate.
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      target = opened.use(await startServer({ data: join(folder.path, 'tls'), adminToken: TOKEN, args }));
    });
    after(() => {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    });

    test('an encoder that verifies the certificate publishes, and refuses a server with another one', async () => {
      const key = await createPush(target, 'verified');
      const url = `${target.ingest.rtmps}/verified?key=${key}`;
      const refused = await start('flv', url, ['-tls_verify', '1', '-ca_file', wrong]).ended;
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /certificate|verif/i);
      const sender = start('flv', url, ['-tls_verify', '1', '-ca_file', cert]);
      await target.stream('verified');
      assert.equal((await sender.ended).code, 0);
      await endRecording(target, 'verified', SECONDS - 0.1);
      assert.deepEqual(await recordedPictures(target, 'verified'), pictures);
    });

    test('GStreamer, which verifies by itself, refuses a certificate that no authority signed', {
      skip: need('gst-launch-1.0'),
    }, async () => {
      const key = await createPush(target, 'doubted');
      const location = `location=${target.ingest.rtmps}/doubted?key=${key}`;
      const { code, stderr } = await startSender('gst-launch-1.0', [
        ...['-q', 'filesrc', `location=${film}`, '!', 'tsdemux', '!', 'h264parse', '!', 'flvmux', 'streamable=true'],
        ...['!', 'rtmp2sink', location],
      ]).ended;
      assert.notEqual(code, 0);
      assert.match(stderr, /Unacceptable TLS certificate/);
    });

    test('a relay verifies the certificate of its target', async () => {
      const key = await createPush(target, 'relayed');
      const url = `${target.ingest.rtmps}/relayed?key=${key}`;
      // Of these processes alone: requests of tests beside this one do not verify.
      const open = async (name: string, more: NodeJS.ProcessEnv) => {
        const env = { NODE_TLS_REJECT_UNAUTHORIZED: undefined, ...more };
        return opened.use(
          await startServer({ data: join(folder.path, name), adminToken: TOKEN, ingest: ['rtmp'], env }),
        );
      };
      const knowing = await open('knowing', { NODE_EXTRA_CA_CERTS: cert });
      const doubting = await open('doubting', {});
      const relays = async (from: Server) =>
        (await from.json<{ items: RelayView[] }>('/api/v1/streams/cam/relays')).items;
      const publish = async (from: Server) => {
        const own = await createPush(from, 'cam');
        await post(from, '/streams/cam/relays', { url, label: 'test' });
        return start('flv', `${from.ingest.rtmp}/cam?key=${own}`);
      };
      const refused = await publish(doubting);
      const failed = await until('the relay fails', async () =>
        (await relays(doubting)).find(({ state }) => state === 'failed'),
      );
      assert.match(JSON.stringify(failed), /certificate|self.signed/i);
      await refused.ended;
      const sender = await publish(knowing);
      await until('the relay is live', async () => (await relays(knowing))[0]?.state === 'live');
      assert.equal((await sender.ended).code, 0);
      await endRecording(target, 'relayed', SECONDS - 4);
      const ours = await recordedPictures(target, 'relayed');
      const first = pictures.indexOf(ours[0]!);
      assert.ok(first >= 0 && first <= 100 && first % 25 === 0, `begins with picture ${first}`);
      assert.deepEqual(ours.slice(0, pictures.length - first - 1), pictures.slice(first, -1));
    });
  });
});
