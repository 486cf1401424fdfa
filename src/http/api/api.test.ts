import assert from 'node:assert/strict';
import { request } from 'node:http';
import { suite, test } from 'node:test';
import { openAccess } from '../../accounts/access.ts';
import { memoryTables } from '../../accounts/memory-tables.fixture.ts';
import { routes } from '../../app/routes.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { asAdmin, shareTestServer, startTestServer, type TestServer, token } from '../fixture.ts';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, checked by each test
  readonly body: any;
}

async function ask(server: TestServer, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(server.url + path, { redirect: 'manual', ...init });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text };
}

function send(method: string, body: unknown, headers: Record<string, string> = asAdmin): RequestInit {
  return { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

const pull = { source: { type: 'pull', url: 'https://user:pass@cam.example/live.m3u8' } };

suite('streams', () => {
  const shared = shareTestServer();

  test('the anonymous list holds public streams only, the administrator sees all', async () => {
    const server = shared();
    const anonymous = await ask(server, '/api/v1/streams');
    assert.deepEqual([anonymous.status, anonymous.body.nextCursor], [200, null]);
    assert.deepEqual(
      anonymous.body.items.map((view: { name: string }) => view.name),
      ['public'],
    );
    assert.equal(anonymous.headers.get('cache-control'), 'no-store');
    const admin = await ask(server, '/api/v1/streams', { headers: asAdmin });
    assert.equal(admin.body.items.length, 4);
  });

  test('an unlisted stream is visible by name, a private one only to administrators', async () => {
    const server = shared();
    assert.equal((await ask(server, '/api/v1/streams/unlisted')).body.name, 'unlisted');
    for (const path of ['', '/timeline', '/gaps']) {
      const hidden = await ask(server, `/api/v1/streams/private${path}`);
      assert.deepEqual([hidden.status, hidden.body.code], [404, 'stream-unknown']);
    }
    assert.equal((await ask(server, '/api/v1/streams/private', { headers: asAdmin })).status, 200);
  });

  test('creating a stream answers 201 with its address, and never the URL of its source', async () => {
    const server = shared();
    const made = await ask(server, '/api/v1/streams', send('POST', { name: 'door', ...pull, keep: '7d' }));
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), '/api/v1/streams/door');
    assert.deepEqual(made.body.source, { type: 'pull' });
    assert.deepEqual(server.calls, [`create("door", ${JSON.stringify({ ...pull, keep: '7d' })})`]);
  });

  test('refusals of the service keep their status', async () => {
    const server = shared();
    const taken = await ask(server, '/api/v1/streams', send('POST', { name: 'public', ...pull }));
    assert.deepEqual([taken.status, taken.body.code], [409, 'stream-exists']);
    const unknown = await ask(server, '/api/v1/streams/unknown/start', { method: 'POST', headers: asAdmin });
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'stream-unknown']);
  });

  test('PUT answers 200 for an existing stream and 201 for a new one', async () => {
    const server = shared();
    assert.equal((await ask(server, '/api/v1/streams/public', send('PUT', pull))).status, 200);
    const made = await ask(server, '/api/v1/streams/new', send('PUT', pull));
    assert.deepEqual([made.status, made.headers.get('location')], [201, '/api/v1/streams/new']);
  });

  test('DELETE answers 204 and keeps recordings by default', async () => {
    const server = shared();
    const kept = await ask(server, '/api/v1/streams/public', { method: 'DELETE', headers: asAdmin });
    assert.deepEqual([kept.status, kept.body], [204, '']);
    await ask(server, '/api/v1/streams/public?recordings=delete', { method: 'DELETE', headers: asAdmin });
    const nonsense = await ask(server, '/api/v1/streams/public?recordings=some', {
      method: 'DELETE',
      headers: asAdmin,
    });
    assert.equal(nonsense.status, 400);
    assert.deepEqual(server.calls, [
      'remove("public", {"recordings":"keep"})',
      'remove("public", {"recordings":"delete"})',
    ]);
  });

  for (const verb of ['start', 'stop', 'restart']) {
    test(`${verb} answers 202 without a body`, async () => {
      const server = shared();
      const answer = await ask(server, `/api/v1/streams/public/${verb}`, { method: 'POST', headers: asAdmin });
      assert.deepEqual([answer.status, answer.body], [202, '']);
      assert.deepEqual(server.calls, [`${verb}("public")`]);
    });
  }

  test('an empty body with a JSON type counts as no body', async () => {
    const server = shared();
    const init = { method: 'POST', headers: { ...asAdmin, 'content-type': 'application/json' } };
    assert.equal((await ask(server, '/api/v1/streams/public/start', init)).status, 202);
  });
});

suite('requests are validated', () => {
  const shared = shareTestServer();

  test('each invalid member is reported with its pointer', async () => {
    const server = shared();
    const body = { name: 'door', source: { type: 'pull' }, recrod: true, visibility: 7 };
    const { status, body: problem } = await ask(server, '/api/v1/streams', send('POST', body));
    assert.deepEqual([status, problem.code, problem.type], [400, 'bad-request', '/docs/errors/bad-request']);
    const messages = new Map(
      problem.errors.map((each: { pointer: string; message: string }) => [each.message, each.pointer]),
    );
    assert.equal(messages.get('has no member named "recrod"'), '#');
    assert.equal(messages.get("must have required property 'url'"), '#/source');
    assert.deepEqual(server.calls, []);
  });

  test('a wrong choice is refused with the field and its permitted values, and nothing of the other choices', async () => {
    const server = shared();
    const detailOf = async (settings: object) =>
      (await ask(server, '/api/v1/streams/door', send('PUT', settings))).body.detail;
    const push = { type: 'push', onSecondPublisher: 'share' };
    assert.equal(
      await detailOf({ source: push }),
      '#/source/onSecondPublisher must be one of refuse, replace, standby',
    );
    assert.equal(await detailOf({ source: { type: 'pul' } }), '#/source/type must be one of pull, push, test, channel');
    assert.equal(await detailOf({ source: { type: 'test', x: 1 } }), '#/source has no member named "x"');
    assert.equal(await detailOf({ source: 5 }), '#/source must be object');
    assert.equal(
      await detailOf({ source: { type: 'test' }, visibility: 'x' }),
      '#/visibility must be one of public, unlisted, signed, private',
    );
    const logs = await ask(server, '/api/v1/logs?level=loud', { headers: asAdmin });
    assert.equal(logs.body.detail, '?/level must be one of trace, debug, info, warn, error, fatal');
  });

  test('an invalid name is refused with the rule for names, in path and body', async () => {
    const server = shared();
    for (const answer of [
      await ask(server, '/api/v1/streams/No%20Name'),
      await ask(server, '/api/v1/streams', send('POST', { name: '../etc', ...pull })),
    ]) {
      assert.deepEqual([answer.status, answer.body.code], [400, 'bad-name']);
      assert.match(answer.body.hint, /a-z, 0-9/);
    }
  });

  test('invalid JSON, another type, a body that is too large or too deep are refused', async () => {
    const server = shared();
    const post = (body: string, type = 'application/json') =>
      ask(server, '/api/v1/streams', { method: 'POST', headers: { ...asAdmin, 'content-type': type }, body });
    const answers = [
      await post('{"name":'),
      await post('{"__proto__":{"a":1}}'),
      await post(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`),
      await post('name=door', 'application/x-www-form-urlencoded'),
      await post(JSON.stringify('x'.repeat(1024 * 1024))),
    ];
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.code]),
      [
        [400, 'bad-request'],
        [400, 'bad-request'],
        [400, 'bad-request'],
        [415, 'unsupported-media'],
        [413, 'payload-too-large'],
      ],
    );
  });

  test('a path with invalid percent-encoding gets a problem document too', async () => {
    const server = shared();
    const answer = await ask(server, '/api/v1/streams/%zz');
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [400, 'application/problem+json']);
  });

  test('an unknown path is 404, a known one with another method 405 with Allow', async () => {
    const server = shared();
    assert.deepEqual((await ask(server, '/api/v1/nothing')).body.code, 'not-found');
    const wrong = await ask(server, '/api/v1/streams/public', { method: 'POST' });
    assert.deepEqual(
      [wrong.status, wrong.body.code, wrong.headers.get('allow')],
      [405, 'method-not-allowed', 'GET, HEAD, PUT, PATCH, DELETE'],
    );
  });
});

suite('creating twice', () => {
  const withKey = (key: string) => ({ ...asAdmin, 'idempotency-key': key });

  test('the same Idempotency-Key returns the first answer and creates one stream, for 24 h', async () => {
    await using server = await startTestServer();
    const post = () => ask(server, '/api/v1/streams', send('POST', { name: 'door', ...pull }, withKey('k1')));
    const answers = [await post(), await post()];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 201],
    );
    assert.equal(server.calls.length, 1);
    server.clock.advance(25 * 3_600_000);
    await post();
    assert.equal(server.calls.length, 2);
  });

  test('the same key with another body is refused, and a failed attempt may be repeated', async () => {
    await using server = await startTestServer();
    await ask(server, '/api/v1/streams', send('POST', { name: 'door', ...pull }, withKey('k1')));
    const other = await ask(server, '/api/v1/streams', send('POST', { name: 'gate', ...pull }, withKey('k1')));
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency-key-reused']);
    for (const _ of [1, 2])
      await ask(server, '/api/v1/streams', send('POST', { name: 'public', ...pull }, withKey('k2')));
    assert.equal(server.calls.length, 3);
    const long = await ask(
      server,
      '/api/v1/streams',
      send('POST', { name: 'door', ...pull }, withKey('k'.repeat(300))),
    );
    assert.equal(long.status, 400);
  });
});

suite('timeline and gaps', () => {
  const shared = shareTestServer();

  test('all four forms of time request the same range', async () => {
    const server = shared();
    for (const from of ['1795160400', '1795160400000', '2026-11-20T07:40:00Z', '20261120074000']) {
      assert.equal((await ask(server, `/api/v1/streams/public/timeline?from=${from}&to=1795161000`)).status, 200);
    }
    assert.deepEqual(new Set(server.calls), new Set(['timeline("public", 1795160400000, 1795161000000)']));
  });

  test('the end may be a duration after the start, as in the addresses of media', async () => {
    const server = shared();
    server.calls.length = 0;
    for (const to of ['600', '10m', '600s']) {
      assert.equal((await ask(server, `/api/v1/streams/public/timeline?from=1795160400&to=${to}`)).status, 200);
      assert.equal((await ask(server, `/api/v1/streams/public/gaps?from=1795160400&to=${to}`)).status, 200);
    }
    assert.ok(
      server.calls.every((call) => call.includes('1795160400000, 1795161000000')),
      server.calls.join(),
    );
    const alone = await ask(server, '/api/v1/streams/public/timeline?to=2h');
    assert.deepEqual([alone.status, alone.body.code], [400, 'bad-time']);
  });

  test('without times it is the last day', async () => {
    const server = shared();
    const { body } = await ask(server, '/api/v1/streams/public/timeline');
    assert.deepEqual([body.from, body.to], ['2026-11-18T08:00:00.000Z', '2026-11-19T08:00:00.000Z']);
    assert.deepEqual(body.runs, [{ run: 3, firstMsn: 868_123_456, utcOffset: 1_795_160_000.021 }]);
    const gaps = await ask(server, '/api/v1/streams/public/gaps');
    assert.deepEqual(gaps.body, {
      items: [{ from: body.from, to: body.to, cause: 'source-down', detail: 'HTTP 404 seg81.ts' }],
      nextCursor: null,
    });
  });

  test('invalid, reversed or too distant times are refused with a sentence', async () => {
    const server = shared();
    const codes = [];
    for (const query of [
      'from=yesterday',
      'from=1795161000&to=1795160400',
      'from=1695160400&to=1795160400',
      'colour=red',
    ]) {
      codes.push((await ask(server, `/api/v1/streams/public/timeline?${query}`)).body.code);
    }
    assert.deepEqual(codes, ['bad-time', 'bad-time', 'window-too-long', 'bad-request']);
  });
});

suite('permissions', () => {
  const shared = shareTestServer(() => ({}), { routes });

  test('every route that changes something, and system, needs the admin token', async () => {
    const server = shared();
    let asked = 0;
    for (const { method, path } of routes.filter(({ access }) => access === 'admin')) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: token }]) {
        // Each from another address: the rate limit is per address.
        const from = { 'x-forwarded-for': `203.0.113.${asked++ % 250}` };
        const answer = await ask(server, path.replace(':name', 'public'), { method, headers: { ...headers, ...from } });
        assert.deepEqual([answer.status, answer.body.code], [401, 'unauthorized'], `${method} ${path}`);
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="oxbow"');
      }
    }
    assert.deepEqual(server.calls, []);
    assert.equal((await ask(server, '/api/v1/system', { headers: asAdmin })).body.streams, 3);
  });

  test('without an admin token there is no administrator, and the hint says how to set one', async () => {
    const { folder, clock } = shared();
    const tables = memoryTables();
    const access = await openAccess({ tables, dataFolder: folder, clock, adminToken: undefined });
    await using server = await startTestServer({ access });
    const { status, body } = await ask(server, '/api/v1/system', { headers: asAdmin });
    assert.equal(status, 401);
    assert.match(body.hint, /--admin-token/);
  });

  test('the metrics are for this computer, but not for requests that a proxy on it forwards', async () => {
    const server = shared();
    const local = await ask(server, '/metrics');
    assert.equal(local.status, 200);
    assert.match(local.headers.get('content-type')!, /^text\/plain/);
    assert.match(local.body, /^oxbow_cpu_seconds_total \d/m);
    const forwarded = { 'x-forwarded-for': '203.0.113.9' };
    assert.equal((await ask(server, '/metrics', { headers: forwarded })).status, 401);
    assert.equal((await ask(server, '/metrics', { headers: { ...forwarded, ...asAdmin } })).status, 200);
  });
});

suite('problems', () => {
  test('have code, hint and the trace id of the request, which is in the log too', async () => {
    await using server = await startTestServer();
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const { status, headers: sent, body } = await ask(server, '/api/v1/streams/unknown', { headers });
    assert.equal(status, 404);
    assert.equal(sent.get('content-type'), 'application/problem+json');
    assert.equal(sent.get('cache-control'), 'no-store');
    assert.deepEqual(body, {
      type: '/docs/errors/stream-unknown',
      title: 'Unknown stream',
      status: 404,
      code: 'stream-unknown',
      detail: 'There is no stream named unknown.',
      hint: 'GET /api/v1/streams lists them.',
      traceId,
    });
    assert.ok(server.logged.some((line) => line.includes(traceId)));
  });

  test('a bug is 500 without its message, counted, and logged with its stack', async () => {
    await using server = await startTestServer({
      system: () => {
        throw new TypeError('secret detail');
      },
    });
    const { status, body } = await ask(server, '/api/v1/system', { headers: asAdmin });
    assert.deepEqual([status, body.code], [500, 'internal']);
    assert.ok(!JSON.stringify(body).includes('secret detail'));
    assert.ok(
      server.logged.some(
        (line) => line.includes('secret detail') && line.includes(body.traceId) && line.includes('api.test.ts'),
      ),
    );
    assert.match(await server.deps.metrics.print(), /^oxbow_bugs_total 1$/m);
  });
  for (const code of ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_HTTP2_STREAM_ERROR', 'ECONNRESET']) {
    test(`a client that has left is no bug (${code})`, async () => {
      const failing = { system: () => Promise.reject(Object.assign(new Error(), { code })) };
      await using server = await startTestServer(failing);
      await ask(server, '/api/v1/system', { headers: asAdmin });
      assert.match(await server.deps.metrics.print(), /^oxbow_bugs_total 0$/m);
    });
  }
  test('a refusal may have its own members and Retry-After', async () => {
    await using server = await startTestServer({
      system: () => {
        throw new OxbowError('not-ready', 'still starting', { extra: { retryAfterSeconds: 1.2, stage: 'index' } });
      },
    });
    const { status, headers, body } = await ask(server, '/api/v1/system', { headers: asAdmin });
    assert.deepEqual([status, headers.get('retry-after'), body.stage], [503, '2', 'index']);
    assert.equal(body.retryAfterSeconds, undefined);
  });
});

suite('health', () => {
  test('the status is ok while every check is', async () => {
    await using server = await startTestServer();
    server.deps.health.register('database', () => '3 streams');
    for (const path of ['/health', '/healthz', '/ready', '/readiness']) {
      const { status, body } = await ask(server, path);
      assert.equal(status, 200);
      assert.equal(body.status, 'ok');
      assert.deepEqual(
        [body.checks[0].name, body.checks[0].status, body.checks[0].detail],
        ['database', 'ok', '3 streams'],
      );
    }
  });

  test('a failing check is 503 and named; only the operator sees the detail', async () => {
    await using server = await startTestServer();
    server.deps.health.register('database', () => {
      throw new Error('disk I/O error on /srv/oxbow');
    });
    const local = await ask(server, '/ready');
    assert.deepEqual([local.status, local.body.status, local.headers.get('retry-after')], [503, 'failing', '5']);
    assert.match(local.body.checks[0].detail, /disk I\/O/);
    const far = await ask(server, '/ready', { headers: { 'x-forwarded-for': '203.0.113.9' } });
    assert.equal(far.body.checks[0].detail, undefined);
  });

  test('a check that only informs does not make the server unready', async () => {
    await using server = await startTestServer();
    server.deps.health.register('backup', () => Promise.reject(new Error('late')), { ready: false });
    assert.equal((await ask(server, '/ready')).status, 200);
    assert.equal((await ask(server, '/health')).status, 503);
  });

  test('/live is liveness for machines and sends browsers to the page', async () => {
    await using server = await startTestServer();
    for (const path of ['/live', '/liveness', '/livez']) {
      assert.deepEqual((await ask(server, path, { headers: { accept: '*/*' } })).body, { status: 'ok' });
    }
    const browser = await ask(server, '/live', { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    assert.deepEqual([browser.status, browser.headers.get('location')], [302, '/']);
    assert.equal((await ask(server, '/livez', { headers: { accept: 'text/html' } })).status, 200);
  });

  test('version and time are for anyone', async () => {
    await using server = await startTestServer();
    assert.deepEqual((await ask(server, '/version')).body, { name: 'oxbow', version: '0.0.0-test' });
    assert.deepEqual((await ask(server, '/api/v1/time')).body, { now: '2026-11-19T08:00:00.000Z' });
  });
});

test('HEAD is answered as GET, without the body', async () => {
  await using server = await startTestServer();
  const { status, headers, body } = await ask(server, '/version', { method: 'HEAD' });
  assert.deepEqual([status, body], [200, '']);
  assert.ok(Number(headers.get('content-length')) > 10);
});

test('a header that is too large is refused by node', async () => {
  await using server = await startTestServer();
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  request(`${server.url}/version`, { headers: { 'x-large': 'x'.repeat(17_000) } }, (response) => {
    response.resume();
    resolve(response.statusCode);
  }).end();
  assert.equal(await promise, 431);
});
