import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../../test/fixtures/free-port.ts';
import { Breaker } from '../../lib/breaker/breaker.ts';
import type { BreakerState } from '../../lib/breaker/circuit-breaker.ts';
import { createNet } from '../../net/net.ts';
import { guardTransport, isMailFailure } from './guarded-transport.ts';
import { openRig } from './smtp.fixture.ts';
import { openTransport } from './transport.ts';

const { signal } = new AbortController();
const CONTENT = { subject: 'Hello', text: 'Hello', html: '<p>Hello</p>' };

function create() {
  const states: BreakerState[] = [];
  const breaker = new Breaker({
    service: 'mail',
    timeoutMs: 30_000,
    failures: 2,
    minPauseMs: 60_000,
    isFailure: isMailFailure,
    onChange: (state) => states.push(state),
  });
  return { breaker, states };
}

test('a mail server that is gone is not called after some attempts, and messages have a temporary error', async () => {
  const { breaker, states } = create();
  using _ = breaker;
  await using net = createNet({ allow: [] });
  const url = new URL(`smtp://127.0.0.1:${await freePort()}`);
  const transport = openTransport({ url, from: 'oxbow <noreply@tv.example>', mustEncrypt: false }, { net, signal });
  const guarded = guardTransport(transport, breaker, { signal });
  for (let i = 0; i < 2; i++) {
    await assert.rejects(guarded.send('anna@example.org', CONTENT), { isTemporary: true, message: /ECONNREFUSED/ });
  }
  assert.deepEqual(states, ['open']);
  await assert.rejects(guarded.send('anna@example.org', CONTENT), {
    name: 'MailError',
    isTemporary: true,
    message: 'the mail server does not answer',
  });
  transport.close();
});

test('a server that refuses or puts off a message has answered', async () => {
  const { breaker, states } = create();
  using _ = breaker;
  const refuse = (code: number) => Object.assign(new Error('not now'), { responseCode: code });
  await using rig = await openRig({ onRcptTo: (_to, _session, done) => done(refuse(451)) });
  const guarded = guardTransport(rig.transport, breaker, { signal });
  for (let i = 0; i < 3; i++) await assert.rejects(guarded.send('anna@example.org', CONTENT), { isTemporary: true });
  assert.deepEqual(states, []);
});
