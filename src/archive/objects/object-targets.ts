/**
 * The object stores of the settings, by name. A client is opened when its target is used first.
 * In: the section `storage.targets`. Out: ObjectClient. The address of a target is configured by an
 * administrator, so it may be any host; requests go to it by the libraries of the providers, not through
 * `net`.
 */
import { readFile } from 'node:fs/promises';
import type { TargetConfig } from '../../config/sections/storage-section.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { type ObjectClient, ObjectError } from './object-client.ts';

/** Where Google Cloud Storage speaks the protocol of S3. */
const GCS = 'https://storage.googleapis.com';

/** Puts something in front of the client of a target, such as a check before each change. */
export type ClientGuard = (target: string, client: ObjectClient) => ObjectClient;

/** The object stores of a process. Disposing closes their clients. */
export class ObjectTargets implements AsyncDisposable {
  readonly #targets: Readonly<Record<string, TargetConfig>>;
  readonly #guard: ClientGuard;
  readonly #clients = new Map<string, Promise<ObjectClient>>();

  constructor(targets: Readonly<Record<string, TargetConfig>>, guard: ClientGuard = (_target, client) => client) {
    this.#targets = targets;
    this.#guard = guard;
  }

  /** Names of all targets. */
  get names(): readonly string[] {
    return Object.keys(this.#targets);
  }

  /** The settings of a target. */
  find(name: string): TargetConfig | undefined {
    return Object.hasOwn(this.#targets, name) ? this.#targets[name] : undefined;
  }

  /**
   * The client of a target. Rejects with OxbowError `storage-failed` if there is no such target, with
   * ObjectError if its secret cannot be read.
   */
  client(name: string): Promise<ObjectClient> {
    const cached = this.#clients.get(name);
    if (cached) return cached;
    const opening = this.#open(name).then((client) => this.#guard(name, client));
    this.#clients.set(name, opening);
    // A failure is not kept.
    opening.catch(() => this.#clients.delete(name));
    return opening;
  }

  async #open(name: string): Promise<ObjectClient> {
    const target = this.find(name);
    if (!target) {
      const hint = 'Name the file with the settings (--config FILE); a server reads targets when it starts.';
      throw new OxbowError('storage-failed', `storage.targets has no "${name}".`, { extra: { hint } });
    }
    if (target.type === 'folder') {
      const { openFolderClient } = await import('./folder-client.ts');
      return openFolderClient(target.path);
    }
    if (target.type === 'oxbow') {
      const { openOxbowClient } = await import('./oxbow-client.ts');
      return openOxbowClient({
        endpoint: target.endpoint,
        secret: await secretOf(target.vaultSecret, target.vaultSecretFile),
      });
    }
    const { type, endpoint, region, bucket, accessKeyId, forcePathStyle, checksums } = target;
    if (type === 'azure') {
      const { openAzureClient } = await import('./azure-client.ts');
      const connectionString = await secretOf(target.connectionString, target.connectionStringFile);
      return openAzureClient({ connectionString, container: bucket });
    }
    const { openS3Client } = await import('./s3-client.ts');
    const secret = await secretOf(target.secretAccessKey, target.secretAccessKeyFile);
    return openS3Client({
      endpoint: endpoint !== '' ? endpoint : type === 'gcs' ? GCS : undefined,
      region: type === 'gcs' ? 'auto' : region,
      bucket,
      accessKeyId: accessKeyId === '' ? undefined : accessKeyId,
      secretAccessKey: secret === '' ? undefined : secret,
      forcePathStyle: forcePathStyle === 'auto' ? endpoint !== '' || type === 'gcs' : forcePathStyle === 'on',
      checksums,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = await Promise.allSettled(this.#clients.values());
    for (const client of clients) if (client.status === 'fulfilled') await client.value[Symbol.asyncDispose]();
  }
}

async function secretOf(secret: string, file: string): Promise<string> {
  if (file === '') return secret;
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new ObjectError(`the file of the secret cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
