/**
 * The start of the single executable (scripts/build-sea.mjs): the executable is Node, and has the files of the program inside. A process
 * loads native code, threads and modules from files only, so the first start unpacks them to a folder of this user; then it becomes bin/oxbow's
 * equivalent. Its threads and child processes are started with a file of that folder as the first argument.
 * In: the assets of the executable. Out: the process runs dist/src/main.js, or that file.
 */
const { createHash, randomUUID } = require('node:crypto');
const { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { homedir } = require('node:os');
const { dirname, isAbsolute, join } = require('node:path');
const { getAsset, getRawAsset } = require('node:sea');
const { pathToFileURL } = require('node:url');
const { zstdDecompressSync } = require('node:zlib');

/** ES modules are loaded from here: a script inside an executable may not import files. */
const IMPORTER = 'import.cjs';

try {
  start();
} catch (error) {
  console.error(`oxbow: ${error.message}`);
  process.exitCode = 1;
}

function start() {
  const [first] = process.argv.slice(2);
  const isChild = first !== undefined && isAbsolute(first) && first.endsWith('.js') && isOwn(first);
  if (isChild) {
    process.argv.splice(1, 1);
    run(first);
    return;
  }
  const cache = cacheFolder();
  const wanted = {
    // As in bin/oxbow.
    UV_THREADPOOL_SIZE: '16',
    ...(process.env.NODE_V8_COVERAGE === undefined && { NODE_COMPILE_CACHE: join(cache, 'compiled') }),
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '69632',
    MALLOC_TRIM_THRESHOLD_: '131072',
  };
  // They are read when a process starts. Windows cannot replace a process, and has no glibc.
  if (process.execve && Object.keys(wanted).some((name) => process.env[name] === undefined)) {
    process.execve(process.execPath, [process.argv0, ...process.argv.slice(2)], { ...wanted, ...process.env });
  }
  Object.assign(process.env, { ...wanted, ...process.env });
  const main = join(unpack(cache), 'dist', 'src', 'main.js');
  process.argv[1] = main;
  run(main);
}

function run(file) {
  const folder = file.slice(0, file.lastIndexOf(join('dist', 'src')));
  createRequire(join(folder, IMPORTER))(`./${IMPORTER}`)(pathToFileURL(file).href);
}

/** Whether a file belongs to this user or to root. */
function isOwn(file) {
  const status = lstatSync(file, { throwIfNoEntry: false });
  return status?.isFile() === true && (process.getuid === undefined || [0, process.getuid()].includes(status.uid));
}

/** A folder that only this user can read and write. */
function cacheFolder() {
  const { CACHE_DIRECTORY, LOCALAPPDATA, XDG_CACHE_HOME } = process.env;
  const usual = process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  const folder = join(XDG_CACHE_HOME || CACHE_DIRECTORY || LOCALAPPDATA || usual, 'oxbow-executable');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`${folder} cannot be created: ${error.message}. Set XDG_CACHE_HOME to a folder of this user.`);
  }
  const { uid, mode } = lstatSync(folder);
  const isPrivate = lstatSync(folder).isDirectory() && (mode & 0o077) === 0;
  if (process.getuid && (uid !== process.getuid() || !isPrivate)) {
    throw new Error(
      `${folder} is not a folder of this user alone. Delete it, or set XDG_CACHE_HOME to another folder.`,
    );
  }
  return folder;
}

/** Unpacks the files of the program, unless they are there and intact. Returns their folder. */
function unpack(cache) {
  const list = getAsset('list.json', 'utf8');
  const files = JSON.parse(list);
  const folder = join(cache, createHash('sha256').update(list).digest('hex').slice(0, 32));
  if (files.every(({ path, size, sha256 }) => isIntact(join(folder, path), size, sha256))) return folder;
  const part = join(cache, randomUUID());
  for (const { path, sha256 } of files) {
    const bytes = zstdDecompressSync(new Uint8Array(getRawAsset(path)));
    if (hashOf(bytes) !== sha256) throw new Error(`the executable is damaged: ${path}. Download it again.`);
    mkdirSync(dirname(join(part, path)), { recursive: true });
    writeFileSync(join(part, path), bytes);
  }
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(part, folder);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // otherwise another start was faster
  }
  return folder;
}

function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function isIntact(file, size, sha256) {
  const status = lstatSync(file, { throwIfNoEntry: false });
  return status?.isFile() === true && status.size === size && hashOf(readFileSync(file)) === sha256;
}
