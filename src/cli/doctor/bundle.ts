/**
 * Diagnostics for a bug report: settings with origins, versions, findings, state of a running server, the end
 * of a log, names and sizes of recorded files. Without secrets: see scrub.ts.
 * In: settings, findings, requests to the server. Out: a gzipped tar.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { cpus, freemem, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describeSettings } from '../../config/describe.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { messageOf } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import type { Finding } from './finding.ts';
import { scrub, scrubJson, secretsOf } from './scrub.ts';
import { printTar } from './tar.ts';

/** Content of a bundle. */
interface BundleParts {
  readonly findings: readonly Finding[];
  /** Undefined if the settings are invalid. */
  readonly loaded: LoadedConfig | undefined;
  /** Requests a path of the running server; rejects if none runs. */
  readonly ask: (path: string) => Promise<string>;
  readonly logFile: string | undefined;
  /** Current time, ms since 1970. */
  readonly nowMs: number;
}

/** Size of the included end of the log, bytes. */
const LOG_BYTES = 1024 * 1024;
const MOST_LISTED = 20_000;

/** Creates the bundle. An unavailable file contains the reason instead. */
export async function makeBundle({ findings, loaded, ask, logFile, nowMs }: BundleParts): Promise<Uint8Array> {
  const settings = loaded ? json(describeSettings(loaded)) : 'The settings are invalid; see doctor.json.\n';
  const entries: [name: string, text: string][] = [
    ['README.txt', 'Written by `oxbow doctor --bundle`. Secrets are replaced by ***.\n'],
    ['settings.json', settings],
    ['versions.json', json(versions())],
    ['doctor.json', json(findings)],
    ['recordings.txt', loaded ? await listRecordings(join(loaded.config.data, 'recordings')) : 'not checked\n'],
    ['server/system.json', await orWhy(() => ask('/api/v1/system'))],
    ['server/health.json', await orWhy(() => ask('/health'))],
    ['server/streams.json', await orWhy(async () => briefly(await ask('/api/v1/streams')))],
    ['server/metrics.txt', await orWhy(() => ask('/metrics'))],
  ];
  if (logFile !== undefined) entries.push(['log.txt', await orWhy(() => endOf(logFile))]);
  const secrets = loaded ? secretsOf(loaded.config) : new Set<string>();
  const files = entries.map(([name, text]) => ({
    name: `oxbow-support/${name}`,
    bytes: Buffer.from(name.endsWith('.json') ? scrubJson(text, secrets) : scrub(text, secrets)),
  }));
  return gzipSync(printTar(files, nowMs));
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function orWhy(get: () => Promise<string>): Promise<string> {
  try {
    return await get();
  } catch (error) {
    return `not available: ${messageOf(error)}\n`;
  }
}

function versions(): object {
  const { node, v8, uv, openssl } = process.versions;
  const system = { platform: process.platform, arch: process.arch, release: release() };
  return {
    oxbow: version,
    node,
    v8,
    uv,
    openssl,
    ...system,
    cores: cpus().length,
    memory: totalmem(),
    free: freemem(),
  };
}

/** State of the streams, without their sources. */
function briefly(text: string): string {
  const { items } = JSON.parse(text) as { items?: readonly Record<string, unknown>[] };
  const kept = ['name', 'state', 'problem', 'origin', 'record', 'visibility', 'recorded', 'media', 'gaps'];
  return json((items ?? []).map((item) => Object.fromEntries(kept.map((key) => [key, item[key]]))));
}

async function endOf(path: string): Promise<string> {
  await using file = await open(path);
  const { size } = await file.stat();
  const from = Math.max(0, size - LOG_BYTES);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
  const text = buffer.toString('utf8', 0, bytesRead);
  // In an incomplete line the start of a secret would not be recognized.
  return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
}

/** Size, time and path of each file, the newest names last. */
async function listRecordings(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const lines: string[] = [];
  for (const path of paths.sort().slice(-MOST_LISTED)) {
    // Files that retention deletes meanwhile are skipped.
    const stats = await stat(path).catch(() => undefined);
    if (stats) lines.push(`${stats.size}\t${stats.mtime.toISOString()}\t${path.slice(folder.length + 1)}`);
  }
  const left = paths.length > MOST_LISTED ? `${paths.length - MOST_LISTED} older files are not listed\n` : '';
  return `${left}${lines.join('\n')}\n`;
}
