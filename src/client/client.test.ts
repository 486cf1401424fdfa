import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type ClientOptions, OxbowClient, type OxbowProblem } from './client.ts';

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | null;
}

type Answer = (sent: Sent, init: RequestInit) => Response | Promise<Response>;

/** A client whose server is a list of answers; the last one repeats. */
function clientOf(answers: readonly Answer[], options: ClientOptions = {}) {
  const sent: Sent[] = [];
  const ask = async (url: string | URL | Request, init: RequestInit = {}) => {
    const { method = 'GET', body = null } = init;
    const one = { url: String(url), method, headers: new Headers(init.headers), body: body as string | null };
    sent.push(one);
    return answers[Math.min(sent.length, answers.length) - 1]!(one, init);
  };
  return {
    sent,
    client: new OxbowClient({ server: 'https://tv.example', token: 'let-me-in', fetch: ask, ...options }),
  };
}

const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  () =>
    Response.json(body, { status, headers });

suite('a request', () => {
  test('puts parameters into path and query, the body into JSON, and sends the token', async () => {
    const { client, sent } = clientOf([json({})]);
    await client.listStreamGaps({ name: 'a/b', from: '1795160400' });
    const headers: string[] = [];
    await client.replaceStream(
      { name: 'door', body: { source: { type: 'test' } } },
      { ifMatch: '"x"', onHeaders: (each) => headers.push(each.get('content-type')!) },
    );
    assert.deepEqual(
      sent.map(({ method, url, body }) => [method, url, body]),
      [
        ['GET', 'https://tv.example/api/v1/streams/a%2Fb/gaps?from=1795160400', null],
        ['PUT', 'https://tv.example/api/v1/streams/door', '{"source":{"type":"test"}}'],
      ],
    );
    assert.deepEqual(headers, ['application/json']);
    const [asked, changed] = sent.map((one) => one.headers);
    assert.deepEqual([asked!.get('authorization'), asked!.get('content-type')], ['Bearer let-me-in', null]);
    assert.deepEqual([changed!.get('if-match'), changed!.get('content-type')], ['"x"', 'application/json']);
  });

  test('a refusal is thrown as its problem document; an answer that is not oxbow’s, or none, has its own code', async () => {
    const problem = {
      type: '/docs/errors/stream-unknown',
      title: 'There is none',
      status: 404,
      code: 'stream-unknown',
    };
    const refused = clientOf([json(problem, 404)]).client.getStream({ name: 'x' });
    await assert.rejects(refused, (error: OxbowProblem) => {
      assert.deepEqual([error.code, error.status, error.problem.title], ['stream-unknown', 404, 'There is none']);
      return true;
    });
    const codeOf = (answer: Answer) =>
      clientOf([answer])
        .client.getTime()
        .catch((error: OxbowProblem) => error.code);
    assert.equal(await codeOf(() => new Response('<html>', { status: 502 })), 'unreadable');
    assert.equal(await codeOf(() => new Response('<html>')), 'unreadable');
    assert.equal(await codeOf(() => Promise.reject(new TypeError('fetch failed'))), 'unreachable');
  });

  test('a refusal with Retry-After is repeated then, unless the request is not repeatable or the wait is too long', async () => {
    const busy = (seconds: string) => json({ code: 'busy', status: 503, title: '' }, 503, { 'retry-after': seconds });
    const good = json({ now: '2026-11-20T08:00:00.000Z' });
    const quick = clientOf([busy('0'), busy('0'), good]);
    assert.equal((await quick.client.getTime()).now, '2026-11-20T08:00:00.000Z');
    assert.equal(quick.sent.length, 3);
    const never = clientOf([busy('0')]);
    await assert.rejects(never.client.getTime(), { code: 'busy' });
    assert.equal(never.sent.length, 3);
    const body = { source: { type: 'test' }, name: 'door' } as const;
    const twice = clientOf([busy('0'), json({})]);
    await assert.rejects(twice.client.createStream({ body }), { code: 'busy' });
    await twice.client.createStream({ body }, { idempotencyKey: 'once' });
    assert.equal(twice.sent.at(-1)!.headers.get('idempotency-key'), 'once');
    const late = clientOf([busy('3600')]);
    await assert.rejects(late.client.getTime(), { code: 'busy' });
    assert.equal(late.sent.length, 1);
  });

  test('an abort rejects with its reason, in the request and in the pause before the next attempt', async () => {
    const aborted = AbortSignal.abort(new RangeError('enough'));
    const asked = clientOf([(_, init) => Promise.reject(init.signal!.reason)]);
    await assert.rejects(asked.client.getTime({ signal: aborted }), { message: 'enough' });
    const controller = new AbortController();
    const waiting = clientOf([
      () => {
        queueMicrotask(() => controller.abort(new RangeError('enough')));
        return Response.json({}, { status: 503, headers: { 'retry-after': '20' } });
      },
    ]);
    await assert.rejects(waiting.client.getTime({ signal: controller.signal }), { message: 'enough' });
  });

  test('an answer without a body is undefined, and a file is the Response', async () => {
    const nothing = clientOf([() => new Response(null, { status: 204 })]);
    assert.equal(await nothing.client.deleteStream({ name: 'door' }), undefined);
    const file = await clientOf([() => new Response('bytes')]).client.getExportFile({ id: '1' });
    assert.equal(await file.text(), 'bytes');
  });
});

suite('events', () => {
  const block = (id: string, type: string) => `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type })}\n\n`;
  const bytes = new TextEncoder();

  test('arrive in order however the stream is split, and continue after the last id when the connection is lost', async () => {
    const text = `retry: 2000\n\n${block('1', 'events.ready')}: still here\n\n${block('2', 'stream.live')}`;
    const { client, sent } = clientOf([
      () => new Response(new ReadableStream({ start: (body) => pieces(body, text, 7) })),
      () => new Response(block('3', 'stream.gap')),
    ]);
    const heard: string[] = [];
    for await (const { id, type } of client.events({ types: ['stream.live', 'stream.gap'], stream: 'door' })) {
      heard.push(`${id} ${type}`);
      if (id === '3') break;
    }
    assert.deepEqual(heard, ['1 events.ready', '2 stream.live', '3 stream.gap']);
    assert.deepEqual(
      sent.map(({ url }) => url.slice(url.indexOf('?'))),
      ['?types=stream.live%2Cstream.gap&stream=door', '?types=stream.live%2Cstream.gap&stream=door&after=2'],
    );
    assert.equal(sent[0]!.headers.get('authorization'), 'Bearer let-me-in');
  });

  function pieces(body: ReadableStreamDefaultController<Uint8Array>, text: string, length: number): void {
    for (let at = 0; at < text.length; at += length) body.enqueue(bytes.encode(text.slice(at, at + length)));
    body.close();
  }

  test('end with the signal and throw nothing; a permanent refusal is thrown', async () => {
    const controller = new AbortController();
    const open: Answer = (_, { signal }) =>
      new Response(
        new ReadableStream({
          start(body) {
            body.enqueue(bytes.encode(block('1', 'events.ready')));
            signal!.addEventListener('abort', () => body.error(signal!.reason));
          },
        }),
      );
    const { client } = clientOf([open]);
    for await (const { type } of client.events({ signal: controller.signal })) {
      assert.equal(type, 'events.ready');
      controller.abort();
    }
    const refused = clientOf([json({ code: 'bad-request', title: '', status: 400 }, 400)]);
    await assert.rejects(refused.client.events().next(), { code: 'bad-request' });
  });

  test('an error of the loop itself is not treated as a lost connection', async () => {
    const { client, sent } = clientOf([() => new Response(block('1', 'events.ready'))]);
    await assert.rejects(async () => {
      for await (const _ of client.events()) throw new RangeError('a bug');
    }, /a bug/);
    assert.equal(sent.length, 1);
  });
});
