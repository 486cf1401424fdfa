/**
 * The evidence of a file that has no place for it, as a file next to it: the server signs the digest of the
 * whole file, and the blocks with its media.
 * In: a file, the text next to it. Out: what `verifyFile` compares. docs/5-record/evidence.md, "Sidecar".
 */
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { EvidenceCrypto } from './crypto.ts';
import { parseEvidenceText } from './evidence-box.ts';
import type { EvidenceFile, FileRanges } from './file-parts.ts';

/** Bytes of a file that are hashed at once; the digest is that of the hashes, one after the other. */
export const DIGEST_BLOCK = 4 * 1024 * 1024;

/** The file with the evidence of another one. @param name of that file */
export function sidecarName(name: string): string {
  return `${name}.evidence`;
}

/** Reads the evidence next to a file. @throws FormatError if it is none */
export function readSidecar(text: Uint8Array, { size }: FileRanges): EvidenceFile {
  const evidence = parseEvidenceText(text);
  if (!evidence) throw new FormatError('the file next to it is no evidence of oxbow', 0);
  return Object.assign({ form: 'sealed' as const, headBytes: size, mediaBytes: undefined, tracks: [] }, evidence);
}

/** The digest of a whole file: SHA-256 of the SHA-256 of each block. Throws what reading does. */
export async function digestOf(file: FileRanges, { crypto, signal, progress }: FileDigestOptions): Promise<Uint8Array> {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < file.size; at += DIGEST_BLOCK) {
    signal?.throwIfAborted();
    const length = Math.min(DIGEST_BLOCK, file.size - at);
    const bytes = await file.read(at, length);
    if (bytes.length < length) throw new FormatError('the file is cut off', at + bytes.length);
    hashes.push(await crypto.sha256(bytes));
    progress?.(at / file.size);
  }
  return crypto.sha256(concatBytes(hashes));
}

interface FileDigestOptions {
  readonly crypto: EvidenceCrypto;
  readonly signal?: AbortSignal;
  readonly progress?: (share: number) => void;
}
