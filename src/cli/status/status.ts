/**
 * `oxbow status`: whether oxbow runs, how it is, and what its streams do.
 * In: the oxbow on a data folder, or at an address. Out: sentences and a table, or JSON; exit code 1 if none
 * runs or it fails.
 */
import type { Command } from 'commander';
import type { OxbowClient } from '../../client/client.ts';
import type { StreamView } from '../../client/made/shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { many } from '../../lib/text/many.ts';
import { printable } from '../../lib/text/printable.ts';
import { findRunning } from '../../store/running.ts';
import { sayBytes, sayLength } from '../progress.ts';
import { askServer, openServer, runningInstance } from '../running-server.ts';
import { addSettingFlags, readSettings } from '../setting-flags.ts';
import { type ExitCode, say, sayJson, table } from '../terminal.ts';

/** What `/health` answers. */
interface Health {
  readonly status: 'ok' | 'degraded' | 'failing';
  readonly version: string;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail?: string }[];
}

/** The printed status. */
export interface Status {
  readonly url: string;
  readonly version: string;
  /** Process id; null of a server at an address. */
  readonly pid: number | null;
  /** Of its start, RFC 3339; null of a server at an address. */
  readonly startedAt: string | null;
  readonly health: Pick<Health, 'status' | 'checks'>;
  readonly streams: readonly Pick<StreamView, 'name' | 'state' | 'problem' | 'recorded'>[];
}

/** Largest page of the API. */
const PAGE = '1000';
const HEALTH_MS = 10_000;

/** Adds the verb. */
export function addStatus(program: Command, exit: (code: ExitCode) => void): void {
  const verb = program
    .command('status')
    .summary('whether oxbow runs, and what its streams do')
    .description(
      'Shows whether oxbow runs on a data folder or at an address, its health, and the state of its streams.',
    )
    .option('--server <URL>', 'Address of a running oxbow; default the one that runs on the data folder.')
    .option('--json', 'Print JSON.');
  addSettingFlags(verb, ['data', 'adminToken']);
  verb.action(async () => exit(await runStatus(verb)));
}

async function runStatus(verb: Command): Promise<ExitCode> {
  const { server, json } = verb.opts<{ server?: string; json?: true }>();
  const { config } = await readSettings(verb);
  if (server === undefined) runningInstance(config.data); // says what to do where none runs
  const running = server === undefined ? findRunning(config.data) : undefined;
  const health = await healthOf(config, server);
  const { url, status, version, checks } = health;
  const { pid = null, startedAt = null } = running ?? {};
  const streams = await askServer(config, server, allStreams);
  const report: Status = { url, version, pid, startedAt, health: { status, checks }, streams };
  if (json) sayJson(report);
  else for (const line of describeStatus(report, Date.now())) say(line);
  return status === 'failing' ? 1 : 0;
}

async function healthOf(
  config: Parameters<typeof openServer>[0],
  server: string | undefined,
): Promise<Health & { url: string }> {
  await using access = await openServer(config, server);
  const { url, headers } = access;
  const limit = AbortSignal.timeout(HEALTH_MS);
  const answer = await access.fetch(`${url}/health`, { headers, signal: limit }).catch((cause: unknown) => {
    throw new OxbowError('source-failed', `${url} cannot be reached.`, { cause });
  });
  return { url, ...((await answer.json()) as Health) };
}

async function allStreams(client: OxbowClient): Promise<StreamView[]> {
  const streams: StreamView[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.listStreams({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    streams.push(...page.items);
    if (page.nextCursor === null) return streams;
    cursor = page.nextCursor;
  }
}

/**
 * The status for people.
 *
 * @param nowMs ms since 1970
 */
export function describeStatus({ url, version, pid, startedAt, health, streams }: Status, nowMs: number): string[] {
  const since = startedAt === null ? '' : `, for ${sayLength(Math.max(0, (nowMs - Date.parse(startedAt)) / 1000))}`;
  const wrong = health.checks.filter(({ status }) => status !== 'ok');
  const live = streams.filter(({ state }) => state === 'live').length;
  return [
    `oxbow ${version} runs at ${url}${since}${pid === null ? '' : ` (process ${pid})`}.`,
    health.status === 'ok' ? 'Everything works.' : `Health: ${health.status}.`,
    ...wrong.map(({ name, detail = '' }) => `  ${name}${detail === '' ? '' : `: ${printable(detail)}`}`),
    streams.length === 0 ? 'There are no streams.' : `${live} of ${many(streams.length, 'stream')} live:`,
    ...(streams.length === 0 ? [] : [table(streams.map(rowOf))]),
  ];
}

function rowOf({ name, state, problem, recorded: { seconds, bytes } }: Status['streams'][number]): string[] {
  const stored = seconds > 0 ? `${sayLength(seconds)}, ${sayBytes(bytes)}` : 'nothing recorded';
  return [`  ${name}`, state, stored, state === 'stopped' ? '' : problem];
}
