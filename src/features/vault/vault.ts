/**
 * Objects of other servers in a folder: what `storage.targets` of the type `oxbow` reads and writes.
 * In: requests with the secret of the vault. Out: files; the bytes of them. A body is in memory while it is
 * written, so few are at a time.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Readable } from 'node:stream';
import { digestOf } from '../../accounts/random-secret.ts';
import { type FolderClient, openFolder } from '../../archive/objects/folder-client.ts';
import { hashOf, type ListedObject, ObjectError, type ObjectHead } from '../../archive/objects/object-client.ts';
import { MAX_VAULT_BODY, VAULT_PAGE } from '../../archive/objects/oxbow-client.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { withStallLimit } from '../../serve/exchange/stall-limit.ts';

/** A body of which nothing arrives for this long has ended, ms. */
const STALL_MS = 30_000;
/** Bodies in memory at a time; further requests are refused for a moment. */
const MAX_BODIES = 16;

/** The body of a request. */
interface Checked {
  readonly body: Readable;
  /** Of its bytes, hex; undefined: they are not compared. */
  readonly sha256: string | undefined;
}

interface Called {
  readonly signal: AbortSignal;
}

/** The vault of a server. */
export class Vault {
  readonly #client: FolderClient | undefined;
  readonly #digest: Buffer;
  #bodies = 0;

  private constructor(client: FolderClient | undefined, secret: string) {
    this.#client = client;
    this.#digest = Buffer.from(digestOf(secret));
  }

  /** @param folder empty: nothing is accepted */
  static async open({ folder, secret }: { readonly folder: string; readonly secret: string }): Promise<Vault> {
    return new Vault(folder === '' || secret === '' ? undefined : await openFolder(folder), secret);
  }

  /** Checks the secret of a request. @throws OxbowError `not-found` without a vault, `forbidden` */
  admit(secret: string | undefined): void {
    if (!this.#client)
      throw new OxbowError('not-found', 'This server keeps no recordings of others: `vault.folder` is not set.');
    if (secret !== undefined && timingSafeEqual(Buffer.from(digestOf(secret)), this.#digest)) return;
    throw new OxbowError('forbidden', 'The header Oxbow-Vault must have the secret of the vault (`vault.secret`).');
  }

  /** Checks that the folder can be used. */
  check(call: Called): Promise<void> {
    return this.#run(call, (client) => client.check(call));
  }

  /** Stores an object of one body. @throws OxbowError `checksum-mismatch` */
  async put(key: string, body: Checked, call: Called): Promise<void> {
    await this.#withBody(body, (bytes) =>
      this.#run(call, (client) => client.put(key, sourceOf(bytes), { signal: call.signal, hasChecksum: true })),
    );
  }

  /** Reads a range; undefined: there is no such object. */
  read(
    key: string,
    range: { readonly offset: number; readonly length: number },
    call: Called,
  ): Promise<Uint8Array | undefined> {
    return this.#run(call, (client) => client.read(key, range, call));
  }

  /** @returns undefined if there is no such object */
  head(key: string, call: Called): Promise<ObjectHead | undefined> {
    return this.#run(call, (client) => client.head(key, call));
  }

  delete(key: string, call: Called): Promise<void> {
    return this.#run(call, (client) => client.delete(key, call));
  }

  /**
   * A page of objects in order of their keys.
   * @param after the last key of the page before; empty: the first page
   */
  async list(prefix: string, after: string, call: Called): Promise<readonly ListedObject[]> {
    return this.#run(call, async (client) => {
      const page: ListedObject[] = [];
      for await (const object of client.list(prefix, { signal: call.signal, after })) {
        page.push(object);
        if (page.length === VAULT_PAGE) break;
      }
      return page;
    });
  }

  /** Begins an object of several parts. */
  begin(call: Called): Promise<string> {
    return this.#run(call, (client) => client.begin(call));
  }

  /** Stores a part. @returns false: there is no such upload. @throws OxbowError `checksum-mismatch` */
  writePart(uploadId: string, offset: number, body: Checked, call: Called): Promise<boolean> {
    return this.#withBody(body, (bytes) => this.#run(call, (client) => client.write(uploadId, offset, bytes, call)));
  }

  /** Makes the object of its parts. @returns false: there is no such upload, or it has another size */
  async complete(
    uploadId: string,
    object: { readonly key: string; readonly size: number },
    call: Called,
  ): Promise<boolean> {
    return this.#run(call, (client) => client.complete(uploadId, object, call));
  }

  abandon(uploadId: string, call: Called): Promise<void> {
    return this.#run(call, (client) => client.abandon('', { uploadId, partBytes: 0, parts: [] }, call));
  }

  async #withBody<T>({ body, sha256 }: Checked, work: (bytes: Uint8Array) => Promise<T>): Promise<T> {
    if (this.#bodies >= MAX_BODIES) {
      throw new OxbowError('busy', `${MAX_BODIES} objects arrive already.`, { extra: { retryAfter: 1 } });
    }
    this.#bodies++;
    try {
      const pieces: Uint8Array[] = [];
      let length = 0;
      for await (const piece of withStallLimit(body, STALL_MS)) {
        length += piece.length;
        if (length > MAX_VAULT_BODY) {
          throw new OxbowError('payload-too-large', `The body has more than ${MAX_VAULT_BODY} bytes.`);
        }
        pieces.push(piece);
      }
      const bytes = Buffer.concat(pieces);
      if (sha256 !== undefined && hashOf('sha256', bytes) !== sha256) {
        throw new OxbowError('checksum-mismatch', 'The body does not have the `sha256` that was sent with it.');
      }
      return await work(bytes);
    } finally {
      this.#bodies--;
    }
  }

  /** @throws OxbowError `storage-failed` if the folder fails */
  async #run<T>({ signal }: Called, work: (client: FolderClient) => Promise<T>): Promise<T> {
    try {
      return await work(this.#client!);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ObjectError)) throw error;
      throw new OxbowError('storage-failed', `The vault: ${messageOf(error)}.`, { cause: error });
    }
  }
}

function sourceOf(bytes: Uint8Array) {
  return {
    size: bytes.length,
    read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
  };
}
