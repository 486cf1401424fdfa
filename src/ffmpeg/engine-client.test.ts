// The process is real, so a test waits for its answers and its end; the limits of time pass on virtual time.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime, settlePromises } from '../../test/fixtures/virtual-time.ts';
import { EngineClient } from './engine-client.ts';

const signal = AbortSignal.timeout(300_000);
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

async function gone(pid: number): Promise<void> {
  while (alive(pid)) await settlePromises();
}

suite('the shared media engine process', () => {
  test('a crash fails only the running request; the next one starts a new process', async () => {
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    process.kill(pid, 'SIGSTOP'); // The request is still running at the crash.
    const running = client.request(version, nothing, { signal });
    process.kill(pid, 'SIGKILL');
    await assert.rejects(running, { ...failed, message: /SIGKILL/ });
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
    assert.notEqual(client.pid, pid);
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
    await time.runFor(29_999);
    assert.equal(client.pid, pid);
    await time.runFor(1);
    assert.equal(client.pid, undefined);
    await gone(pid);
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
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
