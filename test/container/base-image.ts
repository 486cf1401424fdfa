/**
 * The base image of deploy/Containerfile: from its registry, or from a few packages of Debian with the Node
 * and npm of this machine.
 * In: buildah's storage, a folder. Out: the image in that storage.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The root of the tree. */
export const root = join(import.meta.dirname, '..', '..');
const BASE = /^FROM (\S+)$/m.exec(readFileSync(join(root, 'deploy', 'Containerfile'), 'utf8'))![1]!;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/**
 * What Node, npm and the steps of the Containerfile use. Nothing is configured, so that no script of a
 * package takes time.
 */
const PACKAGES = ['base-files', 'bash', 'coreutils', 'dash', 'grep', 'libstdc++6', 'sed'];

/**
 * Runs a program in the root of the tree to its end. Returns its stdout.
 * @throws Error with its stderr if it fails
 */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: root, maxBuffer: 64 * 2 ** 20 });
  return stdout.trim();
}

/**
 * Gets the base image, unless the storage has it.
 *
 * @param buildah runs buildah with the storage
 * @param folder for temporary files
 * @param step runs a step and reports its duration
 */
export async function getBaseImage(
  buildah: (...args: readonly string[]) => Promise<string>,
  folder: string,
  step: <T>(name: string, work: () => Promise<T>) => Promise<T>,
): Promise<void> {
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
    await run('mmdebstrap', '--variant=extract', `--include=${PACKAGES}`, suite, archive);
    const container = await buildah('from', 'scratch');
    await buildah('add', '--quiet', container, archive, '/');
    const mounted = await buildah('mount', container);
    const files = join(mounted, 'usr', 'local');
    cpSync(process.execPath, join(files, 'bin', 'node'));
    const npm = join(dirname(await run('sh', '-c', 'readlink -f "$(command -v npm)"')), '..');
    mkdirSync(join(files, 'lib', 'node_modules'), { recursive: true });
    cpSync(npm, join(files, 'lib', 'node_modules', 'npm'), { recursive: true, dereference: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(files, 'bin', 'npm'));
    // A proxy between this machine and the npm registry may have its own certificate.
    const { NODE_EXTRA_CA_CERTS: certificates } = process.env;
    if (certificates) {
      mkdirSync(join(mounted, dirname(CERTIFICATES)), { recursive: true });
      cpSync(certificates, join(mounted, CERTIFICATES), { dereference: true });
      await buildah('config', '--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, container);
    }
    await buildah('commit', '--quiet', '--format', 'docker', '--rm', container, image);
  });
}
