// Real sockets of one port, as several processes have them: which of them a caller reaches is the system's
// choice, so each test calls until both have happened.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { openSrtListener } from '@oxbow/wire/srt/open-listener';
import type { SrtConnection, SrtListener, SrtRequest } from '@oxbow/wire/srt/srt';
import type { PassedCaller } from '../../cluster/processes/process-link.ts';
import { type CallerLink, passCaller, TakenCallers } from '../../ingest/srt/passed-callers.ts';
import { openSharedSockets } from './shared-sockets.ts';

const never = () => new AbortController().signal;
const names = ['process-1', 'process-2'] as const;
type Name = (typeof names)[number];

/** Links of processes that are all in this one. */
function createLinks(): (name: Name) => CallerLink {
  const takers = new Map<string, (caller: PassedCaller) => void>();
  return (name) => ({
    passCaller: (to, caller) => void setImmediate(() => takers.get(to)?.(JSON.parse(JSON.stringify(caller)))),
    takeCallers(take) {
      takers.set(name, take);
      return () => void takers.delete(name);
    },
  });
}

interface Rig extends AsyncDisposable {
  readonly port: number;
  /** How many callers were passed on. */
  readonly passed: () => number;
  /** The connections at `process-2`, which has the streams. */
  readonly connections: SrtConnection[];
  readonly listeners: Readonly<Record<Name, SrtListener>>;
  readonly errors: unknown[];
}

/** Two listeners of one port; `process-2` has all streams. */
async function openRig(maxCallers = 100): Promise<Rig> {
  const opened = new AsyncDisposableStack();
  const sockets = opened.use(await openSharedSockets({ address: '127.0.0.1', port: 0 }, 2));
  const links = createLinks();
  const errors: unknown[] = [];
  const failed = (error: unknown) => void errors.push(error);
  const connections: SrtConnection[] = [];
  let passed = 0;
  const accept = (name: Name) => (request: SrtRequest) => {
    if (name === 'process-2') {
      return { passphrase: 'a-secret-of-tests', onConnection: (each: SrtConnection) => void connections.push(each) };
    }
    assert.ok(!request.isForwarded);
    passed++;
    return {
      forward: (caller: { address: string; port: number }) => passCaller(links(name), 'process-2', caller, failed),
    };
  };
  const open = async (name: Name, fd: number) =>
    opened.use(
      await openSrtListener({ address: '127.0.0.1', port: sockets.port, fd, accept: accept(name), onError: failed }),
    );
  const first = await open('process-1', sockets.fds[0]!);
  const second = await open('process-2', sockets.fds[1]!);
  const nowMs = () => performance.now();
  opened.use(new TakenCallers({ link: links('process-2'), listener: second, maxCallers, nowMs, failed }));
  return {
    port: sockets.port,
    passed: () => passed,
    connections,
    listeners: { 'process-1': first, 'process-2': second },
    errors,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Opens a caller, and sends in both directions. */
async function exchange(rig: Rig, streamId: string): Promise<void> {
  const { port, connections } = rig;
  const passphrase = 'a-secret-of-tests';
  const caller = await connectSrt({ address: '127.0.0.1', port, streamId, passphrase, signal: never() });
  const there = connections.find((connection) => connection.streamId === streamId)!;
  assert.ok(there, 'it is at the process of its stream');
  for (const [from, to] of [
    [caller, there],
    [there, caller],
  ] as const) {
    const payloads = Array.from({ length: 40 }, (_, i) => new Uint8Array(1316).fill(i));
    const arrived: Uint8Array[] = [];
    const all = new Promise<void>((resolve) => {
      to.onData = (payload) => void (arrived.push(payload) === payloads.length && resolve());
    });
    for (const payload of payloads) assert.ok(from.send(payload));
    await all;
    assert.deepEqual(
      arrived.map(([first]) => first),
      payloads.map(([first]) => first),
    );
  }
  caller.close();
  assert.equal(await there.closed, 'closed by the peer');
}

suite('SRT callers that reach another process than that of their stream', () => {
  test('are answered by that one, from the port that they called, and in both directions', async () => {
    await using rig = await openRig();
    let calls = 0;
    while (rig.passed() < 2 || rig.passed() === calls) await exchange(rig, `call-${++calls}`);
    assert.equal(rig.listeners['process-1'].stats.connections, 0);
    assert.equal(rig.listeners['process-1'].stats.accepted, 0);
    assert.equal(rig.listeners['process-2'].stats.accepted, calls);
    assert.deepEqual(rig.errors, []);
  });

  test('get no answer where that one takes no more', async () => {
    await using rig = await openRig(0);
    const connectMs = 700;
    for (let call = 0; rig.passed() === 0; call++) {
      const passphrase = 'a-secret-of-tests';
      const options = {
        address: '127.0.0.1',
        port: rig.port,
        streamId: `${call}`,
        passphrase,
        connectMs,
        signal: never(),
      };
      const caller = await connectSrt(options).catch(() => undefined);
      assert.equal(caller === undefined, rig.passed() > 0);
      caller?.close();
    }
    assert.equal(rig.listeners['process-1'].stats.forwarded, 1);
  });
});
