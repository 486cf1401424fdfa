/**
 * Runs yt-dlp to extract the media of a page.
 * In: the URL of a page. Out: the printed JSON, not validated. The program runs without a shell, with limits
 * and few environment variables, and in a process group that is killed at the deadline. Its requests go
 * through a proxy of oxbow.
 */
import type { ChildProcess } from 'node:child_process';
import { withDeadline } from '../../lib/abort.ts';
import { spawnConfined } from '../../lib/confine/confine.ts';
import { findProgram } from '../../lib/confine/find-program.ts';
import { OxbowError } from '../../lib/errors.ts';
import { killGroup } from '../../lib/platform.ts';
import type { Net } from '../../net/net.ts';
import { openPythonGuard, type PythonGuard } from './python-guard.ts';
import { explainFailure } from './yt-dlp-failure.ts';

/** Longest output: that of a page with hundreds of formats is a few MiB. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const MAX_STDERR = 16 * 1024;
/**
 * Python needs 100 MB; the JavaScript of a site may run in a program that reserves more. The files are those
 * of caches.
 */
const LIMITS = { maxDataBytes: 2 * 1024 ** 3, maxFileBytes: 64 * 1024 ** 2, maxOpenFiles: 256 };

/** Arguments of every call, supported by yt-dlp since 2022. Confidential options are passed through stdin. */
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

/** Options of a call. */
export interface YtDlpRequest {
  /** Path, or a name that is looked up in PATH. */
  readonly program: string;
  readonly url: URL;
  readonly timeoutMs: number;
  /** Expression for `-f`; empty: none. */
  readonly format: string;
  /** Opens the proxy. */
  readonly net: Pick<Net, 'openProxy'>;
  /** An administrator entered the URL: its host, and no other, may be private. */
  readonly trusted: boolean;
  /** Sent to every site that the page refers to; omitted unless printable ASCII. */
  readonly userAgent?: string | undefined;
  readonly referer?: string | undefined;
}

/**
 * Runs the program once. Abort kills it and rejects with the signal's reason.
 *
 * @returns the parsed JSON, not validated
 * @throws OxbowError `page-tool-missing`; `page-failed`, with `extra.retryable` if a retry may help;
 *   `address-refused` if the
 * page refers to an address that oxbow refuses
 */
export async function runYtDlp(request: YtDlpRequest, { signal }: { signal: AbortSignal }): Promise<unknown> {
  const { program, url, timeoutMs, format, net, trusted } = request;
  signal.throwIfAborted();
  using deadline = withDeadline(timeoutMs, 'yt-dlp', { signal });
  await using proxy = await net.openProxy({ deadlineMs: timeoutMs, trusted: trusted ? url : undefined });
  await using guard = await openPythonGuard(proxy.url);
  const args = [...ytDlpArguments, ...(format === '' ? [] : ['-f', format]), '--', url.href];
  const command = {
    program,
    args,
    env: environment(proxy.url, guard),
    stdin: hiddenOptions(request),
    guard,
    timeoutMs,
  };
  const { stdout, stderr, code } = await run(command, deadline.signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!deadline.signal.aborted) throw error;
    throw new OxbowError('page-failed', `${url.host}: yt-dlp found nothing within ${timeoutMs / 1000} s.`, {
      cause: error,
      extra: { retryable: true, hint: 'The site may be slow; increase --pages-timeout.' },
    });
  });
  if (code !== 0) throw explainFailure(stderr, url.host, proxy.refusal);
  try {
    return JSON.parse(stdout) as unknown;
  } catch (error) {
    throw new OxbowError('page-failed', `${url.host}: the output of yt-dlp is not JSON.`, { cause: error });
  }
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: string;
  readonly guard: PythonGuard;
  readonly timeoutMs: number;
}

async function run({ program, args, env, stdin, guard, timeoutMs }: Command, signal: AbortSignal): Promise<Output> {
  const path = await findProgram(program).catch((error: Error) => {
    throw missing(program, error);
  });
  signal.throwIfAborted();
  const child = await spawnConfined({
    command: [path, ...args],
    limits: { ...LIMITS, maxCpuS: timeoutMs / 1000 },
    folder: guard.workFolder,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    needsNetwork: true,
    isGroup: true, // so that its child processes end with it
  });
  return outputOf(child, program, stdin, signal);
}

function outputOf(child: ChildProcess, program: string, stdin: string, signal: AbortSignal): Promise<Output> {
  return new Promise((resolve, reject) => {
    const kill = () => killGroup(child.pid);
    let failure: unknown;
    const fail = (error: unknown) => {
      failure ??= error;
      kill();
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    child.stdin!.on('error', () => {}); // it may end without reading
    child.stdin!.end(stdin);
    const output: Buffer[] = [];
    let outputBytes = 0;
    child.stdout!.on('data', (bytes: Buffer) => {
      outputBytes += bytes.length;
      if (outputBytes > MAX_OUTPUT_BYTES) {
        fail(new OxbowError('page-failed', 'The output of yt-dlp is too long.', { extra: { retryable: false } }));
      } else output.push(bytes);
    });
    let complaint = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-MAX_STDERR);
    });
    child.once('error', (error) => {
      failure ??= missing(program, error);
    });
    // Remaining child processes would keep the pipes and the connections to the site open.
    child.once('exit', kill);
    child.once('close', (code) => {
      signal.removeEventListener('abort', onAbort);
      if (failure !== undefined) reject(failure);
      else resolve({ stdout: Buffer.concat(output).toString('utf8'), stderr: complaint, code });
    });
  });
}

/**
 * Environment without oxbow's settings, and without a home, so that yt-dlp reads no configuration or plugins
 * of a user. The proxy is set here because yt-dlp's proxy option does not apply to FTP and to the programs
 * that it starts.
 *
 * @param proxy its URL
 * @param guard has the first folder in which Python searches modules, and the one for files
 */
function environment(proxy: string, { folder, workFolder }: PythonGuard): NodeJS.ProcessEnv {
  const { PATH, SYSTEMROOT, SSL_CERT_FILE, SSL_CERT_DIR } = process.env;
  const kept = Object.entries({ PATH, SYSTEMROOT, SSL_CERT_FILE, SSL_CERT_DIR });
  return {
    ...Object.fromEntries(kept.filter(([, value]) => value !== undefined)),
    http_proxy: proxy,
    https_proxy: proxy,
    ftp_proxy: proxy,
    all_proxy: proxy,
    TMPDIR: workFolder,
    PYTHONPATH: folder,
    PYTHONDONTWRITEBYTECODE: '1',
    HOME: '/nonexistent',
    LANG: 'C.UTF-8',
    PYTHONIOENCODING: 'utf-8',
    PYTHONUNBUFFERED: '1',
  };
}

/** Options that must not appear in the list of processes, in the shell syntax of yt-dlp's configuration. */
function hiddenOptions({ userAgent = '', referer = '' }: YtDlpRequest): string {
  const headers = { 'User-Agent': userAgent, Referer: referer };
  return Object.entries(headers)
    .filter(([, value]) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value))
    .map(([name, value]) => `--add-headers '${`${name}:${value}`.replaceAll("'", `'"'"'`)}'\n`)
    .join('');
}

function missing(program: string, error: Error): OxbowError {
  const { code } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOENT' ? 'is not installed' : code === 'EACCES' ? 'is not executable' : `cannot be run (${code})`;
  return new OxbowError('page-tool-missing', `${program} ${why}, but the source is a web page.`, { cause: error });
}
