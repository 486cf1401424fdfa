/**
 * What an operator sends to whoever helps: settings with origins, versions, findings, what a running server tells, the end of a log, the
 * names and sizes of recorded files. No secret: see scrub.ts.
 * In: settings, findings, ways to ask. Out: a gzipped tar.
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

/** What goes into a bundle. */
export interface BundleParts {
  readonly findings: readonly Finding[];
  /** Undefined where the settings are wrong. */
  readonly loaded: LoadedConfig | undefined;
  /** Gets the text behind a path of the server that runs here; rejects when none does. */
  readonly ask: (path: string) => Promise<string>;
  /** A file with lines of the log. */
  readonly logFile: string | undefined;
  /** Since 1970. */
  readonly nowMs: number;
}

/** The end of a log, bytes. */
const LOG_BYTES = 1024 * 1024;
const MOST_LISTED = 20_000;

/** Makes the bundle. What cannot be had is told in its place. */
export async function makeBundle({ findings, loaded, ask, logFile, nowMs }: BundleParts): Promise<Uint8Array> {
  const settings = loaded ? json(describeSettings(loaded)) : 'The settings are wrong; see doctor.json.\n';
  const entries: [name: string, text: string][] = [
    ['README.txt', 'Made by `oxbow doctor --bundle`. Secrets were taken out: *** stands in their place.\n'],
    ['settings.json', settings],
    ['versions.json', json(versions())],
    ['doctor.json', json(findings)],
    ['recordings.txt', loaded ? await listRecordings(join(loaded.config.data, 'recordings')) : 'not looked at\n'],
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
    return `not there: ${messageOf(error)}\n`;
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

/** How streams are, without where they come from. */
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
  // Half a line would hide where a secret in it begins.
  return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
}

/** Size, time and path of each file, the newest names last. */
async function listRecordings(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const lines: string[] = [];
  for (const path of paths.sort().slice(-MOST_LISTED)) {
    // One that retention deleted meanwhile is left out.
    const found = await stat(path).catch(() => undefined);
    if (found) lines.push(`${found.size}\t${found.mtime.toISOString()}\t${path.slice(folder.length + 1)}`);
  }
  const left = paths.length > MOST_LISTED ? `${paths.length - MOST_LISTED} older files are not listed\n` : '';
  return `${left}${lines.join('\n')}\n`;
}
