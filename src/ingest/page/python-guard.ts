/**
 * Holds Python to one way out: yt-dlp can be led around its proxy, by a header of a hostile page (CVE-2023-46121, before 2023.11.14), by
 * WebSockets and by other protocols than HTTP.
 * In: the one address that may be connected to. Out: a folder for PYTHONPATH, from which Python loads a hook before anything else. A
 * yt-dlp that brings its own Python along does not read it: then the proxy alone holds. Python, `site` and "Audit events".
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { refusedPhrase } from '../../net/net.ts';

/** A folder that is there for as long as a program runs. */
export interface PythonGuard extends AsyncDisposable {
  /** Holds `sitecustomize.py` and nothing else. */
  readonly folder: string;
}

// Distributions have a sitecustomize of their own, which is run as well. A Python that goes wrong here goes on without the hook, and says so.
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
 * Writes the hook into a folder of its own, which only this user may read.
 *
 * @param way the proxy's URL
 * @throws OxbowError `page-failed` when nothing can be written to the system's folder for such files
 */
export async function openPythonGuard(way: string): Promise<PythonGuard> {
  const { hostname, port } = new URL(way);
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-page-')).catch(refuse);
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await writeFile(join(folder, 'sitecustomize.py'), hook(hostname, Number(port)));
  } catch (error) {
    await close();
    refuse(error);
  }
  return { folder, [Symbol.asyncDispose]: close };
}

function refuse(cause: unknown): never {
  throw new OxbowError('page-failed', `nothing can be written to ${tmpdir()}: ${messageOf(cause)}`, {
    cause,
    extra: { retryable: true, hint: 'oxbow lays a file there that yt-dlp reads: free some space, or set TMPDIR.' },
  });
}
