/**
 * The DTLS handshake as server. No cookie is requested, because ICE has checked the address of the client.
 * In: messages of the client. Out: two flights. RFC 6347 4.2.4.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { Handshake, HandshakeFailure, type HandshakeOptions, unexpected } from './handshake.ts';
import {
  certificateRequest,
  type HandshakeMessage,
  handshakeType,
  parseCertificates,
  parseClientKey,
  parseSignature,
  printCertificates,
  printKeyParameters,
  printSignature,
} from './handshake-message.ts';
import { cipherSuite, P256, parseClientHello, printServerHello, signatureScheme } from './hello.ts';
import { isSignedBy } from './key-agreement.ts';
import { DTLS_1_2 } from './record.ts';

/** The messages of the client, in order. */
const order = ['clientHello', 'certificate', 'clientKeyExchange', 'certificateVerify', 'finished'] as const;

/** The server's side. */
export class ServerHandshake extends Handshake {
  #at = 0;

  constructor(options: HandshakeOptions) {
    super('server', options);
  }

  get awaits(): (typeof order)[number] | undefined {
    return order[this.#at];
  }

  start(): readonly HandshakeMessage[] {
    return [];
  }

  take(message: HandshakeMessage): readonly HandshakeMessage[] {
    const { awaits } = this;
    if (!awaits || message.type !== handshakeType[awaits]) throw unexpected(message, awaits ?? 'none');
    const answer = this.attempt(() => this.#step(awaits, message.body, this.read(message)));
    this.#at++;
    return answer;
  }

  /** @param before the transcript before the message */
  #step(awaits: (typeof order)[number], body: Uint8Array, before: Uint8Array): readonly HandshakeMessage[] {
    switch (awaits) {
      case 'clientHello':
        return this.#accept(body);
      case 'certificate':
        this.check(parseCertificates(body));
        return [];
      case 'clientKeyExchange':
        this.derive(this.keys.agree(parseClientKey(body)));
        return [];
      case 'certificateVerify':
        if (isSignedBy(this.peerCertificate!, before, parseSignature(body))) return [];
        throw new HandshakeFailure('decryptError', 'the peer does not have the key of its certificate');
      case 'finished':
        this.checkFinished(body, before);
        return [this.writeFinished()];
    }
  }

  #accept(body: Uint8Array): readonly HandshakeMessage[] {
    const client = parseClientHello(body);
    const { certificate, srtpProfiles } = this.options;
    // Numbers of DTLS versions decrease.
    if (client.version > DTLS_1_2) throw new HandshakeFailure('protocolVersion', 'the peer does not have DTLS 1.2');
    const hasGroup = client.groups.length === 0 || client.groups.includes(P256);
    const hasSignature = client.signatures.length === 0 || client.signatures.includes(signatureScheme.ecdsa);
    if (!client.cipherSuites.includes(cipherSuite.ecdsa) || !hasGroup || !hasSignature) {
      const reason = 'the peer does not offer ECDHE on P-256 with ECDSA and AES-128-GCM';
      throw new HandshakeFailure('handshakeFailure', reason);
    }
    const profile = srtpProfiles.find(({ id }) => client.srtpProfiles.includes(id));
    if (!profile) throw new HandshakeFailure('handshakeFailure', 'the peer offers no SRTP profile that oxbow has');
    const { random } = this;
    this.agreed = {
      randoms: { client: client.random, server: random },
      profile,
      isExtended: client.extendedMasterSecret,
    };
    const hello = {
      version: DTLS_1_2,
      random,
      cipherSuite: cipherSuite.ecdsa,
      srtpProfile: profile.id,
      extendedMasterSecret: client.extendedMasterSecret,
      renegotiationInfo: client.renegotiationInfo,
    };
    const parameters = printKeyParameters(P256, this.keys.publicKey);
    const signature = this.signed(concatBytes([client.random, random, parameters]));
    const keyExchange = concatBytes([parameters, printSignature(signatureScheme.ecdsa, signature)]);
    return [
      this.write(handshakeType.serverHello, printServerHello(hello)),
      this.write(handshakeType.certificate, printCertificates(certificate.der)),
      this.write(handshakeType.serverKeyExchange, keyExchange),
      this.write(handshakeType.certificateRequest, certificateRequest),
      this.write(handshakeType.serverHelloDone, new Uint8Array()),
    ];
  }
}
