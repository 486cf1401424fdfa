/**
 * Restricts Python to connections to the proxy: yt-dlp may bypass its proxy, by a header of a hostile page
 * (CVE-2023-46121, before 2023.11.14), by WebSockets, and by protocols other than HTTP.
 * In: the only address to which connections are allowed. Out: a folder for PYTHONPATH, from which Python
 * loads a hook first. A yt-dlp with its own Python does not load it: then only the proxy protects. Python,
 * `site` and "Audit events".
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { refusedPhrase } from '../../net/net.ts';

/** A folder that exists while a program runs. */
export interface PythonGuard extends AsyncDisposable {
  /** Contains `sitecustomize.py` and `workFolder`. */
  readonly folder: string;
  /** An empty folder in which the program starts and writes its files. */
  readonly workFolder: string;
}

// Runs the sitecustomize of the distribution as well. If the hook fails, Python prints the error and
// continues without it.
const hook = (host: string, port: number) => `import importlib.machinery, importlib.util, os, sys

_way = (${JSON.stringify(host)}, ${port})

def _watch(event, args):
    if event in ('socket.connect', 'socket.sendto') and isinstance(args[1], tuple) and tuple(args[1][:2]) != _way:
        raise ConnectionRefusedError('${refusedPhrase}: ' + str(args[1][0]))

if hasattr(sys, 'addaudithook'):
    sys.addaudithook(_watch)

_here = os.path.dirname(os.path.abspath(__file__))
_spec = importlib.machinery.PathFinder.find_spec('sitecustomize', [p for p in sys.path if os.path.abspath(p) != _here])
if _spec is not None and _spec.loader is not None:
    _spec.loader.exec_module(importlib.util.module_from_spec(_spec))
`;

/**
 * Writes the hook into a new folder that only this user can read.
 *
 * @param proxyUrl of the only allowed address
 * @throws OxbowError `page-failed` if the folder for temporary files is not writable
 */
export async function openPythonGuard(proxyUrl: string): Promise<PythonGuard> {
  const { hostname, port } = new URL(proxyUrl);
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-page-')).catch(refuse);
  const workFolder = join(folder, 'work');
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(workFolder);
    await writeFile(join(folder, 'sitecustomize.py'), hook(hostname, Number(port)));
  } catch (error) {
    await close();
    refuse(error);
  }
  return { folder, workFolder, [Symbol.asyncDispose]: close };
}

function refuse(cause: unknown): never {
  throw new OxbowError('page-failed', `The folder ${tmpdir()} is not writable: ${sentenceOf(cause)}`, {
    cause,
    extra: { retryable: true, hint: 'oxbow writes a file for yt-dlp there: free some space, or set temporaryFolder.' },
  });
}
