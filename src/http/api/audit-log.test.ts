/** Waits for wall time: a request is logged some turns after its answer over a real socket. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { until } from '../../../test/fixtures/wait.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createLog } from '../../observe/log.ts';
import { asAdmin, shareTestServer, token } from '../fixture.ts';
import type { Authorized } from '../route/authorize.ts';
import type { Route } from '../route/route.ts';
import { AuditLog } from './audit-log.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';

suite('the audit log', () => {
  const probe = () => Promise.reject(new OxbowError('source-failed', 'no answer'));
  const shared = shareTestServer(() => ({ probe }));
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(shared().url + path, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  /** Resolves with the lines, without time, level and trace id, once there are `count`. */
  const lines = (count: number) =>
    until('the lines', () => {
      const parsed = shared().logged.map((line) => JSON.parse(line) as Record<string, unknown>);
      const found = parsed.filter(({ request }) => request !== undefined);
      return (
        found.length >= count &&
        found.map(({ time, level, ...rest }) => ({ level, ...rest }) as Record<string, unknown>)
      );
    });

  test('has principal, request, stream and trace id, and no query', async () => {
    const headers = { ...asAdmin, traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    await ask('POST', '/api/v1/streams/public/restart?token=hidden', headers);
    await ask('POST', '/api/v1/streams', asAdmin, { name: 'yard', source: { type: 'test' } });
    await ask('PUT', '/api/v1/streams/door', asAdmin, {});
    await ask('GET', '/api/v1/system', asAdmin);
    await ask('POST', '/api/v1/probe', asAdmin, { url: 'https://cam.example/broken' });
    const [restart, made, wrong, failed, ...more] = await lines(4);
    assert.deepEqual(restart, {
      level: 'info',
      traceId,
      user: 'admin token',
      stream: 'public',
      address: '127.0.0.1',
      request: 'POST /api/v1/streams/public/restart',
      status: 202,
      msg: 'request completed',
    });
    assert.deepEqual([made!.stream, made!.status], ['yard', 201]);
    assert.deepEqual([wrong!.stream, wrong!.status, wrong!.msg], ['door', 400, 'request refused']);
    assert.deepEqual([failed!.status, failed!.msg], [502, 'request failed']);
    assert.deepEqual(more, [], 'reading is not logged');
    assert.equal(shared().logged.join().includes('hidden'), false);
  });

  test('never reports a request as completed that was cut off before its answer', () => {
    const logged: string[] = [];
    const log = createLog({ level: 'info', format: 'json', write: (line) => logged.push(line) });
    const auditLog = new AuditLog({ log, access: shared().deps.access });
    const request = { method: 'POST', url: '/api/v1/sessions', id: traceId, routeOptions: {} };
    const authorized = { principal: { name: 'admin token', owner: 'admin' }, client: { address: '' } };
    // The state that fastify reports for a stream that was reset.
    const reply = { statusCode: 200, raw: { headersSent: false, writableEnded: false } };
    auditLog.started(
      { method: 'POST', path: '/api/v1/sessions', replies: {} } as Route,
      request as FastifyRequest,
      () => authorized as Authorized,
    );
    auditLog.finished(request as FastifyRequest, reply as FastifyReply);
    const { status, msg } = JSON.parse(logged.join('')) as Record<string, unknown>;
    assert.deepEqual([status, msg], [undefined, 'request cut off before the answer']);
  });

  test('distinguishes sessions and tokens, by names that are no secrets', async () => {
    await ask('POST', '/api/v1/sessions', {}, { token: 'a guess' });
    const signed = await ask('POST', '/api/v1/sessions', {}, { token });
    const cookie = signed.headers.get('set-cookie')!.split(';')[0]!;
    const { id } = (await signed.json()) as { id: string };
    const made = await ask(
      'POST',
      '/api/v1/tokens',
      { cookie, origin: shared().url },
      { label: 'ci', scopes: ['admin'] },
    );
    const { token: word } = (await made.json()) as { token: string };
    await ask('POST', '/api/v1/streams/public/start', { authorization: `Bearer ${word}` });
    const looker = await ask('POST', '/api/v1/tokens', asAdmin, { label: 'wall' });
    const { token: view } = (await looker.json()) as { token: string };
    await ask('POST', '/api/v1/streams/public/stop', { authorization: `Bearer ${view}` });
    await ask('POST', '/api/v1/streams/public/stop', { cookie, origin: 'https://evil.example' });
    await ask('POST', '/api/v1/streams/public/stop', { authorization: 'Bearer ox_guess' });
    const users = (await lines(5)).map(({ user, status }) => [user, status]);
    assert.deepEqual(users, [
      [undefined, 201],
      [`session ${id}`, 201],
      ['token ci', 202],
      ['admin token', 201],
      ['token wall', 403],
    ]);
    const all = shared().logged.join();
    for (const secret of [token, word, view, cookie.split('=')[1]!]) assert.equal(all.includes(secret), false);
  });
});
