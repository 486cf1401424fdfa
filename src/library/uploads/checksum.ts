/**
 * Checksums that clients send with the bytes of a request: `Upload-Checksum` of tus, or only the hexadecimal
 * digits.
 * In: text of the client, bytes. Out: whether they agree. tus 1.0.0, Checksum.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { OxbowError } from '../../lib/errors.ts';

/** The algorithms, in the order in which servers of tus announce them. */
export const checksumAlgorithms = ['sha1', 'sha256', 'md5', 'crc32'] as const;

type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** The checksum of bytes that a client announced. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Lower-case hexadecimal digits. */
  readonly hex: string;
}

/** Computes a checksum of bytes in order. */
interface RunningChecksum {
  update(bytes: Uint8Array): void;
  /** Hexadecimal digits. Call it once. */
  digest(): string;
}

/** Hexadecimal digits of each algorithm. */
const DIGITS: Readonly<Record<ChecksumAlgorithm, number>> = { sha1: 40, sha256: 64, md5: 32, crc32: 8 };
const HEX = /^[0-9a-f]+$/i;

/**
 * Reads a checksum: an algorithm and Base64 as in `Upload-Checksum`, or hexadecimal digits, whose number
 * determines the algorithm.
 *
 * @throws OxbowError `bad-request`
 */
export function readChecksum(text: string): Checksum {
  const [name = '', value = '', ...surplus] = text.trim().split(/[ :]+/);
  const named = checksumAlgorithms.find((each) => each === name.toLowerCase());
  if (named && surplus.length === 0) {
    const hex =
      HEX.test(value) && value.length === DIGITS[named] ? value : Buffer.from(value, 'base64').toString('hex');
    if (hex.length === DIGITS[named]) return { algorithm: named, hex: hex.toLowerCase() };
  }
  const byDigits = HEX.test(name) && value === '' && checksumAlgorithms.find((each) => DIGITS[each] === name.length);
  if (byDigits) return { algorithm: byDigits, hex: name.toLowerCase() };
  throw new OxbowError('bad-request', `"${text.slice(0, 100)}" is not a checksum.`, {
    extra: {
      hint: `Send an algorithm (${checksumAlgorithms.join(', ')}) and its value in Base64, separated by a space.`,
    },
  });
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  if (algorithm === 'crc32') {
    let value = 0;
    return {
      update(bytes) {
        value = crc32(bytes, value);
      },
      digest: () => value.toString(16).padStart(8, '0'),
    };
  }
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}

/** The refusal of bytes that do not have their checksum. */
export function checksumMismatch(subject: string, resumeOffset: number): OxbowError {
  return new OxbowError('checksum-mismatch', `${subject} does not have the checksum that was sent with it.`, {
    extra: { resumeOffset },
  });
}
