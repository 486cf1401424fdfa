import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sleep } from '../lib/abort.ts';
import { EngineClient } from './engine-client.ts';

const signal = AbortSignal.timeout(60_000);
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
  while (alive(pid)) await sleep(5, { signal });
}

suite('the shared media engine process', () => {
  test('a crash costs the request that ran, and the next starts a new process', async () => {
    await using client = new EngineClient();
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    process.kill(pid, 'SIGSTOP'); // So that the request is surely running when the crash comes.
    const asked = client.request(version, nothing, { signal });
    process.kill(pid, 'SIGKILL');
    await assert.rejects(asked, { ...failed, message: /SIGKILL/ });
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
    assert.notEqual(client.pid, pid);
  });

  test('a request that takes too long ends with its process, in words', async () => {
    await using client = new EngineClient({ requestMs: 300 });
    await client.request(version, nothing, { signal });
    const pid = client.pid!;
    process.kill(pid, 'SIGSTOP');
    await assert.rejects(client.request(version, nothing, { signal }), { ...failed, message: /longer than 300 ms/ });
    assert.equal(alive(pid), false);
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
  });

  test('a request that is aborted is let go at once, waiting or running, and the others go on', async () => {
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

  test('more than the queue holds, or a larger input than allowed, is refused', async () => {
    await using client = new EngineClient({ maxQueued: 2, maxInputBytes: 10 });
    await assert.rejects(client.request({ what: 'probe' }, new Uint8Array(11), { signal }), failed);
    const asked = [1, 2, 3].map(() => client.request(version, nothing, { signal }));
    await assert.rejects(client.request(version, nothing, { signal }), { ...failed, message: /wait/ });
    await Promise.all(asked);
  });

  test('the process is closed when nothing was asked for a while', async () => {
    await using client = new EngineClient({ idleMs: 30 });
    await client.request(version, nothing, { signal });
    await gone(client.pid!);
    assert.match(Buffer.from(await client.request(version, nothing, { signal })).toString(), /^FFmpeg/);
  });

  test('closing while it starts refuses what waits and leaves nothing', async () => {
    const client = new EngineClient();
    const asked = [1, 2].map(() => client.request(version, nothing, { signal }));
    const outcomes = Promise.allSettled(asked);
    await client[Symbol.asyncDispose]();
    for (const outcome of await outcomes)
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'engine-failed');
    assert.equal(client.pid, undefined);
  });
});
