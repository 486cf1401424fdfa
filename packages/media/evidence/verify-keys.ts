/**
 * Which keys of a bundle count: those that the caller trusts, and those that they vouch for.
 * In: keys, trusted ids. Out: the public keys that may sign; findings. docs/5-record/evidence.md, "Keys".
 */
import { printBase64Url } from '../base64.ts';
import { KEY_CONTEXT } from './block.ts';
import type { EvidenceKey } from './bundle.ts';
import type { EvidenceCrypto } from './crypto.ts';
import { fromBase64Url, inContext } from './text-bytes.ts';

/** The keys of a bundle. */
export interface ProvedKeys {
  /** Bytes by id: their id is that of their bytes. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  /** The ids that count. */
  readonly accepted: ReadonlySet<string>;
  /** Ids that the caller trusts, or that are reached from them; empty if the caller trusts none. */
  readonly trusted: ReadonlySet<string>;
}

/** Id of a public key. */
export async function keyId(key: Uint8Array, { sha256 }: Pick<EvidenceCrypto, 'sha256'>): Promise<string> {
  return printBase64Url((await sha256(key)).subarray(0, 16));
}

/**
 * Follows the signatures over keys. Without a trusted key, those count that are reached from the key that
 * reaches most signers: the chain is one, and the reader compares the key that is shown.
 *
 * @param trusted ids of keys; empty: none is known
 * @param signers ids of the keys of the blocks, oldest first
 */
export async function proveKeys(
  keys: readonly EvidenceKey[],
  { trusted, signers }: { readonly trusted: readonly string[]; readonly signers: readonly string[] },
  crypto: EvidenceCrypto,
): Promise<ProvedKeys> {
  const bytes = new Map<string, Uint8Array>();
  for (const { id, public: text } of keys) {
    const key = fromBase64Url(text);
    if (key.length === 32 && (await keyId(key, crypto)) === id) bytes.set(id, key);
  }
  const vouched = new Map<string, string[]>();
  for (const { id, by } of keys) {
    const key = bytes.get(id);
    if (!key) continue;
    for (const { key: voucher, signature } of by) {
      const signer = bytes.get(voucher);
      if (!signer) continue;
      if (!(await crypto.verify(signer, fromBase64Url(signature), inContext(KEY_CONTEXT, key)))) continue;
      vouched.set(voucher, [...(vouched.get(voucher) ?? []), id]);
    }
  }
  const reached = (roots: readonly string[]) => {
    const ids = new Set(roots.filter((root) => bytes.has(root)));
    for (const id of ids) for (const next of vouched.get(id) ?? []) ids.add(next);
    return ids;
  };
  const trustedIds = reached(trusted);
  if (trusted.length > 0) return { bytes, accepted: trustedIds, trusted: trustedIds };
  // The root from which most signers are reached; an earlier key first.
  const roots = [...new Set([...signers, ...bytes.keys()])].map((root) => reached([root]));
  const covers = (ids: ReadonlySet<string>) => signers.filter((signer) => ids.has(signer)).length;
  const accepted = roots.reduce<ReadonlySet<string>>(
    (best, ids) => (covers(ids) > covers(best) ? ids : best),
    new Set(),
  );
  return { bytes, accepted, trusted: trustedIds };
}
