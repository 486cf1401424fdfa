import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import type { OxbowError } from '../../lib/errors.ts';
import { createNet } from '../../net/net.ts';
import { parseAuthAnswer } from './auth-answer.ts';
import { type AuthQuestion, AuthUrl, type AuthUrlOptions } from './auth-url.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

type Responder = (response: ServerResponse, received: Received) => void;

const answer =
  (status: number, body: unknown = ''): Responder =>
  (response) => {
    response.statusCode = status;
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const question: AuthQuestion = {
  action: 'publish',
  stream: 'door',
  protocol: 'rtmp',
  address: '192.0.2.1',
  userAgent: 'OBS',
  secret: 'ok_secret',
};

/** An authorization server on this computer, and oxbow's side of it with its own clock. */
async function openRig(first: Responder, change: Partial<AuthUrlOptions> = {}) {
  const received: Received[] = [];
  const outcomes: string[] = [];
  const available: boolean[] = [];
  let responder = first;
  let nowMs = 0;
  const server = createServer(async (request, response) => {
    const each = { headers: request.headers, body: JSON.parse(await text(request)) as Received['body'] };
    received.push(each);
    responder(response, each);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const net = createNet({ allow: [] });
  const auth = new AuthUrl({
    url: `http://127.0.0.1:${port}/auth`,
    secret: undefined,
    sendKey: false,
    timeoutMs: 2000,
    net,
    nowMs: () => nowMs,
    signal: new AbortController().signal,
    onAnswer: (_, outcome) => outcomes.push(outcome),
    onAvailable: (isAvailable) => available.push(isAvailable),
    ...change,
  });
  return {
    auth,
    received,
    outcomes,
    available,
    port,
    ask: (more: Partial<AuthQuestion> = {}) =>
      auth.ask({ ...question, ...more }, { signal: new AbortController().signal }),
    answer(next: Responder) {
      responder = next;
    },
    pass(ms: number) {
      nowMs += ms;
    },
    async [Symbol.asyncDispose]() {
      await net.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const isUnavailable = ({ code }: OxbowError) => code === 'auth-unavailable';

suite('the authorization server', () => {
  test('gets one POST with the client and the digest of its key, and not the key', async () => {
    await using rig = await openRig(answer(200), { secret: 'a-secret-of-oxbow-itself' });
    assert.deepEqual(await rig.ask({ keyId: 'k1' }), { isAllowed: true, stream: undefined, record: undefined });
    const [{ headers, body }] = rig.received as [Received];
    assert.deepEqual(body, {
      action: 'publish',
      stream: 'door',
      protocol: 'rtmp',
      address: '192.0.2.1',
      userAgent: 'OBS',
      keyId: 'k1',
      keyDigest: createHash('sha256').update('ok_secret').digest('hex'),
    });
    assert.equal(headers.authorization, 'Bearer a-secret-of-oxbow-itself');
    assert.equal(headers['content-type'], 'application/json');
    await rig.ask({ secret: undefined, userAgent: undefined, stream: null });
    assert.deepEqual(
      [rig.received[1]!.body.keyDigest, rig.received[1]!.body.userAgent, rig.received[1]!.body.stream],
      [null, null, null],
    );
  });

  test('gets the key too where that is set', async () => {
    await using rig = await openRig(answer(204), { sendKey: true });
    await rig.ask();
    assert.equal(rig.received[0]!.body.key, 'ok_secret');
  });

  test('may name another stream, set the recording, and say how long its answer holds', async () => {
    await using rig = await openRig(answer(200, { stream: 'other', record: false, ttl: 10, unknown: [1] }));
    const verdict = { isAllowed: true, stream: 'other', record: false };
    for (const outcome of ['allowed', 'cached', 'cached']) {
      assert.deepEqual(await rig.ask(), verdict);
      assert.equal(rig.outcomes.at(-1), outcome);
    }
    assert.deepEqual(rig.auth.known(question)?.verdict, verdict);
    rig.pass(10_000);
    assert.equal(rig.auth.known(question), undefined);
    rig.answer(answer(200, { ttl: '1m' }));
    await rig.ask();
    rig.pass(59_999);
    await rig.ask();
    assert.equal(rig.received.length, 2);
    rig.answer(answer(200, { ttl: 0 }));
    rig.pass(1);
    await rig.ask();
    await rig.ask();
    assert.equal(rig.received.length, 4, 'an answer with ttl 0 is for one question');
  });

  test('a known answer is found repeatedly by what the client sent, until it no longer holds', async () => {
    await using rig = await openRig(answer(200, { ttl: 10 }));
    const { auth, ask } = rig;
    const of = (more: Partial<AuthQuestion>) => auth.known({ ...question, ...more })?.verdict.isAllowed;
    assert.equal(of({}), undefined);
    await ask();
    await ask({ secret: undefined });
    rig.answer(answer(401));
    await ask({ secret: 'undefined' });
    for (let i = 0; i < 3; i++) {
      assert.deepEqual([of({}), of({ secret: undefined }), of({ secret: 'undefined' })], [true, true, false]);
      assert.deepEqual([of({ address: '192.0.2.2' }), of({ stream: 'gate' })], [undefined, undefined]);
    }
    rig.pass(10_000);
    assert.deepEqual([of({}), of({ secret: undefined })], [undefined, undefined]);
    await ask();
    assert.equal(of({}), false);
  });

  test('an answer holds for one action, stream, protocol, address and key', async () => {
    await using rig = await openRig(answer(200));
    await rig.ask();
    for (const more of [
      { action: 'read' },
      { stream: 'gate' },
      { protocol: 'srt' },
      { address: '192.0.2.2' },
      { secret: 'ok_other' },
      { secret: undefined },
    ] as const)
      await rig.ask(more);
    await rig.ask({ userAgent: 'another program' });
    assert.equal(rig.received.length, 7);
  });

  test('denies with 401 and 403, with its own words; a denial holds for 5 s', async () => {
    await using rig = await openRig(answer(401, { detail: 'your\nplan has ended' }));
    assert.deepEqual(await rig.ask(), { isAllowed: false, detail: 'your plan has ended' });
    rig.answer(answer(200));
    rig.pass(4999);
    assert.equal((await rig.ask()).isAllowed, false);
    rig.pass(1);
    assert.equal((await rig.ask()).isAllowed, true);
    rig.answer(answer(403, '<html>Forbidden</html>'));
    assert.deepEqual(await rig.ask({ stream: 'gate' }), { isAllowed: false, detail: '' });
  });

  test('admits no one with any other answer, and such an answer is not kept', async () => {
    await using rig = await openRig(answer(500));
    for (const each of [
      answer(500),
      answer(302, ''),
      answer(200, '<html>Welcome</html>'),
      answer(200, '[]'),
      answer(200, { stream: '../etc' }),
      answer(200, { record: 'yes' }),
      answer(200, { ttl: -1 }),
      answer(200, 'x'.repeat(20_000)),
      (response: ServerResponse) => response.destroy(),
    ]) {
      rig.answer(each);
      await assert.rejects(rig.ask(), isUnavailable);
      rig.answer(answer(200, { ttl: 0 }));
      rig.pass(30_000);
      await rig.ask();
    }
  });

  test('that is slow is not waited for longer than the time limit', async () => {
    const begins = (response: ServerResponse) => void response.write('{'); // and does not end
    for (const begin of [() => {}, begins]) {
      const { promise: asked, resolve } = Promise.withResolvers<void>();
      const respond = (response: ServerResponse) => {
        begin(response);
        resolve();
      };
      using time = openVirtualTime();
      await using rig = await openRig(respond);
      const answered = rig.ask();
      await asked;
      await assert.rejects(time.settled('the answer', answered), isUnavailable);
      assert.equal(time.nowMs, 2000);
    }
  });

  test('that does not answer five times in a row is left alone, then tried once; known answers hold', async () => {
    await using rig = await openRig(answer(200, { ttl: 3600 }));
    await rig.ask();
    rig.answer(answer(502));
    for (let i = 0; i < 5; i++) await assert.rejects(rig.ask({ stream: `s${i}` }), isUnavailable);
    assert.deepEqual(rig.available, [false]);
    const before = rig.received.length;
    await assert.rejects(rig.ask({ stream: 'later' }), isUnavailable);
    assert.equal(rig.received.length, before, 'no question is sent');
    assert.equal((await rig.ask()).isAllowed, true, 'from memory');
    rig.pass(1000);
    await assert.rejects(rig.ask({ stream: 'trial' }), isUnavailable);
    assert.equal(rig.received.length, before + 1);
    rig.answer(answer(200));
    rig.pass(2000);
    assert.equal((await rig.ask({ stream: 'trial' })).isAllowed, true);
    assert.deepEqual(rig.available, [false, true]);
    assert.equal((await rig.ask({ stream: 'later' })).isAllowed, true);
  });

  test('gets equal questions at the same time once, and at most 100 questions at a time', async () => {
    const waiting: ServerResponse[] = [];
    const { promise: full, resolve } = Promise.withResolvers<void>();
    const hold = (response: ServerResponse) => {
      if (waiting.push(response) === 100) resolve();
    };
    await using rig = await openRig(hold, { timeoutMs: 20_000 });
    const equal = [rig.ask(), rig.ask(), rig.ask()];
    assert.equal(rig.auth.waiting, 1);
    const controller = new AbortController();
    const given = rig.auth.ask(question, { signal: controller.signal });
    controller.abort(new Error('the client left'));
    await assert.rejects(given, /the client left/);
    const others = Array.from({ length: 99 }, (_, i) => rig.ask({ stream: `s${i}` }));
    await assert.rejects(rig.ask({ stream: 'one-more' }), isUnavailable);
    await full;
    for (const response of waiting) response.end();
    assert.ok((await Promise.all([...equal, ...others])).every(({ isAllowed }) => isAllowed));
    assert.equal(rig.received.length, 100);
  });

  test('is not followed to another address, private or not', async () => {
    await using target = await openRig(answer(200));
    await using rig = await openRig((response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${target.port}/latest/meta-data` });
      response.end();
    });
    await assert.rejects(rig.ask(), isUnavailable);
    assert.equal(target.received.length, 0);
  });

  test('at a link-local name is refused, and one that no one listens at does not answer', async () => {
    const resolve = async () => [{ address: '169.254.169.254', family: 4 }];
    await using net = createNet({ allow: [], resolve });
    await using metadata = await openRig(answer(200), { url: 'http://auth.example/', net });
    await assert.rejects(metadata.ask(), isUnavailable);
    await using down = await openRig(answer(200), { url: 'http://127.0.0.1:9/' });
    await assert.rejects(down.ask(), isUnavailable);
  });

  test('any bytes are a verdict or malformed', () => {
    const random = seeded(20261121);
    const pieces = [
      '{',
      '}',
      '"stream":',
      '"door"',
      '"ttl":',
      '1e999',
      '-1',
      '"record":',
      'true',
      ',',
      '[',
      ']',
      'null',
      '\u0000',
    ];
    let verdicts = 0;
    for (let i = 0; i < 5000; i++) {
      const count = random(9);
      const body = Array.from({ length: count }, () => pieces[random(pieces.length)]).join('');
      try {
        const { ttlMs } = parseAuthAnswer([200, 401, 204, 403][i % 4]!, Buffer.from(body));
        assert.ok(ttlMs >= 0 && ttlMs <= 86_400_000);
        verdicts++;
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
    assert.ok(verdicts > 1000);
  });
});
