import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ChunkStatus, UploadView } from '../../src/api/library/upload-shapes.ts';
import { subscribeBySse, subscribeByWebSocket } from '../../src/http/events/subscriber.fixture.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';

const adminToken = 'let-me-in-please';
const file = randomBytes(3_000_000);
const tus = { 'tus-resumable': '1.0.0' } as const;
const octets = { ...tus, 'content-type': 'application/offset+octet-stream' } as const;

let folder: Awaited<ReturnType<typeof openFolder>>;
let server: Server;

before(async () => {
  folder = await openFolder('upload');
  // What is uploaded here is no film: nothing is to be imported.
  server = await startServer({ data: folder.path, adminToken, args: ['--jobs-own-worker', 'off'] });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const stored = (asset: string) => readFile(join(folder.path, 'assets', asset, 'original'));
const json = async <T>(response: Response): Promise<T> => (await response.json()) as T;
const uploadsOf = async () => (await json<{ items: UploadView[] }>(await server.fetch('/api/v1/uploads'))).items;

test('tus: what announces itself, is created, continued and complete is the original of an asset', async () => {
  const can = await server.fetch('/api/v1/uploads', { method: 'OPTIONS' });
  assert.match(can.headers.get('tus-extension')!, /creation-with-upload.*termination.*expiration.*checksum/);
  assert.equal(can.headers.get('tus-checksum-algorithm'), 'sha1,sha256,md5,crc32');
  assert.equal(can.headers.get('access-control-allow-origin'), null);
  const metadata = `filename ${btoa('../../etc/passwd.mp4')},title ${btoa('A day')}`;
  const created = await server.fetch('/api/v1/uploads', {
    method: 'POST',
    headers: { ...octets, 'upload-length': String(file.length), 'upload-metadata': metadata },
    body: file.subarray(0, 1000),
  });
  assert.equal(created.status, 201);
  const address = created.headers.get('location')!;
  assert.ok(address.startsWith(`${server.url}/api/v1/uploads/`), address);
  assert.equal(created.headers.get('upload-offset'), '1000');
  const asset = created.headers.get('oxbow-asset')!;
  const path = new URL(address).pathname;
  const patch = (offset: number, end: number, more: Record<string, string> = {}) =>
    server.fetch(path, {
      method: 'PATCH',
      headers: { ...octets, 'upload-offset': String(offset), ...more },
      body: file.subarray(offset, end),
    });
  const wrong = await patch(5, 100);
  assert.equal(wrong.headers.get('upload-offset'), '1000');
  const { code, status, resumeOffset } = await json<Record<string, unknown>>(wrong);
  assert.deepEqual([code, status, resumeOffset], ['upload-offset', 409, 1000]);
  const other = createHash('sha1').update('other').digest('base64');
  const mismatch = await patch(1000, 2000, { 'upload-checksum': `sha1 ${other}` });
  assert.equal(mismatch.status, 460);
  const head = await server.fetch(path, { method: 'HEAD', headers: tus });
  assert.equal(head.headers.get('upload-offset'), '1000', 'nothing of it counts');
  assert.equal(head.headers.get('upload-metadata'), metadata);
  const sum = createHash('sha256').update(file.subarray(1000)).digest('base64');
  const last = await patch(1000, file.length, { 'upload-checksum': `sha256 ${sum}` });
  assert.deepEqual([last.status, last.headers.get('upload-offset')], [204, String(file.length)]);
  assert.deepEqual(await stored(asset), file);
  const [upload] = await uploadsOf();
  assert.deepEqual([upload?.state, upload?.filename], ['complete', 'passwd.mp4'], 'a name is never a path');
});

test('tus: the length may come later, and an upload can be taken back', async () => {
  const create = () =>
    server.fetch('/api/v1/uploads', { method: 'POST', headers: { ...tus, 'upload-defer-length': '1' } });
  const [first, second] = [await create(), await create()];
  const path = new URL(first.headers.get('location')!).pathname;
  const patch = (headers: Record<string, string>, body: Uint8Array<ArrayBuffer>) =>
    server.fetch(path, { method: 'PATCH', headers: { ...octets, ...headers }, body });
  assert.equal((await patch({ 'upload-offset': '0' }, file)).status, 204);
  const declared = await patch(
    { 'upload-offset': String(file.length), 'upload-length': String(file.length) },
    file.subarray(0, 0),
  );
  assert.equal(declared.status, 204);
  assert.deepEqual(await stored(first.headers.get('oxbow-asset')!), file);
  const gone = new URL(second.headers.get('location')!).pathname;
  assert.equal((await server.fetch(gone, { method: 'DELETE', headers: tus })).status, 204);
  assert.equal((await server.fetch(gone, { method: 'HEAD', headers: tus })).status, 410);
});

test('a file comes in one request: as the body, or in a form', async () => {
  for (const method of ['PUT', 'POST']) {
    const answer = await server.fetch('/api/v1/uploads/file?filename=a.mp4', { method, body: file });
    assert.equal(answer.status, 201);
    const { asset, state, length } = await json<UploadView>(answer);
    assert.deepEqual(
      [state, length, answer.headers.get('location')],
      ['complete', file.length, `/api/v1/assets/${asset}`],
    );
    assert.deepEqual(await stored(asset), file);
  }
  const form = new FormData();
  form.set('title', 'From a form');
  form.set('file', new Blob([file]), 'b.mp4');
  const { asset } = await json<UploadView>(await server.fetch('/api/v1/uploads/file', { method: 'POST', body: form }));
  assert.deepEqual(await stored(asset), file);
  const failed = async () => {
    const { items } = await json<{ items: { id: string; state: string }[] }>(await server.fetch('/api/v1/assets'));
    return items.flatMap(({ id, state }) => (state === 'failed' ? [id] : []));
  };
  const failedBefore = await failed();
  const picture = Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1');
  const refused = await server.fetch('/api/v1/uploads/file?filename=a.mp4', { method: 'PUT', body: picture });
  assert.deepEqual([refused.status, (await json<{ code: string }>(refused)).code], [415, 'unsupported-media']);
  assert.deepEqual(await failed(), failedBefore, 'the picture leaves no card');
  const late = new FormData();
  late.set('file', new Blob([file]), 'c.mp4');
  late.set('title', 'Behind the file');
  const { asset: named } = await json<UploadView>(
    await server.fetch('/api/v1/uploads/file', { method: 'POST', body: late }),
  );
  const { title } = await json<{ title: string }>(await server.fetch(`/api/v1/assets/${named}`));
  assert.equal(title, 'Behind the file');
});

test('chunks come in any order, more than once and at once, and are compared', async () => {
  const size = 1_000_000;
  const request = (path: string, body: unknown) =>
    server.fetch(`/api/v1/upload/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const sha256 = createHash('sha256').update(file).digest('hex');
  const begun = await request('init', { filename: 'c.mp4', total_size: file.length, chunk_size: size, sha256 });
  assert.equal(begun.status, 201);
  const { upload_id: id, asset_id: asset, total_chunks: count } = await json<ChunkStatus>(begun);
  assert.equal(count, 3);
  const chunk = (number: number, from = number) => {
    const form = new FormData();
    form.set('upload_id', id);
    form.set('chunk_number', String(number));
    form.set('chunk', new Blob([file.subarray((from - 1) * size, from * size)]));
    return server.fetch('/api/v1/upload/chunk', { method: number % 2 ? 'POST' : 'PUT', body: form });
  };
  const answers = await Promise.all([chunk(3), chunk(1), chunk(3), chunk(1)]);
  for (const { status } of answers) assert.ok(status === 200 || status === 423, String(status));
  assert.equal((await chunk(3)).status, 200);
  assert.equal((await chunk(1)).status, 200);
  const early = await request('complete', { upload_id: id });
  assert.deepEqual([early.status, (await json<{ resumeOffset: number }>(early)).resumeOffset], [409, size]);
  const state = await json<ChunkStatus>(await server.fetch(`/api/v1/upload/${id}/status`));
  assert.deepEqual(
    [state.next_byte, state.received, state.received_chunks, state.missing_chunks],
    [
      size,
      file.length - size,
      [
        [1, 1],
        [3, 3],
      ],
      [[2, 2]],
    ],
  );
  const differs = await chunk(3, 1);
  assert.deepEqual([differs.status, (await json<{ code: string }>(differs)).code], [409, 'chunk-differs']);
  assert.equal((await chunk(9, 1)).status, 400);
  const raw = await server.fetch(`/api/v1/upload/chunk?upload_id=${id}&chunk_number=2`, {
    method: 'PUT',
    headers: {
      'upload-checksum': `md5 ${createHash('md5')
        .update(file.subarray(size, 2 * size))
        .digest('base64')}`,
    },
    body: file.subarray(size, 2 * size),
  });
  assert.deepEqual(await json(raw), { upload_id: id, chunk_number: 2, size, duplicate: false, next_byte: file.length });
  for (const _ of [1, 2]) {
    const done = await request('complete', { upload_id: id });
    assert.deepEqual([done.status, (await json<ChunkStatus>(done)).state], [200, 'complete']);
  }
  assert.deepEqual(await stored(asset), file);
});

test('a request with an Idempotency-Key that is repeated begins no second upload', async () => {
  const before = (await uploadsOf()).length;
  const key = { 'idempotency-key': '"once"' };
  const init = (name: string) =>
    server.fetch('/api/v1/upload/init', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...key },
      body: JSON.stringify({ filename: name, total_size: 1000 }),
    });
  const [first, again] = [await init('k.mp4'), await init('k.mp4')];
  assert.deepEqual([again.status, await json(again)], [201, await json(first)]);
  const other = await init('l.mp4');
  assert.deepEqual([other.status, (await json<{ code: string }>(other)).code], [422, 'idempotency-key-reused']);

  const headers = { ...octets, 'idempotency-key': 'tus', 'upload-length': String(file.length) };
  const create = () => server.fetch('/api/v1/uploads', { method: 'POST', headers, body: file.subarray(0, 1000) });
  const [created, repeated] = [await create(), await create()];
  const facts = ({ status, headers: fields }: Response) =>
    [status, ...['location', 'upload-offset', 'oxbow-asset', 'tus-resumable'].map((name) => fields.get(name))] as const;
  assert.deepEqual(facts(repeated), facts(created));
  assert.equal(created.headers.get('upload-offset'), '1000');

  const put = () =>
    server.fetch('/api/v1/uploads/file?filename=m.mp4', {
      method: 'PUT',
      headers: { 'idempotency-key': 'put' },
      body: file,
    });
  const [stored1, stored2] = [await json<UploadView>(await put()), await json<UploadView>(await put())];
  assert.deepEqual([stored2.id, stored2.state], [stored1.id, 'complete']);
  assert.equal((await uploadsOf()).length - before, 3);
});

test('a token with the scope upload sees its own uploads and nothing else', async () => {
  const made = await server.fetch('/api/v1/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ label: 'camera', scopes: ['upload'] }),
  });
  const { token } = await json<{ token: string }>(made);
  const as = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
  const created = await as('/api/v1/uploads', { method: 'POST', headers: { ...tus, 'upload-length': '10' } });
  assert.equal(created.status, 201);
  const { items } = await json<{ items: UploadView[] }>(await as('/api/v1/uploads'));
  assert.deepEqual(
    items.map(({ length }) => length),
    [10],
  );
  const foreign = (await uploadsOf()).find(({ length }) => length !== 10)!;
  assert.equal((await as(`/api/v1/uploads/${foreign.id}`, { method: 'HEAD', headers: tus })).status, 404);
  assert.equal((await as('/api/v1/system')).status, 403);
  assert.equal((await fetch(`${server.url}/api/v1/uploads`)).status, 401);

  // It gets events of its uploads only, over both streams of events, also of those while it was away.
  const address = `${server.url}/api/v1/events?types=upload.progress,asset.*`;
  const auth = { authorization: `Bearer ${token}` };
  const first = await subscribeBySse(address, auth);
  const { id: last } = await first.next();
  first.close();
  await server.fetch('/api/v1/uploads/file?filename=foreign.mp4', { method: 'PUT', body: file });
  const own = await as('/api/v1/uploads/file?filename=own.mp4', { method: 'PUT', body: file });
  const { id, asset, owner } = await json<UploadView>(own);
  for (const listen of [subscribeBySse, subscribeByWebSocket]) {
    const again = await listen(`${address}&after=${last}`, auth);
    const heard: string[] = [];
    for (let complete = false; !complete; ) {
      const { type, data } = await again.next();
      if (type === 'events.ready') continue;
      const { owner: of, received } = data as { owner: string; received?: number };
      assert.equal(of, owner);
      heard.push(type);
      complete = type === 'upload.progress' && received === file.length;
      if (complete) assert.deepEqual([(data as { id: string }).id, (data as { asset: string }).asset], [id, asset]);
    }
    again.close();
    assert.equal(heard[0], 'asset.created');
  }
});
