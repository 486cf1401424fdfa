// The process is real, so a test waits for its answers and its end; the limits of time pass on virtual time.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime, settlePromises } from '../../test/fixtures/virtual-time.ts';
import { EngineClient, type Resident } from './engine-client.ts';
import { type TestPictureOptions, testPictureDefaults } from './test-picture-options.ts';

const signal = new AbortController().signal;
const nothing = new Uint8Array(0);
const failed = { name: 'OxbowError', code: 'engine-failed' };
const version = { what: 'version' } as const;

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A test picture. */
function resident({
  onEnded = () => {},
  onStart = () => {},
  picture = { ...testPictureDefaults, name: 'demo' },
}: {
  onEnded?: (why: string) => void;
  onStart?: () => void;
  picture?: TestPictureOptions;
} = {}): Resident {
  return {
    start() {
      onStart();
      return { what: 'test-picture', picture, after: {} };
    },
    onMessage: () => {},
    onEnded,
  };
}

async function gone(pid: number): Promise<void> {
  while (alive(pid)) await settlePromises();
}

suite('the shared media engine process', () => {
  test('a request during which the process crashes is made once more, in a new process', async () => {
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    process.kill(pid, 'SIGSTOP'); // The request is still running at the crash.
    const running = client.request(version, nothing, { signal });
    process.kill(pid, 'SIGKILL');
    assert.match(Buffer.from(await running).toString(), /^FFmpeg/);
    assert.notEqual(client.pid, pid);
  });

  test('a second crash fails only the running request; the next one starts a new process', async () => {
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    process.kill(pid, 'SIGSTOP');
    const running = client.request(version, nothing, { signal });
    const waiting = client.request(version, nothing, { signal });
    const rejected = assert.rejects(running, { ...failed, message: /SIGKILL/ });
    process.kill(pid, 'SIGKILL');
    while (client.pid === undefined || client.pid === pid) await settlePromises();
    process.kill(client.pid, 'SIGKILL');
    await rejected;
    assert.match(Buffer.from(await waiting).toString(), /^FFmpeg/);
  });

  test('a request over its time limit is rejected and its process killed', async () => {
    using time = openVirtualTime();
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    process.kill(pid, 'SIGSTOP');
    const late = client.request(version, nothing, { signal });
    const rejected = assert.rejects(late, { ...failed, message: /longer than 5000 ms/ });
    await time.runFor(4999);
    assert.equal(alive(pid), true);
    await time.runFor(1);
    await rejected;
    assert.equal(alive(pid), false);
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
  });

  test('an aborted request rejects at once, waiting or running, and the others continue', async () => {
    await using client = new EngineClient();
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = client.request(version, nothing, { signal: running.signal });
    const second = client.request(version, nothing, { signal: waiting.signal });
    const third = client.request(version, nothing, { signal });
    running.abort(new Error('no longer wanted'));
    waiting.abort(new Error('nor this'));
    await assert.rejects(first, /no longer wanted/);
    await assert.rejects(second, /nor this/);
    assert.match(Buffer.from(await third).toString(), /^FFmpeg/);
    await assert.rejects(client.request(version, nothing, { signal: running.signal }), /no longer wanted/);
  });

  test('requests beyond the queue limit and too large inputs are refused', async () => {
    await using client = new EngineClient({ maxQueued: 2, maxInputBytes: 10 });
    await assert.rejects(client.request({ what: 'probe' }, new Uint8Array(11), { signal }), failed);
    const queued = [1, 2, 3].map(() => client.request(version, nothing, { signal }));
    await assert.rejects(client.request(version, nothing, { signal }), { ...failed, message: /wait/ });
    await Promise.all(queued);
  });

  test('a process is replaced after so many requests', async () => {
    await using client = new EngineClient({ maxRequests: 2 });
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    await client.request(version, nothing, { signal });
    await gone(pid);
    await client.request(version, nothing, { signal });
    assert.notEqual(client.pid, pid);
  });

  test('an idle process is closed', async () => {
    using time = openVirtualTime();
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    await time.runFor(149_999);
    assert.equal(client.pid, pid);
    await time.runFor(1);
    assert.equal(client.pid, undefined);
    await gone(pid);
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
  });

  test('answers say how much processor time they took', async () => {
    await using client = new EngineClient();
    const bytes = new Uint8Array(1024 * 1024);
    await assert.rejects(client.measure({ what: 'probe' }, bytes, { signal }), failed);
    const { cpuUs } = await client.measure(version, nothing, { signal });
    assert.ok(cpuUs >= 0 && cpuUs < 5_000_000, `${cpuUs} µs`);
  });

  test('there is one resident; its process ends with it unless others have used it', async () => {
    await using client = new EngineClient();
    const first = await client.host(resident(), { signal });
    const pid = client.pid!;
    assert.equal(first!.pid, pid);
    assert.equal(await client.host(resident(), { signal }), undefined);
    await first!.release();
    assert.deepEqual([client.pid, alive(pid)], [undefined, false]);

    await client.request(version, nothing, { signal });
    const second = await client.host(resident(), { signal });
    await Promise.all([second!.release(), second!.release()]);
    assert.equal(second!.pid, client.pid);
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
  });

  test('a process with a resident is not idle', async () => {
    using time = openVirtualTime();
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    const residence = await client.host(resident(), { signal });
    await time.runFor(600_000);
    assert.equal(client.pid, pid);
    await residence!.release();
    await time.runFor(150_000);
    assert.equal(client.pid, undefined);
    await gone(pid);
  });

  test('a resident is started in the next process, and has ended if that ends at once too', async () => {
    await using client = new EngineClient({ moveEveryMs: 60_000 });
    const ended = Promise.withResolvers<string>();
    const starts: number[] = [];
    const residence = await client.host(resident({ onEnded: ended.resolve, onStart: () => starts.push(1) }), {
      signal,
    });
    process.kill(residence!.pid!, 'SIGKILL');
    assert.equal(await ended.promise, 'killed by SIGKILL');
    await residence!.release();
    assert.equal(starts.length, 1, 'it had only just started');

    await using other = new EngineClient({ moveEveryMs: 0 });
    const moving = await other.host(resident({ onStart: () => starts.push(2) }), { signal });
    const pid = moving!.pid!;
    process.kill(pid, 'SIGKILL');
    while (moving!.pid === undefined || moving!.pid === pid) await settlePromises();
    assert.match(Buffer.from(await other.request(version, nothing, { signal })).toString(), /^FFmpeg/);
    assert.deepEqual(starts, [1, 2, 2]);
    await moving!.release();
  });

  test('a resident that cannot be started, or is not wanted any more, leaves its place', async () => {
    await using client = new EngineClient();
    const picture = { ...testPictureDefaults, name: 'demo', width: -2 };
    await assert.rejects(client.host(resident({ picture }), { signal }), failed);
    const leaving = new AbortController();
    const starting = client.host(resident(), { signal: leaving.signal });
    leaving.abort(new Error('not wanted'));
    await assert.rejects(starting, /not wanted/);
    assert.ok(await client.host(resident(), { signal }));
  });

  test('closing ends the resident', async () => {
    const client = new EngineClient();
    const ended = Promise.withResolvers<string>();
    await client.host(resident({ onEnded: ended.resolve }), { signal });
    await client[Symbol.asyncDispose]();
    assert.equal(await ended.promise, 'closed');
    assert.equal(client.pid, undefined);
  });

  test('closing during the start rejects waiting requests and leaves no process', async () => {
    const client = new EngineClient();
    const queued = [1, 2].map(() => client.request(version, nothing, { signal }));
    const outcomes = Promise.allSettled(queued);
    await client[Symbol.asyncDispose]();
    for (const outcome of await outcomes)
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'engine-failed');
    assert.equal(client.pid, undefined);
  });
});
