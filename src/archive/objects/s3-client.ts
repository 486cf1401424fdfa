/**
 * A bucket of Amazon S3, of a server that speaks its protocol, or of Google Cloud Storage by its S3
 * interface.
 * In: a target of the settings. Out: ObjectClient. The SDK is loaded with the first client; its own retries
 * are off, because the uploader has its own, and so are the checksums that it adds to requests, which some
 * compatible servers refuse: with the setting, objects have one that oxbow computes. Bytes are hashed at most
 * once: by https a request is signed without them, because TLS protects them. docs/decisions/0127.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type {
  CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommandInput,
  ListMultipartUploadsCommandOutput,
  S3Client,
  UploadPartCommandInput,
} from '@aws-sdk/client-s3';
import {
  type ClientOptions,
  CONNECT_MS,
  hashOf,
  IDLE_MS,
  isAfter,
  type ListedObject,
  type ListOptions,
  NO_SUMS,
  type ObjectClient,
  ObjectError,
  type ObjectHead,
  type ObjectParts,
  type ObjectSource,
  type OpenUpload,
  type OpenUploadsOptions,
  type PartHash,
  type PartialUpload,
  type PresignOptions,
  type PutOptions,
  type PutSums,
  partBytesOf,
  putInParts,
  SEND_MS,
  sendRequest,
} from './object-client.ts';
import { S3Requests } from './s3-requests.ts';

/** Settings of an S3 client. */
export interface S3Options {
  /** Undefined: that of Amazon for the region. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Undefined, with the secret: what the machine has (environment, role of the instance). */
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  /** The bucket is in the path, not in the host name. */
  readonly forcePathStyle: boolean;
  /**
   * `supported`: the server has checksums of S3, so objects have their CRC-32; by http their SHA-256, which
   * is what the request is signed with. `required`: they have the MD5 that all servers compare.
   */
  readonly checksums: 'required' | 'supported';
}

/** Open uploads, as a server lists them. */
type UploadPage = Pick<
  ListMultipartUploadsCommandOutput,
  'Uploads' | 'IsTruncated' | 'NextKeyMarker' | 'NextUploadIdMarker'
>;

type Sdk = typeof import('@aws-sdk/client-s3');
type S3Hash = Exclude<PartHash, 'none'>;

/** Opens a client. No request is made. */
export async function openS3Client(options: S3Options): Promise<ObjectClient> {
  const sdk = await import('@aws-sdk/client-s3');
  const { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle, checksums } = options;
  const when = checksums === 'required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED';
  const client = new sdk.S3Client({
    region,
    forcePathStyle,
    ...(endpoint !== undefined && { endpoint }),
    ...(accessKeyId !== undefined && { credentials: { accessKeyId, secretAccessKey: secretAccessKey ?? '' } }),
    requestChecksumCalculation: when,
    responseChecksumValidation: when,
    maxAttempts: 1,
    // The SDK gives each request that waits for `100 Continue` a connection that it does not keep.
    expectContinueHeader: false,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: IDLE_MS },
  });
  const isPrivate = endpoint === undefined || new URL(endpoint).protocol === 'https:';
  const requests = new S3Requests({
    credentials: () => client.config.credentials(),
    region: () => client.config.region(),
  });
  hashBodiesOnce(client, requests);
  const hash = checksums === 'required' ? 'md5' : isPrivate ? 'crc32' : 'sha256';
  return new S3ObjectClient(sdk, client, { bucket: options.bucket, hash, requests });
}

/** Checksums of S3, and the fields that have them. */
const CHECKSUMS = {
  sha256: { algorithm: 'SHA256', field: 'ChecksumSHA256' },
  crc32: { algorithm: 'CRC32', field: 'ChecksumCRC32' },
} as const;

/** The header of a request with the hash of its bytes. */
const SUM_FIELDS = {
  md5: 'content-md5',
  sha256: 'x-amz-checksum-sha256',
  crc32: 'x-amz-checksum-crc32',
} as const;

class S3ObjectClient implements ObjectClient {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  /** What the server compares. */
  readonly #hash: S3Hash;

  readonly #requests: S3Requests;

  constructor(
    sdk: Sdk,
    client: S3Client,
    { bucket, hash, requests }: { readonly bucket: string; readonly hash: S3Hash; readonly requests: S3Requests },
  ) {
    this.#requests = requests;
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#hash = hash;
  }

  async check({ signal }: ClientOptions = {}): Promise<void> {
    const command = new this.#sdk.HeadBucketCommand({ Bucket: this.#bucket });
    await this.#try('find the bucket', signal, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  async put(key: string, source: ObjectSource, options: PutOptions = {}): Promise<PutSums> {
    const { hasChecksum } = options;
    if (!hasChecksum && source.size > partBytesOf(source.size)) return this.#putParts(key, source, options);
    const bytes = await source.read(0, source.size);
    const sum = hasChecksum ? undefined : hashOf(this.#hash, bytes);
    const command = new this.#sdk.PutObjectCommand({ ...this.#at(key), Body: bytes, ...this.#sumOf(sum) });
    const send = async (abortSignal: AbortSignal) => {
      const headers = sum === undefined ? {} : { [SUM_FIELDS[this.#hash]]: base64(sum) };
      const put = await this.#requests.send('PUT', key, { headers, body: bytes, signal: abortSignal });
      return put ?? this.#client.send(command, { abortSignal });
    };
    await this.#try('put an object', options.signal, send, SEND_MS);
    options.sent?.(bytes.length);
    return sum === undefined ? NO_SUMS : { hash: this.#hash, tag: sum, isChecked: false };
  }

  #putParts(key: string, source: ObjectSource, options: PutOptions): Promise<PutSums> {
    const { signal } = options;
    const hash = this.#hash;
    const sums = hash === 'md5' ? undefined : CHECKSUMS[hash];
    const sender = {
      hash,
      isChecked: false,
      begin: () => this.#begin({ ...this.#at(key), ...(sums && { ChecksumAlgorithm: sums.algorithm }) }, signal),
      send: (UploadId: string, index: number, bytes: Uint8Array, sum: string) => {
        const part = { ...this.#at(key), UploadId, PartNumber: index + 1, Body: bytes, ...this.#sumOf(sum) };
        return this.#send(part, signal);
      },
      complete: (UploadId: string, sent: PartialUpload['parts']) => {
        const Parts = sent.map(({ etag, sum }, index) => ({
          PartNumber: index + 1,
          ETag: etag,
          ...(sums && { [sums.field]: base64(sum) }),
        }));
        return this.#complete({ ...this.#at(key), UploadId, MultipartUpload: { Parts } }, signal);
      },
      abandon: (upload: PartialUpload) => this.abandon(key, upload, { signal }),
    };
    return putInParts(source, sender, options);
  }

  async #begin(input: CreateMultipartUploadCommandInput, signal: AbortSignal | undefined): Promise<string> {
    const command = new this.#sdk.CreateMultipartUploadCommand(input);
    const { UploadId } = await this.#try('begin an upload', signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    if (UploadId === undefined) throw new ObjectError('the server began an upload without an id');
    return UploadId;
  }

  async #send(input: UploadPartCommandInput, signal: AbortSignal | undefined): Promise<string | 'lost'> {
    const command = new this.#sdk.UploadPartCommand(input);
    const answer = await this.#orLost('send a part', signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    if (answer === 'lost') return answer;
    if (answer.ETag === undefined) throw new ObjectError('the server took a part without an entity tag');
    return answer.ETag;
  }

  async #complete(
    input: CompleteMultipartUploadCommandInput,
    signal: AbortSignal | undefined,
  ): Promise<'done' | 'lost'> {
    const command = new this.#sdk.CompleteMultipartUploadCommand(input);
    const answer = await this.#orLost('complete an upload', signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return answer === 'lost' ? answer : 'done';
  }

  /** The field of a request by which the server compares its bytes. @param sum hex; undefined: none */
  #sumOf(sum: string | undefined): {
    readonly ContentMD5?: string;
    readonly ChecksumSHA256?: string;
    readonly ChecksumCRC32?: string;
  } {
    if (sum === undefined) return {};
    return { [this.#hash === 'md5' ? 'ContentMD5' : CHECKSUMS[this.#hash].field]: base64(sum) };
  }

  readonly parts: ObjectParts = {
    begin: (key, { signal } = {}) => this.#begin(this.#at(key), signal),
    send: (key, { uploadId, number, md5 }, bytes, { signal } = {}) => {
      const part = { ...this.#at(key), UploadId: uploadId, PartNumber: number, Body: bytes, ContentMD5: base64(md5) };
      return this.#send(part, signal);
    },
    complete: (key, uploadId, parts, { signal } = {}) => {
      const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
      return this.#complete({ ...this.#at(key), UploadId: uploadId, MultipartUpload: { Parts } }, signal);
    },
  };

  async read(
    key: string,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: ClientOptions = {},
  ): Promise<Uint8Array | undefined> {
    const command = new this.#sdk.GetObjectCommand({
      ...this.#at(key),
      Range: `bytes=${offset}-${offset + length - 1}`,
    });
    return this.#try('read an object', signal, async (abortSignal) => {
      try {
        const { Body } = await this.#client.send(command, { abortSignal });
        return (await Body?.transformToByteArray()) ?? new Uint8Array();
      } catch (error) {
        if (statusOf(error) === 416) return new Uint8Array();
        if (isAbsent(error)) return undefined;
        throw error;
      }
    });
  }

  async head(key: string, { signal }: ClientOptions = {}): Promise<ObjectHead | undefined> {
    // Without the mode a server leaves the checksum out.
    const hash = this.#hash;
    const mode = hash === 'md5' ? undefined : ({ ChecksumMode: 'ENABLED' } as const);
    const command = new this.#sdk.HeadObjectCommand({ ...this.#at(key), ...mode });
    return this.#try('look at an object', signal, async (abortSignal) => {
      try {
        const fields: Record<string, string> = mode ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
        const head = await this.#requests.send('HEAD', key, { headers: fields, signal: abortSignal });
        if (head) return head.status === 404 ? undefined : headOf(head.headers, hash);
        const answer = await this.#client.send(command, { abortSignal });
        const { ContentLength = -1, ETag = '' } = answer;
        const sum = hash === 'md5' ? undefined : answer[CHECKSUMS[hash].field];
        return { size: ContentLength, etag: tagOf(sum) ?? ETag.replaceAll('"', '').toLowerCase() };
      } catch (error) {
        // A HEAD has no body: a missing bucket looks like a missing object.
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async delete(key: string, { signal }: ClientOptions = {}): Promise<void> {
    const command = new this.#sdk.DeleteObjectCommand(this.#at(key));
    await this.#try('delete an object', signal, async (abortSignal) => {
      try {
        await this.#client.send(command, { abortSignal });
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    });
  }

  async abandon(key: string, { uploadId }: PartialUpload, { signal }: ClientOptions = {}): Promise<void> {
    const command = new this.#sdk.AbortMultipartUploadCommand({ ...this.#at(key), UploadId: uploadId });
    await this.#try('discard an upload', signal, async (abortSignal) => {
      try {
        await this.#client.send(command, { abortSignal });
      } catch (error) {
        // Some servers cannot; a rule of the bucket then removes the parts.
        if (![404, 405, 501].includes(statusOf(error))) throw error;
      }
    });
  }

  async *list(prefix: string, { signal, after = '' }: ListOptions = {}): AsyncGenerator<ListedObject> {
    for (let token: string | undefined; ; ) {
      const from = token === undefined ? after !== '' && { StartAfter: after } : { ContinuationToken: token };
      const page = { Bucket: this.#bucket, Prefix: prefix, ...from };
      const command = new this.#sdk.ListObjectsV2Command(page);
      const { Contents = [], NextContinuationToken } = await this.#try('list the bucket', signal, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      for (const { Key, Size } of Contents) {
        // A server may not know where to start.
        if (Key !== undefined && (after === '' || isAfter(Key, after))) yield { key: Key, size: Size ?? 0 };
      }
      token = NextContinuationToken;
      if (token === undefined) return;
    }
  }

  async *openUploads(prefix: string, { signal, after }: OpenUploadsOptions = {}): AsyncGenerator<OpenUpload> {
    const start = after ? { KeyMarker: after.key, UploadIdMarker: after.uploadId } : {};
    for (let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = start; ; ) {
      const command = new this.#sdk.ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: prefix, ...from });
      const page = await this.#try('list the open uploads', signal, async (abortSignal): Promise<UploadPage> => {
        try {
          return await this.#client.send(command, { abortSignal });
        } catch (error) {
          // Some servers cannot; a rule of the bucket then removes them.
          if ([405, 501].includes(statusOf(error))) return {};
          throw error;
        }
      });
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
        if (Key.startsWith(prefix)) yield { key: Key, uploadId: UploadId, startedMs: Initiated.getTime() };
      }
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
      if (!IsTruncated || NextKeyMarker === undefined) return;
      from = { KeyMarker: NextKeyMarker, ...(NextUploadIdMarker && { UploadIdMarker: NextUploadIdMarker }) };
    }
  }

  async presign(key: string, options: PresignOptions): Promise<string> {
    const { expiresS, signedAtMs, contentType, disposition, cacheControl } = options;
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new this.#sdk.GetObjectCommand({
      ...this.#at(key),
      ResponseContentType: contentType,
      ...(disposition !== undefined && { ResponseContentDisposition: disposition }),
      ...(cacheControl !== undefined && { ResponseCacheControl: cacheControl }),
    });
    const signingDate = signedAtMs === undefined ? undefined : new Date(signedAtMs);
    return getSignedUrl(this.#client, command, { expiresIn: expiresS, ...(signingDate && { signingDate }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#requests[Symbol.dispose]();
    this.#client.destroy();
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: key };
  }

  async #orLost<T>(
    what: string,
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | 'lost'> {
    const sendOnce = async (abortSignal: AbortSignal) => {
      try {
        return await send(abortSignal);
      } catch (error) {
        if ((error as Error).name === 'NoSuchUpload') return 'lost';
        throw error;
      }
    };
    return this.#try(what, signal, sendOnce, SEND_MS);
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

/** The headers of an object. */
function headOf(headers: IncomingHttpHeaders, hash: S3Hash): ObjectHead {
  const sum = hash === 'md5' ? undefined : headers[SUM_FIELDS[hash]];
  const etag = (headers.etag ?? '').replaceAll('"', '').toLowerCase();
  return {
    size: Number(headers['content-length'] ?? -1),
    etag: tagOf(typeof sum === 'string' ? sum : undefined) ?? etag,
  };
}

const BODY_HASH = 'x-amz-content-sha256';

/**
 * Signs requests with the SHA-256 of their body that they have, or by https without their body: otherwise the
 * SDK hashes it again. A bucket that refuses requests whose body is not signed gets it signed from then on.
 */
function hashBodiesOnce(client: S3Client, requests: S3Requests): void {
  let isRefused = false;
  client.middlewareStack.add(
    (next) => async (args) => {
      const { ChecksumSHA256: checksum, Body: body } = args.input as { ChecksumSHA256?: string; Body?: Uint8Array };
      // Its address may be that of the environment of the SDK.
      const { headers, protocol } = args.request as { headers: Record<string, string>; protocol: string };
      if (checksum !== undefined) headers[BODY_HASH] = hexOf(checksum);
      if (body === undefined || protocol !== 'https:' || isRefused) return next(args);
      headers[BODY_HASH] = 'UNSIGNED-PAYLOAD';
      try {
        const result = await next(args);
        const { Key: key } = args.input as { Key?: string };
        if (key !== undefined) requests.learn(args.request as never, key);
        return result;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        delete headers[BODY_HASH];
        const result = await next(args);
        isRefused = true;
        return result;
      }
    },
    { step: 'build', name: 'bodyHash' },
  );
}

/** Whether a server may have refused a request because its body is not signed. */
function isRefusal(error: unknown): boolean {
  return [400, 403, 501].includes(statusOf(error)) && (error as Error).name !== 'BadDigest';
}

/** The tag of a checksum of S3: Base64, of several parts with `-` and their number. */
function tagOf(checksum: string | undefined): string | undefined {
  const match = /^([\w+/]{43}=|[\w+/]{6}==)(-\d+)?$/.exec(checksum ?? '');
  return match ? `${hexOf(match[1]!)}${match[2] ?? ''}` : undefined;
}

const hexOf = (base64Text: string): string => Buffer.from(base64Text, 'base64').toString('hex');
const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

function statusOf(error: unknown): number {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
}

/** Whether the object is missing, and not its bucket. */
function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket';
}

/** Name, status and message of an error of the SDK. */
function describe(error: unknown): string {
  const { name, message } = error as Error;
  const status = statusOf(error);
  const said = message === '' || message === name ? '' : `: ${message}`;
  return `${name}${status > 0 ? ` (${status})` : ''}${said}`.slice(0, 300);
}
