import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpChunkServer, type RawAnswer, type RawRequest } from './http-chunk-server.ts';

const { signal } = new AbortController();
const file = new Blob(['0123456789']);
const status = {
  upload_id: 'u 1',
  asset_id: 'a1',
  chunk_size: 4,
  received_chunks: [
    [1, 2],
    [4, 4],
  ],
  state: 'open',
};

function open(answer: RawAnswer | Error) {
  const requests: RawRequest[] = [];
  const server = httpChunkServer(
    { server: 'https://tv.example', token: 'secret' },
    { file, filename: 'a.mp4' },
    async (request) => {
      requests.push(request);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  );
  return { server, requests };
}

test('an upload begins with the size of the file and of its chunks', async () => {
  const { server, requests } = open({ status: 201, body: JSON.stringify(status) });
  const { uploadId, assetId, chunkBytes, received, complete } = await server.begin(signal);
  assert.deepEqual([uploadId, assetId, chunkBytes, [...received], complete], ['u 1', 'a1', 4, [1, 2, 4], false]);
  const [{ method, url, headers, body }] = requests as [RawRequest];
  assert.deepEqual(
    [method, url, headers.authorization],
    ['POST', 'https://tv.example/api/v1/upload/init', 'Bearer secret'],
  );
  assert.deepEqual(JSON.parse(String(body)), { filename: 'a.mp4', total_size: 10, chunk_size: 262_144 });
});

test('a request to begin is repeated with the same key until it is answered, so it begins one upload', async () => {
  const keys: (string | undefined)[] = [];
  const answers = [new TypeError('reset'), { status: 201, body: JSON.stringify(status) }];
  const server = httpChunkServer({}, { file, filename: 'a.mp4' }, async ({ headers }) => {
    keys.push(headers['idempotency-key']);
    const answer = answers[Math.min(keys.length, answers.length) - 1]!;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  await assert.rejects(server.begin(signal), { code: 'unreachable' });
  for (const _ of [2, 3]) await server.begin(signal);
  assert.match(keys[0]!, /^[0-9a-f]{32}$/);
  assert.deepEqual([keys[1] === keys[0], keys[2] === keys[1]], [true, false]);
});

test('a chunk is a form with its number; ids are escaped in addresses', async () => {
  const { server, requests } = open({ status: 200, body: JSON.stringify({ ...status, state: 'complete' }) });
  await server.send('u 1', 2, file.slice(4, 8), () => {}, signal);
  assert.equal((await server.status('u 1', signal)).complete, true);
  const form = requests[0]!.body as FormData;
  assert.deepEqual([form.get('upload_id'), form.get('chunk_number')], ['u 1', '2']);
  assert.equal(await (form.get('chunk') as File).text(), '4567');
  assert.equal(requests[1]!.url, 'https://tv.example/api/v1/upload/u%201/status');
});

test('a refusal has its code, a lost connection is unreachable, another answer is unreadable', async () => {
  const body = JSON.stringify({ code: 'quota-exceeded', title: 'full', status: 413 });
  await assert.rejects(open({ status: 413, body }).server.begin(signal), { code: 'quota-exceeded', status: 413 });
  await assert.rejects(open(new TypeError('reset')).server.begin(signal), { code: 'unreachable', status: 0 });
  await assert.rejects(open({ status: 200, body: '<html>' }).server.begin(signal), { code: 'unreadable' });
  await assert.rejects(open({ status: 502, body: '<html>' }).server.complete('u', signal), {
    code: 'unreadable',
    status: 502,
  });
});

test('an abort rejects with its reason, not as a lost connection', async () => {
  const ends = new AbortController();
  ends.abort(new Error('paused'));
  await assert.rejects(open(new TypeError('reset')).server.begin(ends.signal), { message: 'paused' });
});
