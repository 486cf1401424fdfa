/**
 * Keys of one handshake: the ephemeral key pair, and signatures by certificates.
 * In: public keys and signatures of the peer. Out: the shared secret; whether a signature is right. RFC
 * 8422 5.
 */
import { createECDH, verify, X509Certificate } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { signatureScheme } from './hello.ts';

/** The ephemeral key pair of one side, on P-256. */
export class KeyAgreement {
  readonly #ecdh = createECDH('prime256v1');
  /** An uncompressed point, 65 bytes. */
  readonly publicKey: Uint8Array = this.#ecdh.generateKeys();

  /**
   * The shared secret, 32 bytes.
   *
   * @throws FormatError if the key of the peer is no point of the curve
   */
  agree(peer: Uint8Array): Uint8Array {
    try {
      return this.#ecdh.computeSecret(peer);
    } catch (error) {
      throw new FormatError(`the public key of the peer is not valid: ${(error as Error).message}`, 0);
    }
  }
}

/** Whether the key of a certificate has signed content; false also for certificates that cannot be read. */
export function isSignedBy(
  certificate: Uint8Array,
  content: Uint8Array,
  { scheme, signature }: { readonly scheme: number; readonly signature: Uint8Array },
): boolean {
  try {
    const { publicKey } = new X509Certificate(certificate);
    const isOfKey =
      publicKey.asymmetricKeyType === 'ec' ? scheme === signatureScheme.ecdsa : scheme === signatureScheme.rsa;
    return isOfKey && verify('sha256', content, publicKey, signature);
  } catch {
    return false;
  }
}
