/**
 * Asks yt-dlp, a program of its own, where the video of a page is.
 * In: the address of a page. Out: what the program printed, as JSON that nobody has looked at yet. It is started without a shell, with
 * few variables, and it and all that it started end when the time is over. It goes out through a proxy of its own, which oxbow guards.
 */
import { spawn } from 'node:child_process';
import { withDeadline } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { killGroup } from '../../lib/platform.ts';
import type { Net } from '../../net/net.ts';
import { openPythonGuard } from './python-guard.ts';
import { explainFailure } from './yt-dlp-failure.ts';

/** Longest answer: a page with hundreds of formats is a few MiB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_COMPLAINT = 16 * 1024;

/** What every question is asked with; all of it is known to yt-dlp since 2022. What others may not read comes by stdin. */
export const ytDlpArguments = [
  ...[
    '--ignore-config',
    '--config-locations',
    '-',
    '--no-cache-dir',
    '--no-playlist',
    '--playlist-items',
    '1',
    '--dump-single-json',
  ],
  ...[
    '--no-warnings',
    '--no-progress',
    '--no-colors',
    '--no-mark-watched',
    '--no-check-formats',
    '--no-wait-for-video',
  ],
  ...['--no-exec', '--no-cookies', '--socket-timeout', '15', '--retries', '2', '--extractor-retries', '1'],
] as const;

/** How it is asked. */
export interface YtDlpRequest {
  /** Path, or a name that is looked up in PATH. */
  readonly program: string;
  readonly url: URL;
  readonly timeoutMs: number;
  /** Expression for `-f`; empty: none. */
  readonly format: string;
  /** Opens the way out. */
  readonly net: Pick<Net, 'openProxy'>;
  /** An administrator gave the address: its host, and no other, may be private. */
  readonly trusted: boolean;
  /** Sent to every site that the page leads to; in printable ASCII, else left out. */
  readonly userAgent?: string | undefined;
  readonly referer?: string | undefined;
}

/**
 * Runs the program once. Abort kills it and rejects with the signal's reason.
 *
 * @returns what its JSON says, unlooked at
 * @throws OxbowError `page-tool-missing`; `page-failed`, with `extra.retryable` where trying again may help; `address-refused` where the
 * page leads to an address that may not be reached
 */
export async function runYtDlp(question: YtDlpRequest, { signal }: { signal: AbortSignal }): Promise<unknown> {
  const { program, url, timeoutMs, format, net, trusted } = question;
  signal.throwIfAborted();
  using deadline = withDeadline(timeoutMs, 'yt-dlp', { signal });
  await using proxy = await net.openProxy({ deadlineMs: timeoutMs, trusted: trusted ? url : undefined });
  await using guard = await openPythonGuard(proxy.url);
  const args = [...ytDlpArguments, ...(format === '' ? [] : ['-f', format]), '--', url.href];
  const order = { program, args, env: environment(proxy.url, guard.folder), stdin: hiddenOptions(question) };
  const { stdout, stderr, code } = await run(order, deadline.signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!deadline.signal.aborted) throw error;
    throw new OxbowError('page-failed', `${url.host}: nothing was found within ${timeoutMs / 1000} s`, {
      cause: error,
      extra: { retryable: true, hint: 'The site may be slow: allow more time with --pages-timeout.' },
    });
  });
  if (code !== 0) throw explainFailure(stderr, url.host, proxy.refusal);
  try {
    return JSON.parse(stdout) as unknown;
  } catch (error) {
    throw new OxbowError('page-failed', `${url.host}: yt-dlp printed something that is not JSON`, { cause: error });
  }
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

interface Order {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: string;
}

function run({ program, args, env, stdin }: Order, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
      detached: true, // a process group of its own: what it starts ends with it
      windowsHide: true,
    });
    const kill = () => killGroup(child.pid);
    let failure: unknown;
    const give = (error: unknown) => {
      failure ??= error;
      kill();
    };
    const onAbort = () => give(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    child.stdin.on('error', () => {}); // it may end without reading
    child.stdin.end(stdin);
    const answer: Buffer[] = [];
    let answered = 0;
    child.stdout.on('data', (bytes: Buffer) => {
      answered += bytes.length;
      if (answered > MAX_ANSWER_BYTES) {
        give(new OxbowError('page-failed', 'the answer of yt-dlp is too long', { extra: { retryable: false } }));
      } else answer.push(bytes);
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-MAX_COMPLAINT);
    });
    child.once('error', (error) => {
      failure ??= missing(program, error);
    });
    // What it may have left behind would hold the pipes open, and the site's connections.
    child.once('exit', kill);
    child.once('close', (code) => {
      signal.removeEventListener('abort', onAbort);
      if (failure !== undefined) reject(failure);
      else resolve({ stdout: Buffer.concat(answer).toString('utf8'), stderr: complaint, code });
    });
  });
}

/**
 * Nothing of oxbow's own settings; no home, so that neither configuration nor plugins of a person are read. The proxy stands here and not
 * among the options, because those of yt-dlp do not hold for FTP and for the programs that it starts.
 *
 * @param proxy its URL
 * @param pythonPath where Python looks first
 */
function environment(proxy: string, pythonPath: string): NodeJS.ProcessEnv {
  const { PATH, SYSTEMROOT, SSL_CERT_FILE, SSL_CERT_DIR, TMPDIR } = process.env;
  const kept = Object.entries({ PATH, SYSTEMROOT, SSL_CERT_FILE, SSL_CERT_DIR, TMPDIR });
  return {
    ...Object.fromEntries(kept.filter(([, value]) => value !== undefined)),
    http_proxy: proxy,
    https_proxy: proxy,
    ftp_proxy: proxy,
    all_proxy: proxy,
    PYTHONPATH: pythonPath,
    PYTHONDONTWRITEBYTECODE: '1',
    HOME: '/nonexistent',
    LANG: 'C.UTF-8',
    PYTHONIOENCODING: 'utf-8',
    PYTHONUNBUFFERED: '1',
  };
}

/** Options that others on the machine should not read in the list of processes, as yt-dlp reads them: words as a shell splits them. */
function hiddenOptions({ userAgent = '', referer = '' }: YtDlpRequest): string {
  const headers = { 'User-Agent': userAgent, Referer: referer };
  return Object.entries(headers)
    .filter(([, value]) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value))
    .map(([name, value]) => `--add-headers '${`${name}:${value}`.replaceAll("'", `'"'"'`)}'\n`)
    .join('');
}

function missing(program: string, error: Error): OxbowError {
  const { code } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'is not installed' : code === 'EACCES' ? 'may not be run' : `cannot be run (${code})`;
  return new OxbowError('page-tool-missing', `${program} ${why}, and the address is that of a page`, { cause: error });
}
