import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthQuestion, KnownAnswer } from '../../accounts/auth/auth-url.ts';
import { startTestServer, textReply } from '../../http/fixture.ts';
import { FakeLive } from './live-lookup.fixture.ts';
import { RawClient } from './raw-client.fixture.ts';

const SEGMENT = '/live/cam/v0/7.m4s';

/** A head as players send it. */
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\n\r\n`;

test('clients that the authorization server admitted get ready responses; the slow path decides about others', async () => {
  const live = new FakeLive();
  live.add(7, 'seven');
  const questions: AuthQuestion[] = [];
  const known = (question: AuthQuestion): KnownAnswer | undefined => {
    questions.push(question);
    const { secret } = question;
    if (secret === 'other') return undefined;
    const allowed = { isAllowed: true, stream: undefined, record: undefined } as const;
    const verdict = secret === 'refused' ? ({ isAllowed: false, detail: '' } as const) : allowed;
    return { verdict, untilMs: server.clock.monotonicMs() + 500 };
  };
  const ask = async () => ({ isAllowed: true, stream: undefined, record: undefined }) as const;
  await using server = await startTestServer({ lookup: live, answer: () => textReply('slow'), auth: { known, ask } });
  server.deps.streams.isPrivate = (name) => name === 'cam';
  using client = new RawClient(server);
  const bodyOf = async (path: string) => {
    await client.send(get(path));
    return (await client.answer()).body;
  };
  assert.equal(await bodyOf(`/t/admitted${SEGMENT}`), 'seven');
  for (let i = 0; i < 3; i++) assert.equal(await bodyOf(`/t/admitted${SEGMENT}`), 'seven');
  assert.equal(questions.length, 1, 'the connection knows it');
  server.clock.advance(500);
  assert.equal(await bodyOf(`/t/admitted${SEGMENT}`), 'seven');
  assert.equal(questions.length, 2, 'as long as the answer holds');
  assert.equal(await bodyOf(SEGMENT), 'seven', 'admitted without a token');
  assert.match(await bodyOf(`/t/refused${SEGMENT}`), /watch-refused/);
  assert.equal(await bodyOf(`/t/other${SEGMENT}`), 'slow');
  const { userAgent: _, ...first } = questions[0]!;
  assert.deepEqual(first, {
    action: 'read',
    protocol: 'http',
    stream: 'cam',
    secret: 'admitted',
    address: first.address,
  });
  assert.match(first.address, /127\.0\.0\.1|::1/);
});
