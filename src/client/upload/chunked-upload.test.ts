import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OxbowProblem } from '../problem.ts';
import type { ChunkServer, UploadState } from './chunk-api.ts';
import { chunkSizeFor, uploadInChunks } from './chunked-upload.ts';

const CHUNK = 10;
const { signal } = new AbortController();
const problem = (code: string, status: number) => new OxbowProblem({ code, status, title: code });

/** A server in memory. */
class FakeServer implements ChunkServer {
  readonly chunks = new Map<number, string>();
  readonly requests: string[] = [];
  begun = 0;
  isComplete = false;
  atOnce = 0;
  mostAtOnce = 0;
  /** Called before each request; may throw. */
  before: (request: string) => void | Promise<void> = () => {};
  /** Called after each request, when it has had its effect: the answer is lost if it throws. */
  after: (request: string) => void = () => {};

  async #request<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.requests.push(name);
    await this.before(name);
    const answer = await work();
    this.after(name);
    return answer;
  }

  begin(): Promise<UploadState> {
    return this.#request('begin', () => {
      this.begun++;
      return this.#state();
    });
  }

  status(uploadId: string): Promise<UploadState> {
    return this.#request('status', () => {
      if (uploadId !== `upload-${this.begun}`) throw problem('upload-unknown', 404);
      return this.#state();
    });
  }

  async send(_: string, number: number, chunk: Blob, sent: (bytes: number) => void, ends: AbortSignal): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      await this.#request(`chunk ${number}`, async () => {
        ends.throwIfAborted();
        sent(chunk.size);
        this.chunks.set(number, await chunk.text());
      });
    } finally {
      this.atOnce--;
    }
  }

  complete(): Promise<void> {
    return this.#request('complete', () => {
      if (this.isComplete) throw problem('upload-complete', 409);
      this.isComplete = true;
    });
  }

  text(): string {
    return [...this.chunks]
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text)
      .join('');
  }

  #state(): UploadState {
    const received = new Set(this.chunks.keys());
    return {
      uploadId: `upload-${this.begun}`,
      assetId: 'asset',
      received,
      chunkBytes: CHUNK,
      complete: this.isComplete,
    };
  }
}

const words = 'It is a truth universally acknowledged, that a single man';
const file = new Blob([words]);

test('a file arrives in chunks of the size that the server keeps, several at a time', async () => {
  const server = new FakeServer();
  server.before = () => new Promise((resolve) => setImmediate(resolve));
  const seen: number[] = [];
  const onProgress = ({ bytes }: { bytes: number }) => seen.push(bytes);
  assert.equal(await uploadInChunks(server, file, { parallel: 3, signal, onProgress }), 'asset');
  assert.equal(server.text(), words);
  assert.equal(server.mostAtOnce, 3);
  assert.equal(seen[0], 0);
  assert.equal(seen.at(-1), words.length);
  assert.ok(seen.every((bytes) => bytes <= words.length));
});

test('an upload that was interrupted sends only the missing chunks', async () => {
  const server = new FakeServer();
  server.begun = 1;
  for (const number of [1, 2, 5]) server.chunks.set(number, words.slice((number - 1) * CHUNK, number * CHUNK));
  await uploadInChunks(server, file, { parallel: 1, signal, uploadId: 'upload-1' });
  assert.deepEqual(server.requests, ['status', 'chunk 3', 'chunk 4', 'chunk 6', 'complete']);
  assert.equal(server.text(), words);
});

test('an upload that the server has forgotten starts from the beginning, and one that is complete is not sent again', async () => {
  const server = new FakeServer();
  await uploadInChunks(server, file, { parallel: 2, signal, uploadId: 'expired' });
  assert.equal(server.text(), words);
  server.requests.length = 0;
  assert.equal(await uploadInChunks(server, file, { parallel: 2, signal, uploadId: 'upload-1' }), 'asset');
  assert.deepEqual(server.requests, ['status']);
});

test('chunks that are lost on the way are sent again, and the trouble is reported until one arrives', async () => {
  const server = new FakeServer();
  const wake = new EventTarget();
  let lost = 0;
  server.before = (request) => {
    if (request === 'chunk 2' && lost++ < 2) throw problem('unreachable', 0);
  };
  const troubles: (string | undefined)[] = [];
  await uploadInChunks(server, file, {
    parallel: 1,
    signal,
    wake,
    onProgress: ({ trouble }) => {
      if (troubles.at(-1) !== trouble?.code) troubles.push(trouble?.code);
      if (trouble) setImmediate(() => wake.dispatchEvent(new Event('online')));
    },
  });
  assert.equal(server.text(), words);
  assert.deepEqual(troubles, [undefined, 'unreachable', undefined].slice(troubles[0] === undefined ? 0 : 1));
});

test('a lost answer to the last request does not fail the upload', async () => {
  const server = new FakeServer();
  const wake = new EventTarget();
  let lost = false;
  server.after = (request) => {
    if (request !== 'complete' || lost) return;
    lost = true;
    throw problem('unreachable', 0);
  };
  const onProgress = () => void setImmediate(() => wake.dispatchEvent(new Event('online')));
  assert.equal(await uploadInChunks(server, file, { parallel: 2, signal, wake, onProgress }), 'asset');
  assert.deepEqual(server.requests.slice(-2), ['complete', 'status']);
});

test('a chunk that the server has lost is sent again', async () => {
  const server = new FakeServer();
  let lost = false;
  server.before = (request) => {
    if (request !== 'complete' || lost) return;
    lost = true;
    server.chunks.delete(3);
    throw problem('upload-incomplete', 409);
  };
  await uploadInChunks(server, file, { parallel: 2, signal });
  assert.deepEqual(server.requests.slice(-4), ['complete', 'status', 'chunk 3', 'complete']);
  assert.equal(server.text(), words);
});

test('a refusal ends the upload at once, with all its requests', async () => {
  const server = new FakeServer();
  server.before = (request) => {
    if (request === 'chunk 2') throw problem('quota-exceeded', 413);
  };
  await assert.rejects(uploadInChunks(server, file, { parallel: 2, signal }), { code: 'quota-exceeded' });
  assert.equal(server.atOnce, 0);
  assert.ok(!server.requests.includes('complete'));
});

test('without a network the upload fails when patience ends, or when it is aborted', async () => {
  const server = new FakeServer();
  server.before = (request) => {
    if (request !== 'begin') throw problem('unreachable', 0);
  };
  await assert.rejects(uploadInChunks(server, file, { parallel: 2, signal, patienceMs: 0 }), { code: 'unreachable' });
  const stop = new AbortController();
  const onProgress = ({ trouble }: { trouble: unknown }) => trouble && stop.abort(new Error('stopped'));
  await assert.rejects(uploadInChunks(server, file, { parallel: 2, signal: stop.signal, onProgress }), {
    message: 'stopped',
  });
});

test('an empty file has no chunks', async () => {
  const server = new FakeServer();
  await uploadInChunks(server, new Blob([]), { parallel: 4, signal });
  assert.deepEqual(server.requests, ['begin', 'complete']);
});

test('chunks are 64 KiB to 8 MiB', () => {
  for (const bytes of [0, 1, 2 ** 20, 2 ** 26, 2 ** 31, 2 ** 40]) {
    const size = chunkSizeFor(bytes);
    assert.ok(size >= 65_536 && size <= 8 * 1024 * 1024);
  }
});
