/**
 * OpenStack Swift with its S3 interface, on this machine: a server of objects that others run in production.
 * In: programs of Debian (scripts/test.ts). Out: an ObjectServer with one empty bucket. Used by tests only.
 * Waits for wall time: the servers are processes, which are ready some time after their start.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../test/fixtures/free-port.ts';
import { pathOf } from '../../../test/fixtures/need.ts';
import { until } from '../../../test/fixtures/wait.ts';
import { type ObjectServer, serveS3 } from './object-servers.fixture.ts';

const KEY = 'test:tester';
const SECRET = 'testing';
const KINDS = ['account', 'container', 'object'] as const;

const RINGS = `
import sys
from swift.common.ring import RingBuilder
for kind, port in (one.split(':') for one in sys.argv[2:]):
    ring = RingBuilder(4, 1, 0)
    ring.add_dev(dict(region=1, zone=1, weight=1, ip='127.0.0.1', port=int(port), device='d1'))
    ring.rebalance()
    ring.get_ring().save(f'{sys.argv[1]}/{kind}.ring.gz')
`;

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Starts one server of each kind, on one device, and the proxy with `s3api`. */
export async function startSwift(): Promise<ObjectServer> {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-swift-'));
  await mkdir(join(folder, 'devices', 'd1'), { recursive: true });
  const children: ChildProcess[] = [];
  const run = async (kind: string, port: number, sections: Readonly<Record<string, readonly string[]>>) => {
    const own = [`bind_ip = 127.0.0.1`, `bind_port = ${port}`, 'workers = 0', `user = ${userInfo().username}`];
    const all = {
      DEFAULT: [
        ...own,
        `swift_dir = ${folder}`,
        `devices = ${join(folder, 'devices')}`,
        'mount_check = false',
        'disable_fallocate = true',
        // By default half a second to a few: a busy machine would get 503, and lists that lack an object.
        'conn_timeout = 60',
        'node_timeout = 60',
        'container_update_timeout = 60',
      ],
      ...sections,
    };
    const text = Object.entries(all).map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`);
    const file = join(folder, `${kind}.conf`);
    await writeFile(file, text.join('\n'));
    children.push(spawn(pathOf(`swift-${kind}-server`)!, [file], { stdio: 'ignore' }));
  };
  const ports = await Promise.all(KINDS.map(() => freePort()));
  // One process: each run of swift-ring-builder takes a second of CPU.
  execFileSync('/usr/bin/python3', ['-c', RINGS, folder, ...KINDS.map((kind, i) => `${kind}:${ports[i]}`)]);
  for (const [i, kind] of KINDS.entries()) {
    await run(kind, ports[i]!, {
      'pipeline:main': [`pipeline = ${kind}-server`],
      [`app:${kind}-server`]: [`use = egg:swift#${kind}`],
    });
  }
  // A proxy that finds a server missing leaves it alone for a minute.
  for (const port of ports) await until(`a server of Swift listens on ${port}`, () => listens(port));
  const port = await freePort();
  const filters = ['catch_errors', 'gatekeeper', 'cache', 'bulk', 's3api', 'tempauth', 'slo', 'dlo'];
  const more: Readonly<Record<string, readonly string[]>> = {
    cache: ['memcache_servers = 127.0.0.1:9'], // there is none
    s3api: ['location = us-east-1'],
    tempauth: [`user_${KEY.replace(':', '_')} = ${SECRET} .admin`],
  };
  const sections = filters.map((name) => {
    const egg = name === 'cache' ? 'memcache' : name;
    return [`filter:${name}`, [`use = egg:swift#${egg}`, ...(more[name] ?? [])]];
  });
  await run('proxy', port, {
    'pipeline:main': [`pipeline = ${filters.join(' ')} proxy-server`],
    'app:proxy-server': ['use = egg:swift#proxy', 'account_autocreate = true'],
    ...Object.fromEntries(sections),
  });
  const close = async () => {
    for (const child of children) {
      const closed = child.exitCode === null && child.signalCode === null ? once(child, 'close') : undefined;
      child.kill('SIGKILL');
      await closed;
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const server = serveS3(port, { accessKeyId: KEY, secretAccessKey: SECRET }, { close });
  await until('Swift has a bucket', () => server.createBucket().then(() => true));
  return server;
}
