/** Finds a Node that runs oxbow (24 or newer), and ends with the child that it runs. Plain JavaScript, runs on Node 20. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const LEAST_MAJOR = 24;

/**
 * The path of a Node of version 24 or newer.
 *
 * @returns {string} this process's own executable where it is new enough, else the one in the optional npm package
 */
export function newestNode() {
  if (Number(process.versions.node.split('.')[0]) >= LEAST_MAJOR) return process.execPath;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/package.json`);
    const file = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    if (existsSync(file)) return file;
  } catch {
    // Not installed for this platform: reported below with a hint.
  }
  console.error(
    `oxbow: needs Node ${LEAST_MAJOR} or newer, this is ${process.versions.node}.\n` +
      `Install it from https://nodejs.org, or run "npm ci" again without --omit=optional.`,
  );
  process.exit(1);
}

/**
 * Passes signals on to the child and ends as it ends. npm passes SIGTERM to the shell of a script only, which dies of it: there the child
 * is ended when the shell is gone.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
export function endWith(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined && process.platform !== 'win32') {
    setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 250).unref();
  }
  child.on('error', (error) => {
    console.error(`oxbow: ${child.spawnfile} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
