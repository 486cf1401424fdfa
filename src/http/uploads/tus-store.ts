/**
 * The uploads of the library as the data store of @tus/server.
 * In: its calls. Out: Uploads. The body is read from the request itself: as a web stream, which @tus/server
 * would pass, each piece costs several promises.
 */
import { DataStore, Upload as TusUpload } from '@tus/server';
import type { Upload } from '../../library/uploads/upload.ts';
import { refuseFailed } from '../../library/uploads/upload.ts';
import type { UploadCreation } from '../../library/uploads/upload-creation.ts';
import type { Uploads } from '../../library/uploads/uploads.ts';
import { currentRequest } from './tus-context.ts';

const VISIBILITIES = ['public', 'unlisted', 'private'] as const;

/** The data store. */
export class TusStore extends DataStore {
  override extensions = [
    'creation',
    'creation-with-upload',
    'creation-defer-length',
    'termination',
    'expiration',
    'checksum',
  ];
  readonly #uploads: Uploads;
  readonly #creation: UploadCreation;

  constructor(uploads: Uploads, creation: UploadCreation) {
    super();
    this.#uploads = uploads;
    this.#creation = creation;
  }

  override async create(file: TusUpload): Promise<TusUpload> {
    const request = currentRequest();
    const { id, size, metadata = {} } = file;
    const text = (name: string) => metadata[name] ?? undefined;
    request.upload = await this.#creation.create(request.who, {
      id,
      length: size,
      metadata,
      filename: text('filename') ?? text('name') ?? '',
      title: text('title'),
      description: text('description'),
      tags: text('tags')?.split(','),
      visibility: VISIBILITIES.find((each) => each === text('visibility')),
      sha256: text('sha256'),
      request: request.request,
    });
    const made = this.#toTus(request.upload);
    file.creation_date = made.creation_date;
    return made;
  }

  override async getUpload(id: string): Promise<TusUpload> {
    const request = currentRequest();
    const upload = await this.#uploads.get(id, request.who);
    refuseFailed(upload);
    // A client that is notified that its last byte has arrived does not come back.
    request.upload = request.lock ? await this.#uploads.completeStored(upload, request.lock) : upload;
    return this.#toTus(request.upload);
  }

  override async declareUploadLength(_: string, length: number): Promise<void> {
    const request = currentRequest();
    request.upload = await this.#uploads.declareLength(request.upload!, length, request.lock!);
  }

  override async write(_: unknown, id: string, offset: number): Promise<number> {
    const request = currentRequest();
    const { lock, body, checksum } = request;
    request.upload = await this.#uploads.append(id, lock!, offset, body, { checksum });
    return request.upload.received;
  }

  override async remove(id: string): Promise<void> {
    await this.#uploads.cancel(id, currentRequest().lock!);
  }

  override getExpiration(): number {
    return this.#uploads.expiryMs;
  }

  override async deleteExpired(): Promise<number> {
    return 0; // the library does
  }

  /** @tus/server takes the creation as the start of the expiry; here the last byte is. */
  #toTus({ id, length, received: offset, metadata, expiresMs }: Upload): TusUpload {
    return new TusUpload({
      id,
      offset,
      metadata: { ...metadata },
      ...(length !== undefined && { size: length }),
      creation_date: new Date(expiresMs - this.#uploads.expiryMs).toISOString(),
    });
  }
}
