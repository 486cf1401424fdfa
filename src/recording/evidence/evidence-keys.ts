/**
 * The Ed25519 keys of a server: one signs, the ones before it stay known. They are in a file that only its
 * owner reads, and their public halves in the database, where nodes vouch for each other.
 * In: the data folder, the database. Out: signatures, public keys. RFC 8032; docs/5-record/evidence.md,
 * "Keys".
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { KEY_CONTEXT } from '@oxbow/media/evidence/block';
import type { EvidenceKey } from '@oxbow/media/evidence/bundle';
import { inContext } from '@oxbow/media/evidence/text-bytes';
import type { Kysely } from 'kysely';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type Files, systemFiles } from '../../lib/files/files.ts';
import { replaceFile } from '../../lib/files/replace-file.ts';
import { EVIDENCE_KEYS_FILE } from '../../store/file-names.ts';
import type { Tables } from '../../store/schema.ts';

/** Most keys in a bundle. */
const MAX_KEYS = 500;

/** A key in the file. */
interface StoredKey {
  readonly id: string;
  /** 32 bytes, base64url. */
  readonly public: string;
  /** PKCS #8, base64; only of the key that signs. */
  readonly private?: string;
  /** µs since 1970. */
  readonly made: number;
  /** Signatures of the key before over this one, and of this one over that. */
  readonly by: readonly { readonly key: string; readonly signature: string }[];
}

/** The content of the file; the last key signs. */
interface KeyFile {
  readonly v: 1;
  readonly keys: readonly StoredKey[];
}

/** Options of `EvidenceKeys.open`. */
interface KeyOptions {
  /** Name of this node of a cluster, or empty. */
  readonly node: string;
  /** µs since 1970. */
  readonly nowUs: number;
  /** Another process of the folder makes the first key: it is awaited, half a minute at most. */
  readonly waitsFor?: { readonly signal: AbortSignal } | undefined;
  readonly files?: Files;
}

/** The file is looked for this often, ms, and so many times. */
const LOOK_EVERY_MS = 100;
const LOOKS = 300;

/** Signs with the newest key. */
export class EvidenceKeys {
  readonly #db: Kysely<Tables>;
  readonly #keys: readonly StoredKey[];
  readonly #private: KeyObject;
  readonly #node: string;

  private constructor(db: Kysely<Tables>, keys: readonly StoredKey[], node: string) {
    this.#db = db;
    this.#keys = keys;
    this.#node = node;
    const { private: text } = keys.at(-1)!;
    this.#private = createPrivateKey({ key: Buffer.from(text!, 'base64'), format: 'der', type: 'pkcs8' });
  }

  /**
   * Reads the keys, or makes the first one, and shares their public halves.
   *
   * @throws OxbowError `bad-setting` for a file that is malformed
   */
  static async open(
    dataFolder: string,
    db: Kysely<Tables>,
    { node, nowUs, waitsFor, files = systemFiles }: KeyOptions,
  ): Promise<EvidenceKeys> {
    const shared = waitsFor && (await awaitKeys(dataFolder, waitsFor, files));
    const stored = shared || (await readKeys(dataFolder, files)) || (await rotateKeys(dataFolder, { nowUs, files }));
    const keys = new EvidenceKeys(db, stored.keys, node);
    await keys.share();
    return keys;
  }

  /** Id of the key that signs. */
  get id(): string {
    return this.#keys.at(-1)!.id;
  }

  /** Whether a key is of this server: the one that signs, or one before it. */
  isOwn(id: string): boolean {
    return this.#keys.some((key) => key.id === id);
  }

  /** The signature over a context and bytes, base64url. */
  sign(context: string, bytes: Uint8Array): string {
    return sign(null, inContext(context, bytes), this.#private).toString('base64url');
  }

  /** Writes the own keys to the database, and vouches for those of other nodes. */
  async share(): Promise<void> {
    for (const { id, public: text, made, by } of this.#keys) {
      await this.#db
        .insertInto('evidence_key')
        .values({ id, public_key: text, node: this.#node, made_us: made })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      for (const { key, signature } of by) await this.#vouch(id, key, signature);
    }
    const known = new Set(this.#keys.map(({ id }) => id));
    const rows = await this.#db
      .selectFrom('evidence_key')
      .select(['id', 'public_key'])
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('evidence_voucher')
              .select('evidence_voucher.key_id')
              .whereRef('evidence_voucher.key_id', '=', 'evidence_key.id')
              .where('evidence_voucher.by_id', '=', this.id),
          ),
        ),
      )
      .limit(MAX_KEYS)
      .execute();
    for (const { id, public_key: text } of rows) {
      if (known.has(id)) continue;
      await this.#vouch(id, this.id, this.sign(KEY_CONTEXT, Buffer.from(text, 'base64url')));
    }
  }

  /** All public keys, for bundles; the oldest first. */
  async all(): Promise<readonly EvidenceKey[]> {
    const rows = await this.#db.selectFrom('evidence_key').selectAll().orderBy('made_us').limit(MAX_KEYS).execute();
    const vouchers = await this.#db.selectFrom('evidence_voucher').selectAll().execute();
    return rows.map(({ id, public_key: text, made_us: made }) => ({
      id,
      public: text,
      made,
      by: vouchers.filter(({ key_id: of }) => of === id).map(({ by_id: key, signature }) => ({ key, signature })),
    }));
  }

  async #vouch(keyId: string, byId: string, signature: string): Promise<void> {
    await this.#db
      .insertInto('evidence_voucher')
      .values({ key_id: keyId, by_id: byId, signature })
      .onConflict((conflict) => conflict.columns(['key_id', 'by_id']).doNothing())
      .execute();
  }
}

/** The keys of a data folder once they are there; undefined if no process makes them. */
async function awaitKeys(
  dataFolder: string,
  { signal }: { readonly signal: AbortSignal },
  files: Files,
): Promise<KeyFile | undefined> {
  for (let look = 0; look < LOOKS; look++) {
    const keys = await readKeys(dataFolder, files);
    if (keys) return keys;
    await sleep(LOOK_EVERY_MS, { signal });
  }
  return undefined;
}

/** The keys of a data folder; undefined before the first use. @throws OxbowError `bad-setting` */
export async function readKeys(dataFolder: string, files: Files = systemFiles): Promise<KeyFile | undefined> {
  const path = join(dataFolder, EVIDENCE_KEYS_FILE);
  let text: string;
  try {
    text = (await files.readFile(path)).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const file = JSON.parse(text) as KeyFile;
    if (file.v === 1 && file.keys.at(-1)?.private !== undefined) return file;
  } catch {
    // Reported below.
  }
  throw new OxbowError('bad-setting', `${path} has no key that can sign. Restore it from a backup.`, {
    extra: { hint: 'Without it oxbow cannot continue the chains of evidence under the same key.' },
  });
}

/**
 * Makes a new key that signs from now on. The key before it signs the new one and is signed by it; its
 * private half is deleted.
 *
 * @param options.nowUs µs since 1970
 */
export async function rotateKeys(
  dataFolder: string,
  { nowUs, files = systemFiles }: { readonly nowUs: number; readonly files?: Files },
): Promise<KeyFile> {
  const before = await readKeys(dataFolder, files);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = rawOf(publicKey);
  const id = idOf(raw);
  const last = before?.keys.at(-1);
  const by: { key: string; signature: string }[] = [];
  const older: StoredKey[] = [];
  for (const key of before?.keys ?? []) {
    if (key !== last || key.private === undefined) {
      older.push(key);
      continue;
    }
    const signer = createPrivateKey({ key: Buffer.from(key.private, 'base64'), format: 'der', type: 'pkcs8' });
    by.push({ key: key.id, signature: signKey(signer, raw) });
    const { private: _deleted, ...kept } = key;
    const back = { key: id, signature: signKey(privateKey, Buffer.from(key.public, 'base64url')) };
    older.push(Object.assign(kept, { by: [...key.by, back] }));
  }
  const made: StoredKey = {
    id,
    public: Buffer.from(raw).toString('base64url'),
    private: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    made: nowUs,
    by,
  };
  const content: KeyFile = { v: 1, keys: [...older, made] };
  const path = join(dataFolder, EVIDENCE_KEYS_FILE);
  await replaceFile(files, path, Buffer.from(`${JSON.stringify(content, null, 1)}\n`), { mode: 0o600 });
  return content;
}

/** Id of a public key: see media/evidence/bundle.ts. */
function idOf(raw: Uint8Array): string {
  return hash('sha256', raw, 'buffer').subarray(0, 16).toString('base64url');
}

/** The 32 bytes of a public key: the end of its SPKI form (RFC 8410, 4). */
function rawOf(key: KeyObject): Uint8Array {
  return createPublicKey(key.export({ format: 'pem', type: 'spki' }))
    .export({ format: 'der', type: 'spki' })
    .subarray(-32);
}

function signKey(signer: KeyObject, raw: Uint8Array): string {
  return sign(null, inContext(KEY_CONTEXT, raw), signer).toString('base64url');
}
