/**
 * What client and server of a DTLS handshake have in common: transcript, secrets, Finished.
 * In: messages of the peer in order. Out: flights; record keys; the keys of SRTP. RFC 5246 7.4, RFC 5764 4.2,
 * RFC 7627.
 */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { concatBytes, sameBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { type Certificate, fingerprintOf } from './certificate.ts';
import { type HandshakeMessage, handshakeType, printMessage } from './handshake-message.ts';
import { KeyAgreement } from './key-agreement.ts';
import { exportKeys, masterSecret, type Randoms, recordKeys, verifyData } from './key-schedule.ts';
import type { RecordKeys } from './record.ts';

/** Sizes of an SRTP protection profile, bytes. */
export interface SrtpProfile {
  /** RFC 5764 4.1.2, RFC 7714 14.2. */
  readonly id: number;
  readonly keyBytes: number;
  readonly saltBytes: number;
}

/** Master key and salt of one direction. */
export interface SrtpSecret {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** Keys for SRTP. */
export interface SrtpSecrets {
  readonly profile: number;
  /** For records of this side. */
  readonly local: SrtpSecret;
  /** For records of the peer. */
  readonly remote: SrtpSecret;
}

export interface HandshakeOptions {
  readonly certificate: Certificate;
  /** Whether a fingerprint (SHA-256, as in SDP) is that of the peer. */
  readonly isPeer: (fingerprint: string) => boolean;
  /** By preference. */
  readonly srtpProfiles: readonly SrtpProfile[];
}

/** Numbers of alerts, RFC 5246 7.2. */
export const alertNumber = {
  closeNotify: 0,
  unexpectedMessage: 10,
  handshakeFailure: 40,
  badCertificate: 42,
  illegalParameter: 47,
  decryptError: 51,
  protocolVersion: 70,
} as const;

/** The handshake cannot succeed: the alert to send, and why for a person. */
export class HandshakeFailure extends Error {
  readonly alert: number;

  constructor(alert: keyof typeof alertNumber, reason: string) {
    super(reason);
    this.alert = alertNumber[alert];
  }
}

/** The result of the hellos. */
interface Agreed {
  readonly randoms: Randoms;
  readonly profile: SrtpProfile;
  /** RFC 7627. */
  readonly isExtended: boolean;
}

/** The handshake of one side. */
export abstract class Handshake {
  /** Keys of the records; undefined before ClientKeyExchange. */
  recordKeys: { readonly local: RecordKeys; readonly remote: RecordKeys } | undefined;
  protected readonly options: HandshakeOptions;
  protected readonly random: Uint8Array = randomBytes(32);
  protected agreed: Agreed | undefined;
  protected peerCertificate: Uint8Array | undefined;
  readonly #side: 'client' | 'server';
  #transcript: Uint8Array[] = [];
  #sequence = 0;
  #master: Uint8Array | undefined;
  #keys: KeyAgreement | undefined;

  constructor(side: 'client' | 'server', options: HandshakeOptions) {
    this.#side = side;
    this.options = options;
  }

  /** The awaited message, for a person; undefined when it is over. */
  abstract readonly awaits: string | undefined;

  /** The first flight; empty for the server. */
  abstract start(): readonly HandshakeMessage[];

  /**
   * Takes the next message of the peer.
   *
   * @returns the messages to send, as one flight
   * @throws HandshakeFailure if the peer is wrong, or offers nothing that is supported
   * @throws FormatError if the message is malformed or comes at the wrong time: nothing has changed, the
   *   right one may come
   */
  abstract take(message: HandshakeMessage): readonly HandshakeMessage[];

  /** The keys of SRTP; only after the handshake, and once: its secrets are forgotten. RFC 5764 4.2 */
  secrets(): SrtpSecrets {
    const { profile, randoms } = this.agreed!;
    const { keyBytes, saltBytes, id } = profile;
    const salts = 2 * keyBytes;
    const material = exportKeys(this.#master!, randoms, 'EXTRACTOR-dtls_srtp', salts + 2 * saltBytes);
    const client = { key: material.subarray(0, keyBytes), salt: material.subarray(salts, salts + saltBytes) };
    const server = { key: material.subarray(keyBytes, salts), salt: material.subarray(salts + saltBytes) };
    const [local, remote] = this.#side === 'server' ? [server, client] : [client, server];
    this.#master = undefined;
    this.#keys = undefined;
    this.#transcript = [];
    return { profile: id, local, remote };
  }

  /** The ephemeral keys of this side, created when a peer has answered. */
  protected get keys(): KeyAgreement {
    this.#keys ??= new KeyAgreement();
    return this.#keys;
  }

  /** Runs a step; if it throws, the transcript is as before. */
  protected attempt<T>(step: () => T): T {
    const { length } = this.#transcript;
    try {
      return step();
    } catch (error) {
      this.#transcript.length = length;
      throw error;
    }
  }

  /** Adds a message of the peer to the transcript, and returns the transcript before it. */
  protected read(message: HandshakeMessage): Uint8Array {
    const before = concatBytes(this.#transcript);
    this.#transcript.push(printMessage(message));
    return before;
  }

  /** Creates a message, and adds it to the transcript. */
  protected write(type: number, body: Uint8Array): HandshakeMessage {
    const message = { type, sequence: this.#sequence++, body };
    this.#transcript.push(printMessage(message));
    return message;
  }

  /**
   * The transcript begins again: a ClientHello that was answered with a cookie is not part of it. RFC 6347
   * 4.2.1
   */
  protected forget(): void {
    this.#transcript = [];
  }

  protected get transcript(): Uint8Array {
    return concatBytes(this.#transcript);
  }

  /** Checks the certificate of the peer against its SDP. */
  protected check(certificate: Uint8Array | undefined): void {
    if (!certificate) throw new HandshakeFailure('badCertificate', 'the peer sent no certificate');
    if (!this.options.isPeer(fingerprintOf(certificate))) {
      throw new HandshakeFailure('badCertificate', 'the certificate of the peer is not the one of its SDP');
    }
    this.peerCertificate = certificate;
  }

  /** Signs with the key of the certificate. */
  protected signed(content: Uint8Array): Uint8Array {
    const key: KeyObject = this.options.certificate.privateKey;
    return sign('sha256', content, key);
  }

  /** Derives secrets and record keys; ClientKeyExchange is the last message of the transcript. */
  protected derive(shared: Uint8Array): void {
    const { randoms, isExtended } = this.agreed!;
    const hash = isExtended ? createHash('sha256').update(this.transcript).digest() : undefined;
    this.#master = masterSecret(shared, randoms, hash);
    const { client, server } = recordKeys(this.#master, randoms);
    this.recordKeys = this.#side === 'server' ? { local: server, remote: client } : { local: client, remote: server };
  }

  protected writeFinished(): HandshakeMessage {
    return this.write(handshakeType.finished, verifyData(this.#master!, this.#side, this.transcript));
  }

  /** Checks Finished of the peer. @param before the transcript before it */
  protected checkFinished(body: Uint8Array, before: Uint8Array): void {
    const side = this.#side === 'server' ? 'client' : 'server';
    if (sameBytes(body, verifyData(this.#master!, side, before))) return;
    throw new HandshakeFailure('decryptError', 'the handshake was changed on its way');
  }
}

/** The error of a message that comes at the wrong time. */
export function unexpected({ type }: HandshakeMessage, awaits: string): FormatError {
  return new FormatError(`unexpected handshake message ${type} instead of ${awaits}`, 0);
}
