/**
 * How uploads begin: what a client announces is checked, and a request that is repeated finds the upload of
 * the first one.
 * In: requests for new uploads. Out: their rows and assets. IETF draft-ietf-httpapi-idempotency-key-header.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Placement } from '../../cluster/placement/placement.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import { keyInUse, keyReused, readKey } from '../../lib/idempotency-key.ts';
import { printSize } from '../../lib/size.ts';
import type { AssetIntake } from '../asset.ts';
import { readChecksum } from './checksum.ts';
import { type NewUpload, refuseFailed, tooLarge, type Upload, type Uploader, type UploadRequest } from './upload.ts';
import type { UploadStores } from './upload-stores.ts';
import type { UploadTable } from './upload-table.ts';

/** The options for new uploads; see UploadsOptions. */
interface CreationOptions {
  readonly intake: AssetIntake;
  readonly clock: Clock;
  readonly settings: Current<{
    readonly library: { readonly maxUpload: number | undefined; readonly uploadExpiry: number };
  }>;
  readonly room: () => number;
  readonly placement?: Pick<Placement, 'claim'>;
}

/** Unfinished uploads of one owner. */
const MAX_OPEN = 1000;
const SHA256_HEX = 64;

/** An id for a new upload; cannot be guessed. */
export function newUploadId(): string {
  return randomBytes(16).toString('hex');
}

/**
 * The request of a client that may repeat it.
 *
 * @param key `Idempotency-Key`; undefined: the client sent none, so each request begins an upload
 * @param content the properties of the upload in the request; JSON
 * @throws OxbowError `bad-request` for an invalid key
 */
export function uploadRequest(key: string | undefined, content: unknown): UploadRequest | undefined {
  if (key === undefined) return undefined;
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('base64url');
  return { key: readKey(key), hash };
}

/** Begins uploads. */
export class UploadCreation {
  readonly #options: CreationOptions;
  readonly #table: UploadTable;
  readonly #stores: Pick<UploadStores, 'target'>;
  /** Requests with a key whose upload is being created. */
  readonly #running = new Set<string>();

  constructor(options: CreationOptions, table: UploadTable, stores: Pick<UploadStores, 'target'>) {
    this.#options = options;
    this.#stores = stores;
    this.#table = table;
  }

  /**
   * The upload that an earlier request with this key has begun, as it is now.
   *
   * @throws OxbowError `idempotency-key-reused`, `idempotency-key-in-use`; the failure of the upload
   */
  async repeated({ owner }: Uploader, request: UploadRequest | undefined): Promise<Upload | undefined> {
    if (!request) return undefined;
    if (this.#running.has(`${owner} ${request.key}`)) throw keyInUse();
    const earlier = await this.#table.ofRequest(owner, request.key);
    if (earlier && earlier.hash !== request.hash) throw keyReused();
    if (earlier) refuseFailed(earlier.upload);
    return earlier?.upload;
  }

  /**
   * Creates an upload and its asset.
   *
   * @throws OxbowError `bad-request`, `upload-too-large`, `no-room`, `quota-exceeded`, `limit-reached`,
   *   `idempotency-key-in-use`
   */
  async create({ owner }: Uploader, wanted: NewUpload): Promise<Upload> {
    const upload = await this.#createOnce(owner, wanted);
    await this.#options.placement?.claim('upload', upload.id);
    return upload;
  }

  async #createOnce(owner: string, wanted: NewUpload): Promise<Upload> {
    const { request } = wanted;
    if (!request) return this.#create(owner, wanted);
    const name = `${owner} ${request.key}`;
    if (this.#running.has(name)) throw keyInUse();
    this.#running.add(name);
    try {
      // Of two requests at once, the other one may have got this far since the look-up.
      if (await this.#table.ofRequest(owner, request.key)) throw keyInUse();
      return await this.#create(owner, wanted);
    } finally {
      this.#running.delete(name);
    }
  }

  async #create(owner: string, wanted: NewUpload): Promise<Upload> {
    const { length, metadata = {}, filename } = wanted;
    const { target } = this.#stores;
    if (length !== undefined) await this.checkLength(length, { missing: length, target });
    const sha256 = wanted.sha256 === undefined ? undefined : readSha256(wanted.sha256);
    if ((await this.#table.countOpen(owner)) >= MAX_OPEN) {
      throw new OxbowError('limit-reached', `There are ${MAX_OPEN} unfinished uploads already.`);
    }
    const { intake, clock, settings } = this.#options;
    const assetId = await intake.begin({ ...wanted, owner, filename, length });
    const nowMs = clock.nowMs();
    const upload: Upload = {
      id: wanted.id ?? newUploadId(),
      assetId,
      owner,
      length,
      received: 0,
      chunkBytes: wanted.chunkBytes,
      metadata,
      sha256,
      state: 'open',
      failure: undefined,
      createdMs: nowMs,
      expiresMs: nowMs + settings.now.library.uploadExpiry,
      target,
    };
    try {
      await this.#table.insert(upload, wanted.request);
    } catch (error) {
      await intake.fail(assetId, { code: 'internal', detail: 'The upload could not be created.' });
      throw error;
    }
    return upload;
  }

  /**
   * Refuses a file that is too large.
   *
   * @param options.missing bytes that are still to come
   * @param options.target the object store that they go to; undefined: the disk
   * @throws OxbowError `bad-request`, `upload-too-large`, `no-room`
   */
  async checkLength(
    length: number,
    { missing, target }: { readonly missing: number; readonly target: string | undefined },
  ): Promise<void> {
    const { maxUpload: maxBytes } = this.#options.settings.now.library;
    if (length <= 0) throw new OxbowError('bad-request', 'The file is empty.');
    if (maxBytes !== undefined && length > maxBytes) {
      throw tooLarge(`The file has ${printSize(length)}, and an upload may have ${printSize(maxBytes)}.`);
    }
    if (target !== undefined) return;
    const room = this.#options.room() - (await this.#table.missingBytes());
    if (missing <= room) return;
    throw new OxbowError('no-room', `${printSize(missing)} do not fit: ${printSize(Math.max(0, room))} are free.`, {
      extra: { hint: 'Free disk space, or ask the operator of this server.' },
    });
  }
}

/**
 * Reads an announced SHA-256 of a file, hexadecimal or Base64.
 *
 * @returns hexadecimal digits
 * @throws OxbowError `bad-request`
 */
export function readSha256(text: string): string {
  const { algorithm, hex } = readChecksum(text.length === SHA256_HEX ? text : `sha256 ${text}`);
  if (algorithm !== 'sha256') throw new OxbowError('bad-request', 'The hash of the file must be its SHA-256.');
  return hex;
}
