import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { eventTypes } from '../../api/events.ts';
import { routes } from '../../app/routes.fixture.ts';
import { asAdmin, startTestServer } from '../fixture.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
  readonly security?: readonly object[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

suite('the OpenAPI document', () => {
  let document: Document;

  before(async () => {
    await using server = await startTestServer({}, undefined, { routes });
    document = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as Document;
  });

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.values(methods).map((each) => ({ path, ...each })),
    );

  test('is serialized once, and not sent again to a client that has it', async () => {
    await using server = await startTestServer({}, undefined, { routes });
    const address = `${server.url}/api/v1/openapi.json`;
    const first = await fetch(address);
    const etag = first.headers.get('etag')!;
    assert.equal(await (await fetch(address)).text(), await first.text());
    const again = await fetch(address, { headers: { 'if-none-match': etag } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
  });

  test('is of version 3.1 and names the version of oxbow', () => {
    assert.match(document.openapi, /^3\.1\.\d+$/);
    assert.deepEqual([document.info.title, document.info.version], ['oxbow', '0.0.0-test']);
  });

  test('lists every route of the table and no other', () => {
    const listed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const wanted = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    assert.deepEqual(listed.toSorted(), wanted.toSorted());
  });

  test('every reference resolves', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1]!);
    assert.ok(references.length > 20);
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
      assert.ok(name !== undefined && name in document.components.schemas, reference);
    }
  });

  test('event types are listed once, and a webhook with an unknown one is refused', async () => {
    const { EventType, WebhookSettings } = document.components.schemas as Record<string, { enum?: unknown }>;
    assert.deepEqual(EventType!.enum, eventTypes);
    assert.match(JSON.stringify(WebhookSettings), /"items":\{"\$ref":"#\/components\/schemas\/EventType"\}/);
    await using server = await startTestServer({}, undefined, { routes });
    const body = JSON.stringify({ url: 'https://hooks.example/', types: ['stream.gap', 'stream.gone'] });
    const headers = { 'content-type': 'application/json', ...asAdmin };
    const answer = await fetch(`${server.url}/api/v1/webhooks`, { method: 'POST', headers, body });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /types/);
  });

  test('every operation has a unique name, a summary, its path parameters, and described answers', () => {
    const ids = operations().map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    for (const { path, summary, parameters = [], responses } of operations()) {
      assert.match(summary, /\.$/);
      const inPath = parameters.filter((one) => one.in === 'path').map((one) => one.name);
      assert.deepEqual(
        inPath,
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
      );
      assert.ok(Object.keys(responses).length >= 2, path);
      for (const [status, { description }] of Object.entries(responses)) {
        assert.match(status, /^([1-5]\d\d|4XX)$/);
        assert.ok(description !== '' && description !== 'Default Response', `${path} ${status}`);
      }
    }
  });

  test('operations that need a token declare it', () => {
    for (const { access, method, path } of routes) {
      const operation = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]![method.toLowerCase()]!;
      assert.equal(
        JSON.stringify(operation.security) === '[{"adminToken":[]}]',
        access === 'admin' || access === 'worker',
        `${method} ${path}`,
      );
    }
  });

  test('repeatable requests show their Idempotency-Key, and metrics are text', () => {
    assert.ok(document.paths['/api/v1/streams']!.post!.parameters?.some(({ name }) => name === 'idempotency-key'));
    assert.deepEqual(Object.keys(document.paths['/metrics']!.get!.responses['200']!.content!), ['text/plain']);
  });
});
