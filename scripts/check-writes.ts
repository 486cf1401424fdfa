/**
 * The server writes its data through the file layer, src/lib/files, which tests can make fail; no other
 * file changes files by itself.
 * In: the sources of the program, without tests. Out: sentences about imports of node:fs that write.
 */
import { listSources, readSource, withoutComments } from './source-files.ts';

const LAYER = 'src/lib/files/';

/** Names of node:fs that only read; `open` is not among them, because its flags decide. */
const READS =
  /^(?:access|constants|createReadStream|exists|fstat|FSWatcher|lstat|openAsBlob|opendir|read|readdir|readFile|readlink|readv|realpath|stat|statfs|watch|watchFile|Dirent|Stats|BigIntStats)(?:Sync)?$/;

/** Files and folders outside of the layer, and why. */
const allowed: Readonly<Record<string, string>> = {
  'src/cli/': 'files that a user names, or that a command keeps for itself',
  'src/store/sqlite/': 'SQLite writes its files itself; this names, moves and removes them',
  'src/store/private-files.ts': 'an empty file for SQLite, with its rights',
  'src/store/lock.ts': 'a lock of SQLite, and what a killed server left',
  'src/store/move.ts': 'copies of the SQLite file, of a command',
  'src/store/running.ts': 'what a process that crashes still writes, at once',
  'src/store/state-file.ts': 'where a verification is: a lost file makes it begin earlier',
  'src/archive/integrity/quarantine.ts': 'what a command moves aside',
  'src/features/imports/': 'the ledger of a command, and files of other programs, which it reads',
  'src/ingest/file/local-file.ts': 'opens files to read them',
  'src/lib/platform.ts': 'rights and owners of files, which no write depends on',
  'src/ffmpeg/': 'pipes and temporary folders of child processes',
  'src/ingest/page/python-guard.ts': 'a program for a child process',
  'src/jobs/worker/worker-media.ts': 'temporary files of a worker, which sends them to the server',
  'src/http/fixture.ts': 'a server for tests',
  'src/archive/upload-hash-worker.ts': 'opens files to read them',
  'packages/wire/udp-path.ts': 'sends datagrams by the descriptor of a socket',
  'src/streams/source/probe-file.ts': 'opens a file to read it',
};

/** Every import that writes outside of the layer, one sentence each. */
export function checkWrites(): readonly string[] {
  const paths = ['packages', 'src'].flatMap(listSources);
  const unused = Object.keys(allowed).filter((place) => !paths.some((path) => path.startsWith(place)));
  return [
    ...paths.flatMap((path) => findWrites(path, readSource(path))),
    ...unused.map((place) => `${place} is allowed to write in scripts/check-writes.ts, but does not exist`),
  ];
}

/**
 * The imports of one file that write files.
 *
 * @param path from the root, e.g. `src/net/net.ts`
 */
export function findWrites(path: string, text: string): readonly string[] {
  if (path.startsWith(LAYER) || Object.keys(allowed).some((place) => path.startsWith(place))) return [];
  const code = withoutComments(text);
  const imports = [
    ...code.matchAll(/(?:import\s+([^;'"]*?)\s+from\s*|import\s*\(\s*)['"](?:node:)?fs(?:\/promises)?['"]/g),
  ];
  return imports.flatMap(({ 1: clause, index }) => {
    const line = code.slice(0, index).split('\n').length;
    if (clause?.startsWith('type ')) return [];
    const names = /^\{([^}]*)\}$/.exec(clause ?? '')?.[1];
    const wrong = (subject: string) =>
      `${path}:${line}: ${subject} of node:fs: write through Files (src/lib/files/files.ts)`;
    if (names === undefined) return [wrong('the module')];
    return names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type '))
      .map((name) => name.split(/\s+as\s+/)[0]!)
      .filter((name) => !READS.test(name))
      .map(wrong);
  });
}
