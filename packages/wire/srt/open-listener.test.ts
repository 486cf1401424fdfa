import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectSrt } from './connect.ts';
import { openSrtListener } from './open-listener.ts';
import { SrtRejectedError } from './rejection.ts';
import { countArrivals, numberedPayload } from './simulated-network.fixture.ts';
import type { SrtConnection } from './srt.ts';

const never = () => new AbortController().signal;

/** Resolves when `done` is true after some payload. */
function received(connection: SrtConnection, count: number): Promise<void> {
  return new Promise((resolve) => {
    const { onData } = connection;
    let packets = 0;
    connection.onData = (payload) => {
      onData(payload);
      if (++packets === count) resolve();
    };
  });
}

test('many callers share one port, plain and encrypted, in both directions', async () => {
  const accepted = new Map<string, SrtConnection>();
  await using listener = await openSrtListener({
    address: '127.0.0.1',
    port: 0,
    accept: ({ streamId, encrypted }) => ({
      passphrase: encrypted ? `passphrase-${encrypted}` : undefined,
      onConnection: (connection) => accepted.set(streamId, connection),
    }),
  });
  const callers = await Promise.all(
    ([0, 16, 24, 32] as const).map((keyLength) =>
      connectSrt({
        address: '127.0.0.1',
        port: listener.port,
        streamId: `stream-${keyLength}`,
        ...(keyLength ? { passphrase: `passphrase-${keyLength}`, keyLength } : {}),
        signal: never(),
      }),
    ),
  );
  const waits: Promise<void>[] = [];
  const counts = callers.flatMap((caller) => {
    const there = accepted.get(caller.streamId)!;
    const arrivals = [countArrivals(there), countArrivals(caller)];
    waits.push(received(there, 50), received(caller, 50));
    return arrivals;
  });
  for (let number = 0; number < 50; number++) {
    for (const caller of callers) {
      caller.send(numberedPayload(number));
      accepted.get(caller.streamId)!.send(numberedPayload(number));
    }
  }
  await Promise.all(waits);
  for (const arrivals of counts) assert.deepEqual(arrivals, { delivered: 50, lost: 0, wrong: 0 });
  callers[0]!.close();
  assert.equal(await accepted.get('stream-0')!.closed, 'closed by the peer');
  await listener.close();
  assert.equal(await callers[1]!.closed, 'closed by the peer');
  for (const caller of callers) caller.close();
});

test('a port in use is an error of the system', async () => {
  const accept = () => ({ reject: 'forbidden' as const });
  await using listener = await openSrtListener({ address: '127.0.0.1', port: 0, accept });
  await assert.rejects(openSrtListener({ address: '127.0.0.1', port: listener.port, accept }), { code: 'EADDRINUSE' });
});

test('IPv6 works, and the address of the caller is printed with brackets', async (t) => {
  let remote = '';
  const opened = await openSrtListener({
    address: '::1',
    port: 0,
    accept: (request) => {
      remote = request.remote;
      return { reject: 'not-found' };
    },
  }).catch(() => undefined);
  if (!opened) return t.skip('no IPv6 here');
  await using listener = opened;
  await assert.rejects(
    connectSrt({ address: '::1', port: listener.port, signal: never() }),
    (error) => error instanceof SrtRejectedError && error.reason === 'not-found',
  );
  assert.match(remote, /^\[::1\]:\d+$/);
});

test('an aborted attempt ends with the reason of its signal, an aborted connection is closed', async () => {
  await using listener = await openSrtListener({
    address: '127.0.0.1',
    port: 0,
    accept: ({ streamId }) => (streamId === 'wait' ? new Promise(() => {}) : { onConnection: () => {} }),
  });
  const waiting = new AbortController();
  const options = { address: '127.0.0.1', port: listener.port };
  const attempt = connectSrt({ ...options, streamId: 'wait', signal: waiting.signal });
  waiting.abort(new Error('enough'));
  await assert.rejects(attempt, { message: 'enough' });
  const open = new AbortController();
  const connection = await connectSrt({ ...options, signal: open.signal });
  open.abort();
  assert.equal(await connection.closed, 'closed');
});

test('a port that nothing listens on is named in the error', async () => {
  const listener = await openSrtListener({ address: '127.0.0.1', port: 0, accept: () => ({ reject: 'peer' }) });
  await listener.close();
  await listener.close();
  await assert.rejects(connectSrt({ address: '127.0.0.1', port: listener.port, connectMs: 400, signal: never() }), {
    message: `SRT connection to 127.0.0.1 port ${listener.port} failed: the port is closed`,
  });
});
