/**
 * A container of Azure Blob Storage.
 * In: a target of the settings. Out: ObjectClient. The SDK is loaded with the first client; its own retries
 * are off. An object of several parts is a list of blocks that are named by their number and MD5, which the
 * server has compared with their bytes: the list proves what the object has, and an interrupted upload
 * continues without an id.
 */
import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import {
  type ClientOptions,
  hashOf,
  isAfter,
  type ListedObject,
  type ListOptions,
  type ObjectClient,
  ObjectError,
  type ObjectHead,
  type ObjectSource,
  type PresignOptions,
  type PutOptions,
  type PutSums,
  partBytesOf,
  putInParts,
  SEND_MS,
  sendRequest,
  tagOfParts,
} from './object-client.ts';

/** Settings of an Azure client. */
export interface AzureOptions {
  /** With the account key or a shared access signature. */
  readonly connectionString: string;
  readonly container: string;
}

/** Opens a client. No request is made. @throws ObjectError if the connection string cannot be read */
export async function openAzureClient({ connectionString, container }: AzureOptions): Promise<ObjectClient> {
  const { BlobServiceClient } = await import('@azure/storage-blob');
  try {
    const service = BlobServiceClient.fromConnectionString(connectionString, { retryOptions: { maxTries: 1 } });
    return new AzureObjectClient(service.getContainerClient(container));
  } catch (error) {
    // Its message may repeat the text.
    throw new ObjectError('the connection string cannot be read', { cause: error });
  }
}

/** The name of a block: all of a blob have the same length. */
const blockName = (index: number, md5: string): string =>
  Buffer.from(`${String(index).padStart(5, '0')}-${md5}`).toString('base64');
const NAMED = /^\d{5}-([0-9a-f]{32})$/;

class AzureObjectClient implements ObjectClient {
  readonly parts: undefined;
  readonly #container: ContainerClient;

  constructor(container: ContainerClient) {
    this.#container = container;
  }

  async check({ signal }: ClientOptions = {}): Promise<void> {
    await this.#try('find the container', signal, (abortSignal) => this.#container.getProperties({ abortSignal }));
  }

  async put(key: string, source: ObjectSource, options: PutOptions = {}): Promise<PutSums> {
    const blob = this.#blob(key);
    const { signal } = options;
    if (source.size > partBytesOf(source.size)) return this.#putParts(blob, source, options);
    const bytes = await source.read(0, source.size);
    const md5 = hashOf('md5', bytes);
    const send = (abortSignal: AbortSignal) =>
      blob.upload(Buffer.from(bytes), bytes.length, { abortSignal, blobHTTPHeaders: { blobContentMD5: raw(md5) } });
    await this.#try('put a blob', signal, send, SEND_MS);
    options.sent?.(bytes.length);
    return { hash: 'md5', tag: md5, isChecked: false };
  }

  #putParts(blob: BlockBlobClient, source: ObjectSource, options: PutOptions): Promise<PutSums> {
    const { signal } = options;
    return putInParts(
      source,
      {
        hash: 'md5',
        isChecked: false,
        begin: async () => '',
        send: async (_, index, bytes, md5) => {
          const send = (abortSignal: AbortSignal) =>
            blob.stageBlock(blockName(index, md5), Buffer.from(bytes), bytes.length, {
              abortSignal,
              transactionalContentMD5: raw(md5),
            });
          await this.#try('send a block', signal, send, SEND_MS);
          return md5;
        },
        complete: async (_, parts) => {
          const names = parts.map(({ sum }, index) => blockName(index, sum));
          return this.#try('commit the blocks', signal, async (abortSignal) => {
            try {
              await blob.commitBlockList(names, { abortSignal });
              return 'done';
            } catch (error) {
              if ((error as { code?: unknown }).code === 'InvalidBlockList') return 'lost';
              throw error;
            }
          });
        },
        // Blocks that are in no list vanish after a week.
        abandon: async () => undefined,
      },
      options,
    );
  }

  async read(
    key: string,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: ClientOptions = {},
  ): Promise<Uint8Array | undefined> {
    return this.#try('read a blob', signal, async (abortSignal) => {
      try {
        const { readableStreamBody } = await this.#blob(key).download(offset, length, { abortSignal });
        const pieces: Buffer[] = [];
        for await (const piece of readableStreamBody ?? []) pieces.push(Buffer.from(piece));
        return Buffer.concat(pieces);
      } catch (error) {
        if (statusOf(error) === 416) return new Uint8Array();
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  async head(key: string, { signal }: ClientOptions = {}): Promise<ObjectHead | undefined> {
    return this.#try('look at a blob', signal, async (abortSignal) => {
      try {
        const blob = this.#blob(key);
        const { contentLength = -1, contentMD5 } = await blob.getProperties({ abortSignal });
        if (contentMD5) return { size: contentLength, etag: Buffer.from(contentMD5).toString('hex') };
        const { committedBlocks = [] } = await blob.getBlockList('committed', { abortSignal });
        const md5s = committedBlocks.map(({ name }) => NAMED.exec(Buffer.from(name, 'base64').toString())?.[1] ?? '');
        return { size: contentLength, etag: md5s.length > 0 && !md5s.includes('') ? tagOfParts(md5s) : '' };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async delete(key: string, { signal }: ClientOptions = {}): Promise<void> {
    await this.#try('delete a blob', signal, async (abortSignal) => {
      try {
        await this.#blob(key).delete({ abortSignal });
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    });
  }

  /** Blocks that are not committed go by themselves after a week. */
  async abandon(): Promise<void> {}

  async *list(prefix: string, { signal, after = '' }: ListOptions = {}): AsyncGenerator<ListedObject> {
    for (let token: string | undefined; ; ) {
      const page = await this.#try('list the container', signal, async (abortSignal) => {
        const pages = this.#container.listBlobsFlat({ prefix, abortSignal });
        return (await pages.byPage({ maxPageSize: 1000, ...(token && { continuationToken: token }) }).next()).value;
      });
      for (const { name, properties } of page?.segment.blobItems ?? []) {
        if (after === '' || isAfter(name, after)) yield { key: name, size: properties.contentLength ?? 0 };
      }
      token = page?.continuationToken || undefined;
      if (token === undefined) return;
    }
  }

  async presign(key: string, options: PresignOptions): Promise<string> {
    const { expiresS, signedAtMs = Date.now(), contentType, disposition, cacheControl } = options;
    const { BlobSASPermissions } = await import('@azure/storage-blob');
    try {
      return await this.#blob(key).generateSasUrl({
        permissions: BlobSASPermissions.from({ read: true }),
        expiresOn: new Date(signedAtMs + expiresS * 1000),
        contentType,
        ...(disposition !== undefined && { contentDisposition: disposition }),
        ...(cacheControl !== undefined && { cacheControl }),
      });
    } catch (error) {
      throw new ObjectError('the connection string has no account key to sign addresses with', { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #blob(key: string): BlockBlobClient {
    return this.#container.getBlockBlobClient(key);
  }

  #try<T>(
    what: string,
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal) => Promise<T>,
    limitMs?: number,
  ): Promise<T> {
    return sendRequest({ what, signal, send, limitMs, describe });
  }
}

const raw = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

function statusOf(error: unknown): number {
  return (error as { statusCode?: number }).statusCode ?? 0;
}

/** Code and status of an error of the SDK. */
function describe(error: unknown): string {
  const { code = (error as Error).name } = error as { code?: string };
  const status = statusOf(error);
  return `${code}${status > 0 ? ` (${status})` : ''}`;
}

/** Whether the blob is missing, and not its container. */
function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && (error as { code?: string }).code !== 'ContainerNotFound';
}
