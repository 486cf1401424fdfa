/**
 * The container image: deploy/Containerfile is built with buildah, and the image is run with podman as
 * docs/9-run/container.md says. Needs root and Debian's buildah, podman and crun, and mmdebstrap where no
 * image registry can be reached.
 * In: the tree, the npm registry; TESTS_CONTAINER_FOLDER keeps the base image for the next run. Out:
 * assertions; each step with its time.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { getBaseImage, run } from './base-image.ts';

const adminToken = 'token-of-an-administrator';
const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
const isRoot = process.getuid?.() === 0;
const skip = need('buildah') || need('podman') || need('crun') || (isRoot ? false : 'needs root');

/** Runs a step and prints its duration. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await work();
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  return result;
}

interface Container {
  readonly url: string;
  /** What it has printed so far. */
  output(): string;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts the image on a volume, with the restrictions of docs/9-run/container.md. */
async function startContainer(storage: readonly string[]): Promise<Container> {
  const port = await freePort();
  // crun refuses the two hierarchies of cgroups that some systems have: hide the second one from it.
  const second = '/sys/fs/cgroup/unified';
  const enter = existsSync(second) ? ['unshare', '-m', 'sh', '-c', `umount ${second} && exec "$@"`, 'sh'] : [];
  const [program, ...args] = [
    ...enter,
    ...['podman', ...storage, 'run', '--rm', '--name', 'oxbow', '--network', 'host', '--cgroups', 'disabled'],
    ...['--no-healthcheck', '--ulimit', 'nofile=8192:8192', '--ulimit', 'nproc=2048:2048', '--volume', 'oxbow:/data'],
    ...['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--env', `OXBOW_ADMIN_TOKEN=${adminToken}`, '--env', `OXBOW_HTTP=127.0.0.1:${port}`],
    ...['--env', 'OXBOW_RTMP=off', '--env', 'OXBOW_SRT=off', '--env', 'OXBOW_WEBRTC=off', 'localhost/oxbow'],
  ];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = `http://127.0.0.1:${port}`;
  const ready = until('the container is ready', async () => (await fetch(`${url}/ready`).catch(() => null))?.ok);
  await Promise.race([ready, ended.then((code) => assert.fail(`it ended with ${code}:\n${text}`))]);
  return { url, output: () => text, ended };
}

const json = async <T>(address: string): Promise<T> => (await (await fetch(address, { headers })).json()) as T;

/** The recording of the sample stream, when it has this many seconds. */
function recorded(url: string, seconds: number): Promise<StreamView['recorded']> {
  return until(`${seconds} s are recorded`, async () => {
    const view = await json<StreamView>(`${url}/api/v1/streams/demo`);
    return view.recorded.seconds >= seconds && view.recorded;
  });
}

test('the image serves, records and decodes as user 1000, ends in order, and its volume keeps the recording', {
  skip,
}, async () => {
  await using folder = await openFolder('container');
  const kept = process.env.TESTS_CONTAINER_FOLDER ?? folder.path;
  const storage = ['--root', join(kept, 'store'), '--runroot', join(folder.path, 'run')];
  const buildah = (...args: readonly string[]) => run('buildah', ...storage, ...args);
  const podman = (...args: readonly string[]) => run('podman', ...storage, ...args);

  await getBaseImage(buildah, folder.path, step);
  const cache = await run('npm', 'config', 'get', 'cache');
  await step('built', () =>
    buildah(
      ...['build', '--isolation', 'chroot', '--network', 'host', '--format', 'docker'],
      // Packages that this machine has downloaded are not downloaded again.
      ...(existsSync(cache) ? ['--volume', `${cache}:/root/.npm`] : []),
      ...['--file', 'deploy/Containerfile', '--tag', 'oxbow', '.'],
    ),
  );
  const [size] = (await podman('image', 'inspect', '--format', '{{.Size}}', 'localhost/oxbow')).split('\n');
  console.log(`the image has ${Math.round(Number(size) / 1e6)} MB`);

  const first = await step('started', () => startContainer(storage));
  const pid = await podman('inspect', '--format', '{{.State.Pid}}', 'oxbow');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
  assert.match(status, /^CapEff:\t0+$/m);
  assert.match(await (await fetch(first.url)).text(), /<script type="module"/);
  await podman('exec', 'oxbow', 'node', 'deploy/health.mjs', first.url);
  const before = await recorded(first.url, 4);
  const body = JSON.stringify({
    stream: 'demo',
    title: 'clip',
    from: before.from,
    to: new Date(Date.parse(before.from!) + 3000).toISOString(),
  });
  const created = await fetch(`${first.url}/api/v1/clips`, { method: 'POST', headers, body });
  const { media } = (await created.json()) as ClipView;
  const picture = await fetch(first.url + media.preview);
  assert.deepEqual([picture.status, picture.headers.get('content-type')], [200, 'image/jpeg'], 'native code decodes');
  await step('stopped', () => podman('stop', '--time', '15', 'oxbow'));
  assert.equal(await first.ended, 0);
  assert.match(first.output(), /"reason":"SIGTERM","tookMs":\d+,"msg":"oxbow stopped"/);

  const second = await step('started again', () => startContainer(storage));
  const after = await recorded(second.url, before.seconds + 1);
  assert.equal(after.from, before.from);
  const { gaps } = await json<TimelineView>(`${second.url}/api/v1/streams/demo/timeline`);
  assert.ok(!gaps.some(({ cause }) => cause === 'crash'));
  await podman('stop', '--time', '15', 'oxbow');
  assert.equal(await second.ended, 0);
});
