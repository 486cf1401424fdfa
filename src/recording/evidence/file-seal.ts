/**
 * The signature of the server over a file that it made with its evidence.
 * In: the head of a file, its bundle. Out: the seal. docs/5-record/evidence.md, "The box".
 */
import { EXPORT_CONTEXT, type FILE_CONTEXT } from '@oxbow/media/evidence/block';
import { type ExportSeal, sealText } from '@oxbow/media/evidence/bundle';
import type { Evidence } from './evidence.ts';
import { sha256Text } from './hash-segment.ts';

/**
 * Signs a file.
 *
 * @param proof signs; its time is that of the seal
 * @param bundle the bytes of the evidence
 * @param head all bytes of the file before its media
 */
export function sealOf(proof: Pick<Evidence, 'sign' | 'nowUs'>, bundle: Uint8Array, head: Uint8Array): ExportSeal {
  return sealDigest(proof, bundle, { digest: sha256Text(head), bytes: head.length, context: EXPORT_CONTEXT });
}

/**
 * Signs a file by its digest.
 *
 * @param file.digest base64url; of its head, or of all of it
 * @param file.bytes of what the digest is of
 */
export function sealDigest(
  proof: Pick<Evidence, 'sign' | 'nowUs'>,
  bundle: Uint8Array,
  file: {
    readonly digest: string;
    readonly bytes: number;
    readonly context: typeof EXPORT_CONTEXT | typeof FILE_CONTEXT;
  },
): ExportSeal {
  const { key } = proof.sign(file.context, new Uint8Array(0));
  const seal = {
    key,
    at: proof.nowUs,
    bundle: sha256Text(bundle),
    head: file.digest,
    headBytes: file.bytes,
  };
  const digest = Buffer.from(sha256Text(sealText(seal)), 'base64url');
  return Object.assign(seal, { signature: proof.sign(file.context, digest).signature });
}
