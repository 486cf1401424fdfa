import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { sleep } from '../abort.ts';
import { isLinux, ownUid } from '../platform.ts';
import { nodeVariables, setNetworkPolicy, spawnConfined } from './confine.ts';
import { findIsolation, limitPrograms, tryIsolation } from './isolation.ts';

const signal = new AbortController().signal;
const script = join(import.meta.dirname, 'confined.fixture.ts');
const { withoutNetwork, ownCount, reason } = await findIsolation();
const { prlimit, setpriv } = limitPrograms();
const skip = withoutNetwork === undefined && `this system does not allow it: ${reason}`;

interface Report {
  readonly pid: number;
  readonly folder: string;
  readonly variables: readonly string[];
  readonly tcp: string;
  readonly udp: string;
  readonly file: string;
  readonly processes: number;
}

suite('programs that handle foreign bytes', { skip: !isLinux && 'limits and networks are those of Linux' }, () => {
  let folder = '';
  let port = 0;
  const server = createServer((socket) => socket.destroy());
  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'oxbow-confine-')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (what: string, options: { readonly needsNetwork?: boolean; readonly maxCpuS?: number } = {}) =>
    spawnConfined({
      command: [process.execPath, '--no-warnings', script, String(port), what],
      limits: {
        maxDataBytes: 1024 ** 3,
        maxFileBytes: 100_000,
        maxOpenFiles: 100,
        ...(options.maxCpuS !== undefined && { maxCpuS: options.maxCpuS }),
      },
      folder,
      env: { LANG: 'C', PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'inherit'],
      needsNetwork: options.needsNetwork ?? false,
    });

  async function report(child: ChildProcess): Promise<Report> {
    const chunks: Buffer[] = [];
    child.stdout!.on('data', (bytes: Buffer) => chunks.push(bytes));
    await once(child, 'close');
    return JSON.parse(Buffer.concat(chunks).toString()) as Report;
  }

  async function hanging(child: ChildProcess): Promise<void> {
    await once(child.stdout!, 'data');
  }

  test('have no network, few variables, a folder of their own, and the process id that was returned', {
    skip,
  }, async () => {
    const child = await start('1');
    const { tcp, udp, ...rest } = await report(child);
    assert.deepEqual({ tcp, udp }, { tcp: 'ENETUNREACH', udp: 'ENETUNREACH' });
    assert.deepEqual([rest.pid, rest.folder, rest.variables], [child.pid, folder, ['LANG', 'PATH']]);
  });

  test('have the network where they need it, and where the settings say so', async () => {
    assert.equal((await report(await start('1', { needsNetwork: true }))).tcp, 'connected');
    setNetworkPolicy('off');
    try {
      assert.equal((await report(await start('1'))).tcp, 'connected');
    } finally {
      setNetworkPolicy('auto');
    }
  });

  test('cannot write large files, and their limits are in force', { skip: !prlimit && 'without prlimit' }, async () => {
    assert.equal((await report(await start('1'))).file, 'EFBIG');
    const child = await start('hang', { maxCpuS: 30 });
    await hanging(child);
    const limits = readFileSync(`/proc/${child.pid}/limits`, 'utf8');
    const of = (name: string) => new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(limits)?.slice(1);
    assert.deepEqual(of('Max data size'), [`${1024 ** 3}`, `${1024 ** 3}`]);
    assert.deepEqual(of('Max open files'), ['100', '100']);
    assert.deepEqual(of('Max file size'), ['100000', '100000']);
    assert.deepEqual(of('Max core file size'), ['0', '0']);
    assert.deepEqual(of('Max cpu time'), ['30', '30']);
    child.kill('SIGKILL');
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  });

  test('read compiled code of oxbow, and have no such folder where they might write into it', {
    skip: !prlimit && 'without prlimit',
  }, async () => {
    const cache = join(folder, 'compiled');
    const before = process.env.NODE_COMPILE_CACHE;
    process.env.NODE_COMPILE_CACHE = cache;
    try {
      assert.deepEqual(nodeVariables({ maxFileBytes: 1 }), {});
      const limits = { maxDataBytes: 1024 ** 3, maxFileBytes: 0, maxOpenFiles: 100 };
      const env = { PATH: '/usr/bin:/bin', ...nodeVariables(limits) };
      const command = [process.execPath, '--no-warnings', script, String(port), '1'];
      await report(await spawnConfined({ command, limits, folder, env, stdio: ['ignore', 'pipe', 'inherit'] }));
      const written = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
      assert.ok(written.length > 0, 'it has tried');
      assert.ok(written.every(({ parentPath, name }) => statSync(join(parentPath, name)).size === 0));
    } finally {
      if (before === undefined) delete process.env.NODE_COMPILE_CACHE;
      else process.env.NODE_COMPILE_CACHE = before;
    }
  });

  test('end when their processor time is used up', { skip: !prlimit && 'without prlimit' }, async () => {
    const child = await start('hang', { maxCpuS: 1 });
    assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
  });

  test('cannot multiply without end', { skip: !ownCount && (ownUid === 0 ? 'root is exempt' : skip) }, async () => {
    const most = 128 + 32 * availableParallelism();
    assert.equal((await report(await start('5'))).processes, 0);
    assert.notEqual((await report(await start(String(most)))).processes, 0);
  });

  test('end with the process that started them, also in an endless loop', {
    skip: !setpriv && 'without setpriv',
  }, async () => {
    const starter = `
      const { spawnConfined } = await import(${JSON.stringify(new URL('confine.ts', import.meta.url).href)});
      const child = await spawnConfined({
        command: [process.execPath, '--no-warnings', ${JSON.stringify(script)}, '${port}', 'hang'],
        limits: { maxDataBytes: 2 ** 30, maxFileBytes: 0, maxOpenFiles: 100 },
        folder: ${JSON.stringify(folder)}, env: {}, stdio: ['ignore', 'pipe', 'inherit'],
      });
      child.stdout.once('data', () => process.stdout.write(String(child.pid)));`;
    const parent = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', starter], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [pid] = await once(parent.stdout, 'data');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const state = () => {
      try {
        return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '')[0]!;
      } catch {
        return 'gone';
      }
    };
    // A container without an init that collects them keeps the entries of ended processes.
    while (!['gone', 'Z', 'X'].includes(state())) await sleep(10, { signal });
  });

  test('are not started where they must be without a network and cannot', async () => {
    const fake = join(folder, 'unshare');
    for (const [text, why] of [
      ['echo "unshare: unshare failed: Operation not permitted" >&2; exit 1', /Operation not permitted/],
      ['while [ "$1" != -- ]; do shift; done; shift; exec "$@"', /the network stays the same/],
    ] as const) {
      writeFileSync(fake, `#!/bin/sh\n${text}\n`);
      chmodSync(fake, 0o755);
      const found = await tryIsolation({ unshare: fake, isRoot: false });
      assert.equal(found.withoutNetwork, undefined);
      assert.match(found.reason, why);
    }
    assert.match((await tryIsolation({ unshare: undefined, isRoot: true })).reason, /not installed/);
    const state = {
      command: [process.execPath],
      limits: { maxDataBytes: 1, maxFileBytes: 0, maxOpenFiles: 1 },
      folder,
      env: {},
      stdio: 'ignore' as const,
    };
    setNetworkPolicy('required');
    try {
      const none = await tryIsolation({ unshare: undefined, isRoot: false });
      await assert.rejects(spawnConfined(state, none), { code: 'engine-failed', message: /without a network/ });
    } finally {
      setNetworkPolicy('auto');
    }
  });
});
