/**
 * The DTLS of WebRTC against OpenSSL, in both roles and with certificates of both kinds.
 * In: `openssl s_server` and `openssl s_client`. Out: the key material that both sides export. RFC 6347,
 * RFC 5764, RFC 5705.
 */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createCertificate } from '@oxbow/wire/webrtc/dtls/certificate';
import { DtlsConnection } from '@oxbow/wire/webrtc/dtls/dtls-connection';
import type { SrtpSecrets } from '@oxbow/wire/webrtc/dtls/handshake';
import { AES_CM, AES_GCM } from '@oxbow/wire/webrtc/srtp/packet-cipher';
import { need } from '../fixtures/need.ts';

const keys = {
  ECDSA: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  RSA: ['-newkey', 'rsa:2048'],
} as const;

const profiles = [
  { name: 'SRTP_AEAD_AES_128_GCM', profile: AES_GCM },
  { name: 'SRTP_AES128_CM_SHA1_80', profile: AES_CM },
] as const;

/** OpenSSL with its own certificate, and what it prints. */
class Program implements Disposable {
  readonly fingerprint: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'oxbow-dtls-'));
  #process: ChildProcessWithoutNullStreams | undefined;
  #output = '';

  constructor(kind: keyof typeof keys) {
    const [key, certificate] = [this.#file('key.pem'), this.#file('certificate.pem')];
    const request = ['req', '-x509', '-nodes', '-subj', '/CN=peer', '-days', '2', '-keyout', key, '-out', certificate];
    execFileSync('openssl', [...request, ...keys[kind]], { stdio: 'pipe' });
    this.fingerprint = new X509Certificate(readFileSync(certificate)).fingerprint256;
  }

  start(command: readonly string[]): void {
    const identity = ['-cert', this.#file('certificate.pem'), '-key', this.#file('key.pem')];
    const exported = ['-keymatexport', 'EXTRACTOR-dtls_srtp', '-keymatexportlen', '60'];
    this.#process = spawn('openssl', [...command, '-dtls1_2', ...identity, ...exported]);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString('latin1');
      });
    }
  }

  /** The first match in what it prints. */
  async prints(pattern: RegExp): Promise<string> {
    const running = this.#process!;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match[1]!;
      if (running.exitCode !== null) assert.fail(`openssl has ended: ${this.#output}`);
      await Promise.race([once(running.stdout, 'data'), once(running.stderr, 'data'), once(running, 'exit')]);
    }
  }

  [Symbol.dispose](): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

const certificate = createCertificate(Date.now());

/** A DTLS connection on a separate UDP socket. */
async function open(role: 'client' | 'server', isPeer: (fingerprint: string) => boolean) {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const connected = Promise.withResolvers<SrtpSecrets>();
  const closed = Promise.withResolvers<string | undefined>();
  let remotePort = 0;
  const connection = new DtlsConnection({
    role,
    certificate,
    isPeer,
    srtpProfiles: [AES_GCM, AES_CM],
    send: (datagram) => socket.send(datagram, remotePort, '127.0.0.1'),
    onConnected: connected.resolve,
    onClosed: (reason) => {
      closed.resolve(reason);
      connected.reject(new Error(reason));
    },
  });
  connected.promise.catch(() => {}); // a test that awaits `closed` does not await this
  const timer = setInterval(() => connection.tick(performance.now()), 50);
  socket.on('message', (datagram, { port }) => {
    remotePort = port;
    connection.receive(datagram);
  });
  return {
    port: socket.address().port,
    connected: connected.promise,
    closed: closed.promise,
    connection,
    start: (port: number) => {
      remotePort = port;
      connection.start();
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}

/** The key material in the order of RFC 5764 4.2. */
function materialOf({ local, remote }: SrtpSecrets, role: 'client' | 'server'): string {
  const [client, server] = role === 'client' ? [local, remote] : [remote, local];
  return Buffer.concat([client.key, server.key, client.salt, server.salt]).toString('hex').toUpperCase();
}

suite('DTLS with OpenSSL', { skip: need('openssl') }, () => {
  for (const kind of ['ECDSA', 'RSA'] as const) {
    for (const { name, profile } of profiles) {
      test(`as client of a server with ${kind}, which requests a cookie; ${name}`, async () => {
        using program = new Program(kind);
        using own = await open('client', (fingerprint) => fingerprint === program.fingerprint);
        program.start(['s_server', '-accept', '127.0.0.1:0', '-Verify', '1', '-use_srtp', name]);
        own.start(Number(await program.prints(/ACCEPT 127\.0\.0\.1:(\d+)/)));
        const secrets = await own.connected;
        assert.equal(secrets.profile, profile.id);
        const material = await program.prints(/Keying material: ([0-9A-F]{120})/);
        assert.ok(material.startsWith(materialOf(secrets, 'client')));
      });

      test(`as server of a client with ${kind}; ${name}`, async () => {
        using program = new Program(kind);
        using own = await open('server', (fingerprint) => fingerprint === program.fingerprint);
        program.start(['s_client', '-connect', `127.0.0.1:${own.port}`, '-use_srtp', name]);
        const secrets = await own.connected;
        assert.equal(secrets.profile, profile.id);
        const material = await program.prints(/Keying material: ([0-9A-F]{120})/);
        assert.ok(material.startsWith(materialOf(secrets, 'server')));
        own.connection.close();
        await program.prints(/(closed)/);
      });
    }
  }

  test('a client in small datagrams, whose messages are fragments', async () => {
    using program = new Program('RSA');
    using own = await open('server', (fingerprint) => fingerprint === program.fingerprint);
    program.start(['s_client', '-connect', `127.0.0.1:${own.port}`, '-use_srtp', profiles[0].name, '-mtu', '256']);
    const material = materialOf(await own.connected, 'server');
    assert.ok((await program.prints(/Keying material: ([0-9A-F]{120})/)).startsWith(material));
  });

  test('as client of a server that requests no certificate, as FFmpeg does', async () => {
    using program = new Program('ECDSA');
    using own = await open('client', (fingerprint) => fingerprint === program.fingerprint);
    program.start(['s_server', '-accept', '127.0.0.1:0', '-use_srtp', profiles[0].name]);
    own.start(Number(await program.prints(/ACCEPT 127\.0\.0\.1:(\d+)/)));
    const material = materialOf(await own.connected, 'client');
    assert.ok((await program.prints(/Keying material: ([0-9A-F]{120})/)).startsWith(material));
  });

  for (const role of ['client', 'server'] as const) {
    test(`as ${role}, a certificate that is not the one of the SDP is refused, and OpenSSL gets the alert`, async () => {
      using program = new Program('ECDSA');
      using own = await open(role, () => false);
      if (role === 'client') {
        program.start(['s_server', '-accept', '127.0.0.1:0', '-Verify', '1', '-use_srtp', profiles[0].name]);
        own.start(Number(await program.prints(/ACCEPT 127\.0\.0\.1:(\d+)/)));
      } else program.start(['s_client', '-connect', `127.0.0.1:${own.port}`, '-use_srtp', profiles[0].name]);
      assert.match((await own.closed)!, /not the one of its SDP/);
      await program.prints(/(alert bad certificate)/);
    });
  }
});
