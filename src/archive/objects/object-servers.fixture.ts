/**
 * Servers of objects on this machine, each with one empty bucket, and a proxy that makes their network bad.
 * In: nothing. Out: clients of them. Used by tests only.
 * Waits for wall time: servers are processes, and a slow network is real.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { freePort } from '../../../test/fixtures/free-port.ts';
import { type RunningService, sharedService } from '../../../test/fixtures/services/services.ts';
import { systemFiles } from '../../lib/files/files.ts';
import { replaceFile } from '../../lib/files/replace-file.ts';
import { openAzureClient } from './azure-client.ts';
import { openFolderClient } from './folder-client.ts';
import { hashOf, type ObjectClient } from './object-client.ts';
import { openS3Client } from './s3-client.ts';

/** The servers are installed apart from oxbow, by scripts/run-tests.ts. */
const require = createRequire(new URL('../../../test/fixtures/engines/npm/package.json', import.meta.url));
const BUCKET = 'media';
const S3RVER_KEYS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

/** A server with a bucket. */
export interface ObjectServer extends AsyncDisposable {
  readonly port: number;
  /** Its setting of a target, with the bucket. @param port another one, of a proxy in front of it */
  target(port?: number): Readonly<Record<string, string>>;
  /** A client of its bucket. @param port another one, of a proxy in front of it */
  client(port?: number): Promise<ObjectClient>;
}

/** A bucket of a server that speaks S3. */
export interface S3Server extends ObjectServer {
  /** Gives the bucket CORS rules by which any page may read signed addresses. */
  allowPages(): Promise<void>;
}

/**
 * A bucket of the s3rver of the test run, or of one in this process for a file that runs alone: no test stops
 * it.
 */
export async function startS3(): Promise<S3Server> {
  const address = await sharedService('s3');
  const service = address === undefined ? await openS3Service() : undefined;
  const port = Number(new URL(address ?? service!.address).port);
  const bucket = `media-${randomBytes(6).toString('hex')}`;
  return serveS3(port, S3RVER_KEYS, { bucket, close: async () => service?.[Symbol.asyncDispose]() });
}

/** Starts s3rver, a small S3 server, in this process. */
export async function openS3Service(): Promise<RunningService> {
  const S3rver = require('s3rver') as new (
    options: object,
  ) => {
    readonly store: S3Store;
    run(): Promise<{ readonly port: number }>;
    close(): Promise<void>;
  };
  const directory = await mkdtemp(join(tmpdir(), 'oxbow-s3-'));
  const server = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory });
  storeCompleteObjects(server.store);
  const getBucket = server.store.getBucket.bind(server.store);
  // Each file of tests has its own, which exists from its first use.
  server.store.getBucket = async (name) => {
    await mkdir(join(directory, name), { recursive: true });
    return getBucket(name);
  };
  const { port } = await server.run();
  return {
    address: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The files of s3rver. */
interface S3Store {
  getBucket(name: string): Promise<unknown>;
  getResourcePath(bucket: string, key: string, resource: 'object' | 'uploads'): string;
  putMetadata(bucket: string, key: string, metadata: object, md5: string): Promise<void>;
  putObject(object: {
    readonly bucket: string;
    readonly key: string;
    readonly content: Readable;
    readonly metadata: object;
  }): Promise<S3File>;
  putPart(bucket: string, uploadId: string, part: number, content: Readable): Promise<S3File>;
}

/** What s3rver answers of a file. */
interface S3File {
  readonly size: number;
  readonly md5: string;
}

/**
 * Makes s3rver keep what S3 promises: an object is there when its put is answered, and not before all its
 * bytes are.
 */
function storeCompleteObjects(store: S3Store): void {
  /** @param keepSum runs when all bytes have come, before the file has its name */
  const write = async (path: string, content: Readable, keepSum: (md5: string) => Promise<void>): Promise<S3File> => {
    const bytes = Buffer.concat(await Array.fromAsync(content)); // rejects if the request is cut
    const md5 = hashOf('md5', bytes);
    await mkdir(dirname(path), { recursive: true });
    await keepSum(md5);
    await replaceFile(systemFiles, path, bytes);
    return { size: bytes.length, md5 };
  };
  store.putObject = ({ bucket, key, content, metadata }) =>
    write(store.getResourcePath(bucket, key, 'object'), content, (md5) =>
      store.putMetadata(bucket, key, metadata, md5),
    );
  store.putPart = (bucket, uploadId, part, content) => {
    const path = join(store.getResourcePath(bucket, '', 'uploads'), uploadId, String(part));
    return write(path, content, (md5) => writeFile(`${path}.md5`, md5));
  };
}

/**
 * A bucket of a server that speaks S3 on a port of this machine.
 * @param options.close ends what was started for it
 */
export function serveS3(
  at: number,
  keys: { readonly accessKeyId: string; readonly secretAccessKey: string },
  { bucket = BUCKET, close }: { readonly bucket?: string; readonly close: () => Promise<void> },
): S3Server & { createBucket(): Promise<void> } {
  const endpointOf = (port: number) => `http://127.0.0.1:${port}`;
  const send = async (command: (sdk: typeof import('@aws-sdk/client-s3')) => object) => {
    const sdk = await import('@aws-sdk/client-s3');
    const options = { endpoint: endpointOf(at), region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 };
    // The SDK adds fields to the object.
    const client = new sdk.S3Client({ ...options, credentials: { ...keys } });
    await client.send(command(sdk) as never).finally(() => client.destroy());
  };
  return {
    port: at,
    target: (other = at) => ({ type: 's3', endpoint: endpointOf(other), bucket, ...keys }),
    client: (other = at) =>
      openS3Client({
        endpoint: endpointOf(other),
        region: 'us-east-1',
        bucket,
        ...keys,
        forcePathStyle: true,
        checksums: 'required',
      }),
    createBucket: () => send(({ CreateBucketCommand }) => new CreateBucketCommand({ Bucket: bucket })),
    allowPages: () =>
      send(({ PutBucketCorsCommand }) => {
        const rule = { AllowedOrigins: ['*'], AllowedMethods: ['GET', 'HEAD'], AllowedHeaders: ['range'] };
        return new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules: [rule] } });
      }),
    [Symbol.asyncDispose]: close,
  };
}

/** Starts Azurite, the emulator of Azure Blob Storage, in its own process. */
export async function startAzure(): Promise<ObjectServer> {
  const directory = await mkdtemp(join(tmpdir(), 'oxbow-azure-'));
  const port = await freePort();
  const accountKey = randomBytes(32).toString('base64');
  const program = require.resolve('azurite/dist/src/blob/main.js');
  const args = ['--blobPort', String(port), '--location', directory, '--skipApiVersionCheck', '--disableTelemetry'];
  const env = { ...process.env, AZURITE_ACCOUNTS: `oxbow:${accountKey}` };
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('listens')) break;
  child.stdout.resume();
  const connectionString = (at: number) =>
    `DefaultEndpointsProtocol=http;AccountName=oxbow;AccountKey=${accountKey};BlobEndpoint=http://127.0.0.1:${at}/oxbow;`;
  const { BlobServiceClient } = await import('@azure/storage-blob');
  await BlobServiceClient.fromConnectionString(connectionString(port)).getContainerClient(BUCKET).create();
  return {
    port,
    target: (other = port) => ({ type: 'azure', bucket: BUCKET, connectionString: connectionString(other) }),
    client: (other = port) => openAzureClient({ connectionString: connectionString(other), container: BUCKET }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A folder as a bucket. */
export async function startFolder(): Promise<ObjectServer> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-copies-'));
  return {
    port: 0,
    target: () => ({ type: 'folder', path: folder }),
    client: () => openFolderClient(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A proxy in front of a server, whose network a test makes bad. */
export interface BadNetwork extends AsyncDisposable {
  readonly port: number;
  /** Bytes that came from clients so far. */
  readonly received: number;
  /** Resolves when clients have sent this many bytes in all. */
  receives(bytes: number): Promise<void>;
  /** Passes nothing on from now on, until `flow`. */
  stall(): void;
  flow(): void;
  /** Cuts every connection, and refuses new ones until `flow`. */
  cut(): void;
  /** Answers every request with a status without a body, until `flow`. */
  refuse(status: number): void;
  /** Cuts every connection when clients have sent this many more bytes; once. */
  cutAfter(bytes: number): void;
  /** Flips a bit of these bytes when a client sends them next. */
  damage(pattern: Buffer): void;
  /** Passes on what the server answers this much later, ms. */
  delay(ms: number): void;
}

/** Opens a proxy. */
export async function openBadNetwork(to: number): Promise<BadNetwork> {
  const sockets = new Set<Socket>();
  let received = 0;
  let isCut = false;
  let isStalled = false;
  let left = Number.POSITIVE_INFINITY;
  let delayMs = 0;
  let damaged: Buffer | undefined;
  let refusal: number | undefined;
  const waiting = new Set<() => void>();
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      if (isStalled) one.pause();
    }
    client.on('data', (bytes) => {
      received += bytes.length;
      left -= bytes.length;
      for (const check of waiting) check();
      const at = damaged ? bytes.indexOf(damaged) : -1;
      if (at >= 0) {
        bytes[at] = bytes[at]! ^ 1;
        damaged = undefined;
      }
      if (refusal !== undefined) {
        client.end(`HTTP/1.1 ${refusal} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      } else if (left > 0) upstream.write(bytes);
      else {
        left = Number.POSITIVE_INFINITY;
        cut();
      }
    });
    upstream.on('data', (bytes) => {
      if (delayMs === 0) client.write(bytes);
      else setTimeout(() => client.write(bytes), delayMs).unref();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    get received() {
      return received;
    },
    receives(bytes) {
      return new Promise((resolve) => {
        const check = () => {
          if (received < bytes) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    stall() {
      isStalled = true;
      for (const socket of sockets) socket.pause();
    },
    refuse(status) {
      refusal = status;
    },
    flow() {
      refusal = undefined;
      isStalled = false;
      isCut = false;
      for (const socket of sockets) socket.resume();
    },
    cut,
    cutAfter(bytes) {
      left = bytes;
    },
    damage(pattern) {
      damaged = pattern;
    },
    delay(ms) {
      delayMs = ms;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
