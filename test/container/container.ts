/**
 * `npm run container [-- FOLDER]`: builds deploy/Containerfile with buildah, and runs the image with podman as docs/6-run/container.md says.
 * Needs root and Debian's buildah, podman, crun, and mmdebstrap where no registry can be reached: 3 minutes, so `npm test` does not run it;
 * test/checks/deploy.test.ts compares the file with the program.
 * In: the tree, the npm registry; FOLDER keeps the base image for the next run. Out: what was seen, with times; exit code 1 if it is wrong.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { freePort } from '../fixtures/free-port.ts';
import { openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const root = join(import.meta.dirname, '..', '..');
const BASE = /^FROM (\S+)$/m.exec(readFileSync(join(root, 'deploy', 'Containerfile'), 'utf8'))![1]!;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const adminToken = 'token-of-an-administrator';

await using opened = new AsyncDisposableStack();
const folder = opened.use(await openFolder('container')).path;
const kept = process.argv[2] ?? folder;
const storage = ['--root', join(kept, 'store'), '--runroot', join(folder, 'run')];

/** Runs a program to its end. Returns its stdout. */
async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: root, maxBuffer: 64 * 2 ** 20 });
  return stdout.trim();
}
const buildah = (...args: readonly string[]) => run('buildah', ...storage, ...args);
const podman = (...args: readonly string[]) => run('podman', ...storage, ...args);

/** Runs a step and prints its duration. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await work();
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  return result;
}

/** The base image of the Containerfile from its registry, otherwise one with Debian's packages and the same Node and npm. */
async function getBase(): Promise<void> {
  const image = `docker.io/library/${BASE}`;
  if ((await buildah('images', '--format', '{{.Name}}:{{.Tag}}')).split('\n').includes(image)) return;
  try {
    return void (await step(`pulled ${BASE}`, () => buildah('pull', image)));
  } catch (error) {
    console.log(`${BASE} cannot be pulled: ${(error as { stderr: string }).stderr.trim().split('\n').at(-1)}`);
  }
  await step(`created ${BASE} from packages of Debian`, async () => {
    const suite = /trixie|bookworm/.exec(BASE)![0];
    const archive = join(folder, 'base.tar');
    await run('mmdebstrap', '--variant=minbase', '--include=ca-certificates', suite, archive);
    const container = await buildah('from', 'scratch');
    await buildah('add', '--quiet', container, archive, '/');
    const files = join(await buildah('mount', container), 'usr', 'local');
    cpSync(process.execPath, join(files, 'bin', 'node'));
    const npm = join(dirname(await run('sh', '-c', 'readlink -f "$(command -v npm)"')), '..');
    mkdirSync(join(files, 'lib', 'node_modules'), { recursive: true });
    cpSync(npm, join(files, 'lib', 'node_modules', 'npm'), { recursive: true, dereference: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(files, 'bin', 'npm'));
    // A proxy between this machine and the npm registry may have a certificate of its own.
    const { NODE_EXTRA_CA_CERTS: certificates } = process.env;
    if (certificates) {
      cpSync(certificates, join(files, '..', '..', CERTIFICATES));
      await buildah('config', '--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, container);
    }
    await buildah('commit', '--quiet', '--format', 'docker', '--rm', container, image);
  });
}

/** Starts the image on a volume, with the restrictions of docs/6-run/container.md. */
async function startContainer(): Promise<{ url: string; output(): string; ended: Promise<number | null> }> {
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

await getBase();
await step('built', () =>
  buildah(
    ...['build', '--isolation', 'chroot', '--network', 'host', '--format', 'docker'],
    ...['--file', 'deploy/Containerfile', '--tag', 'oxbow', '.'],
  ),
);
const [size] = (await podman('image', 'inspect', '--format', '{{.Size}}', 'localhost/oxbow')).split('\n');
console.log(`the image has ${Math.round(Number(size) / 1e6)} MB`);

const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
const json = async <T>(address: string): Promise<T> => (await (await fetch(address, { headers })).json()) as T;
const recorded = (url: string, seconds: number) =>
  until(`${seconds} s are recorded`, async () => {
    const view = await json<StreamView>(`${url}/api/v1/streams/demo`);
    return view.recorded.seconds >= seconds && view.recorded;
  });

const first = await step('started', startContainer);
const pid = await podman('inspect', '--format', '{{.State.Pid}}', 'oxbow');
assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t1000\t1000\t1000\t1000$/m);
assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^CapEff:\t0+$/m);
assert.match(await (await fetch(first.url)).text(), /<script type="module"/);
await podman('exec', 'oxbow', 'node', 'deploy/health.mjs', first.url);
const before = await recorded(first.url, 4);
const body = JSON.stringify({
  ...{ stream: 'demo', title: 'clip', from: before.from },
  to: new Date(Date.parse(before.from!) + 3000).toISOString(),
});
const created = await fetch(`${first.url}/api/v1/clips`, { method: 'POST', headers, body });
const { media } = (await created.json()) as ClipView;
const picture = await fetch(first.url + media.preview);
assert.deepEqual([picture.status, picture.headers.get('content-type')], [200, 'image/jpeg'], 'native code decodes');
await step('stopped', () => podman('stop', '--time', '15', 'oxbow'));
assert.equal(await first.ended, 0);
assert.match(first.output(), /"reason":"SIGTERM","tookMs":\d+,"msg":"oxbow stopped"/);

const second = await step('started again', startContainer);
const after = await recorded(second.url, before.seconds + 1);
assert.equal(after.from, before.from);
const { gaps } = await json<TimelineView>(`${second.url}/api/v1/streams/demo/timeline`);
assert.ok(!gaps.some(({ cause }) => cause === 'crash'));
await podman('stop', '--time', '15', 'oxbow');
assert.equal(await second.ended, 0);
console.log('The image serves, records and decodes as user 1000, ends in order, and its volume keeps the recording.');
