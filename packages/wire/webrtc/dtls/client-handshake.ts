/**
 * The DTLS handshake as client.
 * In: messages of the server. Out: two flights, and a third one if the server requests a cookie. RFC 6347
 * 4.2.4.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { Handshake, HandshakeFailure, type HandshakeOptions, unexpected } from './handshake.ts';
import {
  type HandshakeMessage,
  handshakeType,
  parseCertificates,
  parseServerKeyExchange,
  printCertificates,
  printSignature,
} from './handshake-message.ts';
import { cipherSuite, P256, parseCookie, parseServerHello, printClientHello, signatureScheme, sized } from './hello.ts';
import { isSignedBy } from './key-agreement.ts';
import { DTLS_1_2 } from './record.ts';

/** The messages of the server, in order; a cookie may be requested before. */
const order = [
  'serverHello',
  'certificate',
  'serverKeyExchange',
  'certificateRequest',
  'serverHelloDone',
  'finished',
] as const;

/** The client's side. */
export class ClientHandshake extends Handshake {
  #at = 0;
  #hasCookie = false;
  /** The server wants a certificate: FFmpeg does not. */
  #isRequested = false;
  #shared: Uint8Array | undefined;

  constructor(options: HandshakeOptions) {
    super('client', options);
  }

  get awaits(): (typeof order)[number] | undefined {
    return order[this.#at];
  }

  start(): readonly HandshakeMessage[] {
    return [this.#hello(new Uint8Array())];
  }

  take(message: HandshakeMessage): readonly HandshakeMessage[] {
    const { type, body } = message;
    // CertificateRequest may be left out, RFC 5246 7.4.4.
    const isLeftOut = this.awaits === 'certificateRequest' && type === handshakeType.serverHelloDone;
    const awaits = isLeftOut ? 'serverHelloDone' : this.awaits;
    // A server requests a cookie once: requests of others must not keep the handshake from its end.
    if (awaits === 'serverHello' && type === handshakeType.helloVerifyRequest && !this.#hasCookie) {
      const cookie = parseCookie(body);
      this.#hasCookie = true;
      this.forget();
      return [this.#hello(cookie)];
    }
    if (!awaits || type !== handshakeType[awaits]) throw unexpected(message, awaits ?? 'none');
    const answer = this.attempt(() => this.#step(awaits, body, this.read(message)));
    this.#at = order.indexOf(awaits) + 1;
    return answer;
  }

  /** @param before the transcript before the message */
  #step(awaits: (typeof order)[number], body: Uint8Array, before: Uint8Array): readonly HandshakeMessage[] {
    switch (awaits) {
      case 'serverHello':
        this.#agree(body);
        return [];
      case 'certificate':
        this.check(parseCertificates(body));
        return [];
      case 'serverKeyExchange':
        this.#takeKey(body);
        return [];
      case 'certificateRequest':
        this.#isRequested = true;
        return [];
      case 'serverHelloDone':
        return this.#answer();
      case 'finished':
        this.checkFinished(body, before);
        return [];
    }
  }

  #hello(cookie: Uint8Array): HandshakeMessage {
    const body = printClientHello({
      version: DTLS_1_2,
      random: this.random,
      cookie,
      cipherSuites: [cipherSuite.ecdsa, cipherSuite.rsa],
      groups: [P256],
      signatures: [signatureScheme.ecdsa, signatureScheme.rsa],
      srtpProfiles: this.options.srtpProfiles.map(({ id }) => id),
      extendedMasterSecret: true,
      renegotiationInfo: true,
    });
    return this.write(handshakeType.clientHello, body);
  }

  #agree(body: Uint8Array): void {
    const server = parseServerHello(body);
    if (server.version !== DTLS_1_2) throw new HandshakeFailure('protocolVersion', 'the peer does not have DTLS 1.2');
    const profile = this.options.srtpProfiles.find(({ id }) => id === server.srtpProfile);
    const isOffered = server.cipherSuite === cipherSuite.ecdsa || server.cipherSuite === cipherSuite.rsa;
    if (!profile || !isOffered) throw new HandshakeFailure('illegalParameter', 'the peer chose what was not offered');
    const randoms = { client: this.random, server: server.random };
    this.agreed = { randoms, profile, isExtended: server.extendedMasterSecret };
  }

  #takeKey(body: Uint8Array): void {
    const exchange = parseServerKeyExchange(body);
    const { client, server } = this.agreed!.randoms;
    if (exchange.group !== P256) {
      throw new HandshakeFailure('illegalParameter', 'the peer chose a group that was not offered');
    }
    if (!isSignedBy(this.peerCertificate!, concatBytes([client, server, exchange.parameters]), exchange)) {
      throw new HandshakeFailure('decryptError', 'the peer does not have the key of its certificate');
    }
    this.#shared = this.keys.agree(exchange.publicKey);
  }

  #answer(): readonly HandshakeMessage[] {
    const { certificate } = this.options;
    const isRequested = this.#isRequested;
    const certificates = isRequested ? [this.write(handshakeType.certificate, printCertificates(certificate.der))] : [];
    const keyExchange = this.write(handshakeType.clientKeyExchange, sized(1, this.keys.publicKey));
    this.derive(this.#shared!);
    this.#shared = undefined;
    const verify = isRequested ? [this.#verify()] : [];
    return [...certificates, keyExchange, ...verify, this.writeFinished()];
  }

  #verify(): HandshakeMessage {
    const signature = printSignature(signatureScheme.ecdsa, this.signed(this.transcript));
    return this.write(handshakeType.certificateVerify, signature);
  }
}
