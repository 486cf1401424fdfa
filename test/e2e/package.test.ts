import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { decodedMd5, makeTs, PICTURE, TONE, X264 } from '@oxbow/media/mpegts/media.fixture';
import { parseAllDocuments } from 'yaml';
import { listFiles, listImports, root } from '../../scripts/source-files.ts';
import { freePort } from '../fixtures/free-port.ts';
import { examplesOf, type Importer, makeImporter, printedBy } from '../fixtures/importer.ts';
import { need } from '../fixtures/need.ts';
import { oldNode } from '../fixtures/old-node.ts';
import { type Folder, openFolder, runOxbow, type Server, smallPicture, startServer } from '../fixtures/server.ts';

/** Runs a program to its end and gives its stdout. */
function run(command: string, args: readonly string[], cwd: string): string {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', shell });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** One of what must stay out. */
const TEST = 'test/e2e/package.test.ts';

/** Builds and packs a copy of the tree like a release; returns the paths in the package and its own path. */
function pack(folder: string): { files: readonly string[]; tarball: string } {
  const tree = join(folder, 'tree');
  const isPacked = (path: string) => !/^(bench|docs|test|web)\//.test(path) || path === TEST;
  for (const path of listFiles().filter(isPacked)) cpSync(join(root, path), join(tree, path), { dereference: true });
  for (const made of ['src/client/made', 'web/dist']) cpSync(join(root, made), join(tree, made), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'junction');
  run(process.execPath, [join('scripts', 'build-dist.mjs')], tree);
  // The typed client and the interface are made already.
  const printed = run('npm', ['pack', '--ignore-scripts', '--json', '--offline', '--pack-destination', folder], tree);
  const said = JSON.parse(printed) as Record<string, Packed> | readonly Packed[];
  const { filename, files } = Object.values(said)[0]!;
  return { files: files.map(({ path }) => path), tarball: join(folder, filename) };
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Lays the package where `npm install` would; beside it what the tree has of its dependencies. */
function install(folder: string, tarball: string): { home: string; bin: string } {
  const modules = join(folder, 'project', 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  run('tar', ['-xzf', tarball, '-C', modules], folder);
  run(process.execPath, ['-e', `require('node:fs').renameSync('package', 'oxbow')`], modules);
  const home = join(modules, 'oxbow');
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'), 'junction');
  const bin = join(modules, '.bin', 'oxbow');
  symlinkSync(join('..', 'oxbow', 'bin', 'oxbow'), bin, 'file');
  return { home, bin };
}

/** Each Node that imports must work with. */
const NODES = [process.execPath, ...(oldNode === undefined ? [] : [oldNode])];

/** A program in TypeScript that uses the public types, not only the functions. */
const CONSUMER = `
import { type MediaPlaylist, parsePlaylist, PlaylistReader, printMediaPlaylist, type Track, type Frame } from 'oxbow/media';
import { OxbowClient, OxbowProblem, type CallOptions } from 'oxbow/client';

export function lengthOf({ segments }: MediaPlaylist): number {
  return segments.reduce((sum, { durationS }) => sum + durationS, 0);
}
export function sizeOf(track: Track): string {
  return track.kind === 'video' ? \`\${track.config.width}x\${track.config.height}\` : track.kind;
}
export const secondsOf = (frame: Frame, { timescale }: Track): number => frame.duration / timescale;
const parsed = new PlaylistReader().read('');
export const text: string = parsed.kind === 'media' ? printMediaPlaylist(parsed.playlist) : '';
export const client = new OxbowClient({ server: 'http://127.0.0.1:1' });
export async function names(options: CallOptions): Promise<readonly string[]> {
  return (await client.listStreams({}, options)).items.map(({ name }) => name);
}
// @ts-expect-error the text is needed
parsePlaylist();
export const isProblem = (error: unknown): boolean => error instanceof OxbowProblem;
`;

/** What the pods of deploy/kubernetes ask, by the name of the probe. */
function probePaths(): { live: string; ready: string } {
  const text = readFileSync(join(root, 'deploy', 'kubernetes', 'base', 'node', 'stateful-set.yaml'), 'utf8');
  const set = parseAllDocuments(text)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === 'StatefulSet');
  const [{ livenessProbe, readinessProbe }] = set.spec.template.spec.containers;
  return { live: livenessProbe.httpGet.path, ready: readinessProbe.httpGet.path };
}

/** A probe of a server that starts or ends looks so often, one of a server that serves so rarely, ms. */
const [OFTEN_MS, RARELY_MS] = [5, 500];

/** A probe of a server. */
interface Probe {
  /** Status codes, each change once. */
  readonly seen: (number | 'none')[];
  /** Resolves when it was 200. */
  readonly answered: Promise<void>;
  /** Looks often again. Call it before the server ends. */
  hurry(): void;
  end(): Promise<void>;
}

/** Polls one path, from before the server listens until it is closed: often until it is 200, then rarely. */
function watchProbe(url: string): Probe {
  const seen: (number | 'none')[] = [];
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  let ended = false;
  let everyMs = OFTEN_MS;
  let isHurried = false;
  let wake = () => {};
  const watching = (async () => {
    while (!ended) {
      const status = await fetch(url, { headers: { connection: 'close' } }).then(
        async (response) => response.body?.cancel().then(() => response.status) ?? response.status,
        () => 'none' as const,
      );
      if (status !== seen.at(-1)) seen.push(status);
      if (status === 200) {
        resolve();
        if (!isHurried) everyMs = RARELY_MS;
      }
      await new Promise<void>((next) => {
        wake = next;
        setTimeout(next, everyMs);
      });
    }
  })();
  return {
    seen,
    answered,
    hurry() {
      isHurried = true;
      everyMs = OFTEN_MS;
      wake();
    },
    async end() {
      ended = true;
      wake();
      await watching;
    },
  };
}

suite('the package', { skip: need('npm') || need('tar') || need('git') }, () => {
  let folder: Folder;
  let files: readonly string[];
  let home: string;
  let bin: string;
  let importer: Importer;
  let server: Server;
  let probes: Readonly<Record<'live' | 'ready', ReturnType<typeof watchProbe>>>;
  before(async () => {
    folder = await openFolder('package');
    const packed = pack(folder.path);
    files = packed.files;
    ({ home, bin } = install(folder.path, packed.tarball));
    importer = makeImporter(join(folder.path, 'importer'), packed.tarball);
    const http = `127.0.0.1:${await freePort()}`;
    const { live, ready } = probePaths();
    probes = { live: watchProbe(`http://${http}${live}`), ready: watchProbe(`http://${http}${ready}`) };
    server = await startServer({ program: bin, data: join(folder.path, 'data'), http, args: smallPicture });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await Promise.all(Object.values(probes ?? {}).map((probe) => probe.end()));
    await folder[Symbol.asyncDispose]();
  });

  test('contains the program, the interface, units and licences; no tests, no sources, no paths of the build machine', () => {
    for (const path of [
      ...[
        'package.json',
        'README.md',
        'LICENSE',
        'NOTICE',
        'CHANGELOG.md',
        'bin/oxbow',
        'bin/oxbow.js',
        'bin/node-24.js',
      ],
      ...[
        'dist/package.json',
        'dist/src/main.js',
        'dist/src/store/sqlite/worker.js',
        'dist/src/serve/threads/thread.js',
      ],
      ...[
        'dist/src/cli/own-worker.js',
        'dist/src/ffmpeg/child/demux-main.js',
        'dist/src/archive/upload-hash-worker.js',
        'dist/src/accounts/users/bcrypt-worker.js',
      ],
      ...['dist/web/dist/index.html', 'dist/web/dist/player.js', 'dist/web/LICENSES.txt'],
      ...['deploy/oxbow.service', 'deploy/90-oxbow.conf', 'deploy/kubernetes/overlays/one-node/kustomization.yaml'],
    ]) {
      assert.ok(files.includes(path), `${path} is missing`);
    }
    const allowed = /^(bin|deploy|dist)\/|^(package\.json|README\.md|LICENSE|NOTICE|CHANGELOG\.md)$/;
    for (const path of files) {
      assert.match(path, allowed);
      assert.doesNotMatch(path, /[./](test|contract|fixture)\.|(?<!\.d)\.ts$|\.map$|\.vite/);
      const text = readFileSync(join(home, path), 'latin1');
      assert.ok(!text.includes(root) && !text.includes(folder.path), `${path} names a folder of this machine`);
      if (!/^dist\/src\/.*\.js$/.test(path)) continue;
      const wide = readFileSync(join(home, path), 'utf8').match(/[\u0100-\uffff]/);
      assert.equal(wide, null, `${path} has ${wide?.[0]}, so it takes twice its memory`);
    }
  });

  test('imports only its dependencies', () => {
    const { dependencies } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    for (const path of files.filter((each) => /^dist\/src\/.*\.js$/.test(each))) {
      for (const { specifier } of listImports(readFileSync(join(home, path), 'utf8'))) {
        if (/^(\.|node:)/.test(specifier)) continue;
        const library = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        assert.ok(library in dependencies, `${path} imports ${library}`);
      }
    }
  });

  test('its public modules need no other package and no module of Node', () => {
    const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    const entries = Object.values<{ types: string; default: string } | string>(exports).filter(
      (each) => typeof each === 'object',
    );
    assert.deepEqual(Object.keys(exports), ['./client', './media', './package.json']);
    const seen = new Set<string>();
    const visit = (path: string, from: string) => {
      assert.ok(files.includes(path), `${path} of ${from} is missing`);
      if (seen.has(path)) return;
      seen.add(path);
      for (const { specifier } of listImports(readFileSync(join(home, path), 'utf8'))) {
        assert.match(specifier, /^\./, `${path} imports ${specifier}`);
        const target = join(path, '..', specifier).replaceAll('\\', '/');
        visit(path.endsWith('.d.ts') ? target.replace(/\.ts$/, '.d.ts') : target, path);
      }
    };
    for (const each of entries) for (const path of [each.types, each.default]) visit(path.slice(2), 'exports');
  });

  test('oxbow/client and oxbow/media have exactly their public names, for Node 20 and 24', () => {
    const text = `
      for (const entry of ['client', 'media']) console.log(Object.keys(await import('oxbow/' + entry)).sort().join(' '));
      await import('oxbow/dist/src/main.js').catch(({ code }) => console.log(code));`;
    for (const node of NODES) {
      assert.deepEqual(importer.run(node, text).trim().split('\n'), [
        'OxbowClient OxbowProblem',
        'FormatError PlaylistReader createFmp4Demuxer createTsDemuxer muxTsSegment parsePlaylist printFmp4Fragment printFmp4Init printMediaPlaylist printMultivariantPlaylist',
        'ERR_PACKAGE_PATH_NOT_EXPORTED',
      ]);
    }
  });

  test('a program in TypeScript, and the examples of docs/8-api/media.md, agree with the packed types', () => {
    assert.equal(importer.check([CONSUMER, ...examplesOf('docs/8-api/media.md')]), '');
  });

  test('the examples of docs/8-api/media.md do what the page says', { skip: need('ffmpeg') }, () => {
    const source = makeTs([...PICTURE, ...TONE, '-t', '2', ...X264, '-c:a', 'aac']);
    const examples = examplesOf('docs/8-api/media.md');
    assert.equal(examples.length, 4);
    cpSync(source, join(importer.path, 'segment.ts'));
    for (const node of NODES) {
      for (const example of examples) assert.equal(importer.run(node, example), printedBy(example));
      for (const file of ['segment.mp4', 'again.ts']) {
        for (const kind of ['v', 'a'] as const) {
          const decoded = decodedMd5(join(importer.path, file), kind);
          assert.ok(decoded.length >= 50);
          assert.deepEqual(decoded, decodedMd5(source, kind), `${file}, ${kind}`);
        }
      }
    }
  });

  test('oxbow/media returns the same frames without Buffer, as in browsers', { skip: need('ffmpeg') }, () => {
    cpSync(makeTs([...PICTURE, ...TONE, '-t', '2', ...X264, '-c:a', 'aac']), join(importer.path, 'segment.ts'));
    const text = (before: string) => `
      import { createHash } from 'node:crypto';
      import { readFileSync } from 'node:fs';
      const bytes = new Uint8Array(readFileSync('segment.ts'));
      ${before}
      const { createTsDemuxer } = await import('oxbow/media');
      const frames = [];
      const demuxer = createTsDemuxer({ tracks() {}, damage(reason) { throw new Error(reason); }, frame: (each) => frames.push(each) });
      for (let at = 0; at < bytes.length; at += 1000) demuxer.push(bytes.slice(at, at + 1000));
      demuxer.flush();
      const sum = createHash('md5');
      for (const { dts, pts, key, data } of frames) sum.update([dts, pts, key].join()).update(data);
      console.log(frames.length, sum.digest('hex'));`;
    const usual = importer.run(process.execPath, text(''));
    assert.match(usual, /^1[0-9]{2} /);
    assert.equal(importer.run(process.execPath, text('delete globalThis.Buffer;')), usual);
  });

  test('the packed client reads the streams of a server', async () => {
    await server.stream('demo');
    const text = `
      import { OxbowClient } from 'oxbow/client';
      const { items } = await new OxbowClient({ server: '${server.url}' }).listStreams();
      console.log(items.map(({ name }) => name).join());`;
    for (const node of NODES) assert.equal(importer.run(node, text), 'demo\n');
  });

  test('brings the licence of every package in its interface', () => {
    const licences = readFileSync(join(home, 'dist', 'web', 'LICENSES.txt'), 'utf8');
    for (const path of listFiles().filter(
      (each) => /^web\/src\/.*\.(ts|svelte)$/.test(each) && !/\.test\./.test(each),
    )) {
      for (const { specifier, isType } of listImports(readFileSync(join(root, path), 'utf8'))) {
        const [library] = specifier.split('/');
        const isOurs = specifier.startsWith('.') || specifier.startsWith('@oxbow/');
        if (isType || isOurs || specifier.startsWith('node:')) continue;
        assert.ok(
          licences.includes(`\n${library}\n===`) || licences.startsWith(`${library}\n===`),
          `${library} of ${path}`,
        );
      }
    }
  });

  test('says its version from node_modules/.bin', async () => {
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    assert.deepEqual(await runOxbow(['--version'], bin), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('serves and records the demo, with its interface', async () => {
    const { recorded } = await server.stream('demo');
    assert.match(Buffer.from(await server.bytes('/live/demo/index.m3u8')).toString(), /^#EXTM3U/);
    assert.match(Buffer.from(await server.bytes('/')).toString(), /<script type="module"/);
    await server.bytes('/player.js');
    assert.ok(recorded);
    const health = await server.json<{ status: string }>('/health');
    assert.equal(health.status, 'ok');
    assert.deepEqual(server.log('error'), []);
  });

  test('deploy/health.mjs reports a working server', () => {
    const health = join(home, 'deploy', 'health.mjs');
    run(process.execPath, [health, server.url], home);
    const unreachable = spawnSync(process.execPath, [health, 'http://127.0.0.1:1'], { encoding: 'utf8' });
    assert.equal(unreachable.status, 1);
    assert.match(unreachable.stderr, /^http:\/\/127\.0\.0\.1:1: .+\n$/);
  });

  test('is live as soon as it listens, ready only when it serves, and neither once it ends', async () => {
    await Promise.all([probes.live.answered, probes.ready.answered]);
    for (const probe of Object.values(probes)) probe.hurry();
    const { code } = await server.stop();
    assert.equal(code, 0);
    await Promise.all([probes.live.end(), probes.ready.end()]);
    // Not listening, starting, serving, closing, not listening.
    assert.match(probes.live.seen.join(' '), /^(none )?200( 503)?( none)?$/);
    // On a machine that is busy with other things a check may be late for once.
    assert.match(probes.ready.seen.join(' '), /^(none )?(503 )?200( 503 200)*( 503)?( none)?$/);
  });
});
