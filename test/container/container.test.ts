/**
 * The container image: deploy/Containerfile is built with buildah, and the image is run with podman as
 * docs/9-run/container.md says, by its Compose file and by its manifest for Kubernetes. Needs root and
 * Debian's buildah, podman, podman-compose, catatonit and crun, and mmdebstrap where no image registry can be
 * reached.
 * In: the tree, the npm registry; TESTS_CONTAINER_FOLDER keeps the base image for the next run. Out:
 * assertions; each step with its time.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { buildKustomization, readObjects } from '../fixtures/deploy/kustomize.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { getBaseImage, root, run } from './base-image.ts';
import { podOf } from './pod.ts';
import { openPodman, type Podman } from './podman.ts';

const adminToken = 'token-of-an-administrator';
const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
const isRoot = process.getuid?.() === 0;
const programs = ['buildah', 'podman', 'podman-compose', 'crun', 'nsenter'];
const missing = programs.map(need).find((reason) => reason !== false) ?? false;
const skip = missing || (isRoot ? false : 'needs root');

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
async function startContainer(podman: Podman): Promise<Container> {
  const port = await freePort();
  const child = podman.spawn(
    ...['run', '--rm', '--name', 'oxbow', '--network', 'host', '--no-healthcheck', '--volume', 'oxbow:/data'],
    ...['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--env', `OXBOW_ADMIN_TOKEN=${adminToken}`, '--env', `OXBOW_HTTP=127.0.0.1:${port}`],
    ...['--env', 'OXBOW_RTMP=off', '--env', 'OXBOW_SRT=off', '--env', 'OXBOW_WEBRTC=off', 'localhost/oxbow'],
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = `http://127.0.0.1:${port}`;
  await Promise.race([isReady(url), ended.then((code) => assert.fail(`it ended with ${code}:\n${text}`))]);
  return { url, output: () => text, ended };
}

const isReady = (url: string) =>
  until('the container is ready', async () => (await fetch(`${url}/ready`).catch(() => null))?.ok);
const json = async <T>(address: string): Promise<T> => (await (await fetch(address, { headers })).json()) as T;

/** The recording of the sample stream, when it has this many seconds. */
function recorded(url: string, seconds: number): Promise<StreamView['recorded']> {
  return until(`${seconds} s are recorded`, async () => {
    const view = await json<StreamView>(`${url}/api/v1/streams/demo`);
    return view.recorded.seconds >= seconds && view.recorded;
  });
}

suite('the image of deploy/Containerfile', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let folder: string;
  let podman: Podman;

  before(async () => {
    folder = opened.use(await openFolder('container')).path;
    podman = opened.use(await openPodman(process.env.TESTS_CONTAINER_FOLDER ?? folder, folder));
    const buildah = (...args: readonly string[]) => run('buildah', ...podman.storage, ...args);
    await getBaseImage(buildah, folder, step);
    const cache = await run('npm', 'config', 'get', 'cache');
    await step('built', () =>
      buildah(
        ...['build', '--isolation', 'chroot', '--network', 'host', '--format', 'docker'],
        // Packages that this machine has downloaded are not downloaded again.
        ...(existsSync(cache) ? ['--volume', `${cache}:/root/.npm`] : []),
        ...['--file', 'deploy/Containerfile', '--tag', 'oxbow', '.'],
      ),
    );
    const [size] = (await podman.run('image', 'inspect', '--format', '{{.Size}}', 'localhost/oxbow')).split('\n');
    console.log(`the image has ${Math.round(Number(size) / 1e6)} MB`);
  });
  after(() => opened.disposeAsync());

  test('serves, records and decodes as user 1000, ends in order, and its volume keeps the recording', async () => {
    const first = await step('started', () => startContainer(podman));
    const pid = await podman.run('inspect', '--format', '{{.State.Pid}}', 'oxbow');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(await (await fetch(first.url)).text(), /<script type="module"/);
    await podman.run('exec', 'oxbow', 'node', 'deploy/health.mjs', first.url);
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
    await step('stopped', () => podman.run('stop', '--time', '15', 'oxbow'));
    assert.equal(await first.ended, 0);
    assert.match(first.output(), /"reason":"SIGTERM","tookMs":\d+,"msg":"oxbow stopped"/);

    const second = await step('started again', () => startContainer(podman));
    const after = await recorded(second.url, before.seconds + 1);
    assert.equal(after.from, before.from);
    const { gaps } = await json<TimelineView>(`${second.url}/api/v1/streams/demo/timeline`);
    assert.ok(!gaps.some(({ cause }) => cause === 'crash'));
    await podman.run('stop', '--time', '15', 'oxbow');
    assert.equal(await second.ended, 0);
  });

  test('runs by deploy/compose.yaml, whose volume keeps the recording when it is taken down and up again', async () => {
    const port = await freePort();
    // Some machines do not permit as many open files as the file wants.
    const limits = join(folder, 'limits.yaml');
    writeFileSync(limits, 'services: { oxbow: { ulimits: { nofile: 8192, nproc: 2048 } } }\n');
    const env = { ...process.env, OXBOW_ADMIN_TOKEN: adminToken, PORT: String(port), LOG_DRIVER: 'k8s-file' };
    const compose = (...args: readonly string[]) =>
      promisify(execFile)(
        'podman-compose',
        [
          ...['--podman-path', podman.path, '--podman-run-args=--no-healthcheck'],
          ...['-f', join(root, 'deploy', 'compose.yaml'), '-f', limits],
          ...args,
        ],
        { env, cwd: root },
      );
    const url = `http://127.0.0.1:${port}`;
    const up = async () => {
      const { stdout, stderr } = await compose('up', '--detach', '--no-build');
      await isReady(url).catch((error) => assert.fail(`${error}\n${stdout}${stderr}`));
    };
    await step('compose up', up);
    const before = await recorded(url, 4);
    await step('compose down', () => compose('down'));
    await up();
    const after = await recorded(url, before.seconds + 1);
    assert.equal(after.from, before.from);
    const { gaps } = await json<TimelineView>(`${url}/api/v1/streams/demo/timeline`);
    assert.ok(!gaps.some(({ cause }) => cause === 'crash'), 'it was ended in order');
    await compose('down', '--volumes');
  });

  test('runs as the pod of deploy/kubernetes/overlays/one-node, with its settings, secrets and limits', async () => {
    const path = join(root, 'deploy', 'kubernetes', 'overlays', 'one-node');
    const objects = [...buildKustomization(path), ...readObjects(join(path, 'secret.example.yaml'))];
    const secret = objects.find(({ kind }) => kind === 'Secret')!;
    secret.stringData['admin-token'] = adminToken;
    await podman.run('tag', 'localhost/oxbow', 'localhost/oxbow:0.1.0');
    const port = await freePort();
    const file = join(folder, 'pod.yaml');
    writeFileSync(file, podOf(objects, { http: port }));
    await step('played', () => podman.run('play', 'kube', file));
    const url = `http://127.0.0.1:${port}`;
    await isReady(url);
    // podman 4.3 leaves secrets in Base64.
    const token = await podman.run('exec', 'oxbow-0-oxbow', 'cat', '/run/secrets/oxbow/admin-token');
    assert.ok([adminToken, btoa(adminToken)].includes(token), token);
    const statusFor = async (token: string) =>
      (await fetch(`${url}/api/v1/audit`, { headers: { authorization: `Bearer ${token}` } })).status;
    assert.deepEqual([await statusFor(token), await statusFor('another-token-than-this')], [200, 401]);
    await until('the stream is recorded', async () => {
      const view = (await (await fetch(`${url}/api/v1/streams/demo`)).json()) as StreamView;
      return view.recorded.seconds >= 4;
    });
    const memory = await podman.run('inspect', '--format', '{{.HostConfig.Memory}}', 'oxbow-0-oxbow');
    assert.equal(Number(memory), 2 * 2 ** 30, 'the limit of the manifest holds');
    await step('taken down', () => podman.run('play', 'kube', '--down', file));
  });
});
