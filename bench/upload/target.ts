/**
 * The servers that `bench upload` compares with: @tus/server on a file store as @tus/file-store has it, and
 * the uploads of oxbow on a bare node:http without the hash of the file.
 * In: `bare` or `plain` and a folder, as arguments. Out: a line with its address.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DataStore, Server, type Upload } from '@tus/server';
import { openLocalUploadStore } from '../../src/archive/local-upload-store.ts';
import { createTus } from '../../src/http/uploads/tus.ts';
import { TUS_PATH } from '../../src/http/uploads/tus-context.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { openUploads } from '../../src/library/uploads/open-uploads.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openStore } from '../../src/store/db.ts';
import { openLeaseTable } from '../../src/store/lease-table.ts';

const [mode, folder = '.'] = process.argv.slice(2);

/** As @tus/file-store 2.1 writes: a write stream at the offset, no sync, the record next to the file. */
class FileStore extends DataStore {
  readonly #uploads = new Map<string, Upload>();
  override extensions = ['creation', 'creation-with-upload', 'creation-defer-length', 'termination', 'expiration'];

  override async create(file: Upload): Promise<Upload> {
    await writeFile(join(folder, file.id), '');
    await writeFile(join(folder, `${file.id}.json`), JSON.stringify(file));
    this.#uploads.set(file.id, file);
    return file;
  }

  override async getUpload(id: string): Promise<Upload> {
    return this.#uploads.get(id)!;
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    let received = 0;
    const count = new Transform({
      transform(chunk: Buffer, _, done) {
        received += chunk.length;
        done(null, chunk);
      },
    });
    await pipeline(readable, count, createWriteStream(join(folder, id), { flags: 'r+', start: offset }));
    const upload = this.#uploads.get(id)!;
    upload.offset = offset + received;
    return upload.offset;
  }

  override getExpiration(): number {
    return 0;
  }
}

async function plain(): Promise<RequestListener> {
  const clock = createSystemClock();
  const store = await openStore({ file: join(folder, 'oxbow.db'), log: createSilentLog() });
  const files = openLocalUploadStore({ folder });
  let assets = 0;
  const { uploads, creation } = openUploads({
    db: store.db,
    clock,
    store: { ...files, digest: () => ({ reach() {}, result: async () => '', [Symbol.dispose]() {} }) },
    leases: openLeaseTable(store.db, clock),
    intake: {
      begin: async () => `asset${assets++}`,
      grows: async () => {},
      complete: async () => {},
      fail: async () => {},
    },
    events: { publish() {} },
    settings: { now: { library: { maxUpload: undefined, uploadExpiry: 86_400_000, parallelUploads: 1000 } } },
    room: () => Number.MAX_SAFE_INTEGER,
    counters: { bytes() {}, receiving() {}, ended() {} },
    failed: console.error,
    holder: 'bench',
    signal: new AbortController().signal,
  });
  const tus = createTus(uploads, creation);
  return (request, response) => {
    const { method = '', url = '', headers } = request;
    const who = { owner: 'admin', isAdmin: true };
    const signal = new AbortController().signal;
    void tus({ method, target: url, headers, body: request, who, origin: `http://${headers.host}`, signal }).then(
      ({ status, headers: fields }) => response.writeHead(status, fields).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  };
}

function bare(): RequestListener {
  const server = new Server({ path: TUS_PATH, datastore: new FileStore() });
  return (request, response) => void server.handle(request, response);
}

const server = createServer({ requestTimeout: 0 }, mode === 'bare' ? bare() : await plain()).listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
