/**
 * Checks of Node, the data folder and its disk, ports, and the host names that oxbow accepts.
 * In: settings. Out: findings. Test files are deleted again.
 */
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type Endpoint, printEndpoint } from '../../config/address.ts';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../lib/errors.ts';
import { printSize } from '../../lib/size.ts';
import { ownHostsOf } from '../../serve/client/host-check.ts';
import { minFreeBytes } from '../../streams/disk.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const LEAST_MAJOR = 24;
const LEAST_FREE_BYTES = 1024 ** 3;

/**
 * @param running as in `process.versions.node`
 */
export function checkNode(running: string): Finding {
  if (Number(running.split('.')[0]) >= LEAST_MAJOR) return ok('node', running);
  return failed('node', running, `Install Node ${LEAST_MAJOR} or newer from https://nodejs.org.`);
}

/** The nearest folder that exists at or above a path. */
function nearestFolder(folder: string): string {
  let nearest = folder;
  while (!existsSync(nearest)) nearest = dirname(nearest);
  return nearest;
}

/**
 * Checks whether recordings can be written, and the free space. A missing folder is not created.
 *
 * @param minFree the setting `record.minFree`, bytes
 */
export function checkDataFolder(folder: string, minFree?: number): Finding {
  const name = 'data folder';
  const nearest = nearestFolder(folder);
  const trial = join(nearest, `.oxbow-doctor-${process.pid}`);
  try {
    mkdirSync(trial);
    writeFileSync(join(trial, 'trial'), 'x');
  } catch (error) {
    return failed(name, `${folder} cannot be written: ${messageOf(error)}`, 'Give oxbow its own folder with --data.');
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
  const { bavail, blocks, bsize } = statfsSync(nearest);
  const free = bavail * bsize;
  const least = minFreeBytes(minFree, blocks * bsize);
  const there = `${folder}${nearest === folder ? '' : ' (will be created)'}`;
  const text = `${there}, ${printSize(free)} free; nothing is recorded below ${printSize(least)} (record.minFree)`;
  if (free > least && free >= LEAST_FREE_BYTES) return ok(name, text);
  return warning(name, text, 'Free some space, or choose another disk with --data.');
}

interface DiskSpeed {
  /** Bytes per second, written and synced. */
  readonly bytesPerS: number;
  /** Longest sync of a small write, ms. */
  readonly syncMs: number;
}

const TRIAL_BYTES = 8 * 1024 * 1024;
const TRIAL_SYNCS = 5;

/** Writes and syncs 8 MiB and five small chunks, as recordings do, and deletes them. */
export async function measureDisk(folder: string): Promise<DiskSpeed> {
  const path = join(nearestFolder(folder), `.oxbow-doctor-${process.pid}.trial`);
  const file = await open(path, 'wx');
  try {
    const started = performance.now();
    // Not zeros: some file systems do not store them.
    await file.write(Buffer.alloc(TRIAL_BYTES, 'oxbow'));
    await file.datasync();
    const seconds = (performance.now() - started) / 1000;
    let syncMs = 0;
    for (let piece = 0; piece < TRIAL_SYNCS; piece++) {
      const before = performance.now();
      await file.write(Buffer.alloc(64 * 1024, 'oxbow'));
      await file.datasync();
      syncMs = Math.max(syncMs, performance.now() - before);
    }
    return { bytesPerS: TRIAL_BYTES / Math.max(seconds, 1e-6), syncMs };
  } finally {
    await file.close();
    rmSync(path, { force: true });
  }
}

const LEAST_BYTES_PER_S = 20e6;
const MOST_SYNC_MS = 500;

/**
 * Checks whether the disk is fast enough for recordings, which sync every segment.
 *
 * @param measure e.g. `measureDisk`
 */
export async function checkDiskSpeed(measure: () => Promise<DiskSpeed>): Promise<Finding> {
  const name = 'disk speed';
  try {
    const { bytesPerS, syncMs } = await measure();
    const text = `${Math.round(bytesPerS / 1e6)} MB/s, a sync takes ${syncMs.toFixed(1)} ms`;
    if (bytesPerS < LEAST_BYTES_PER_S) return warning(name, text, 'Choose a faster disk with --data.');
    if (syncMs <= MOST_SYNC_MS) return ok(name, text);
    return warning(name, text, 'Choose a faster disk with --data, or sync less often: --record-sync chunk');
  } catch (error) {
    return warning(name, `not measured: ${messageOf(error)}`, 'Give oxbow its own folder with --data.');
  }
}

/**
 * Checks whether the port is free or oxbow already uses it.
 *
 * @param whoHas requests the version of the server on the port; undefined if it is not oxbow
 */
export async function checkPort(
  name: string,
  endpoint: Endpoint,
  whoHas: () => Promise<string | undefined> = async () => undefined,
): Promise<Finding> {
  const where = printEndpoint(endpoint);
  const title = `${name} port`;
  const server = createServer();
  server.listen({ host: endpoint.address, port: endpoint.port, exclusive: true });
  try {
    await once(server, 'listening');
    server.close();
    return ok(title, endpoint.port === 0 ? `any on ${endpoint.address}` : `${where} is free`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const ours = code === 'EADDRINUSE' ? await whoHas() : undefined;
    if (ours !== undefined) return ok(title, `${where}: oxbow ${ours} runs there`);
    const hint =
      code === 'EADDRINUSE'
        ? `Another program has it: sudo ss -ltnp 'sport = :${endpoint.port}'. Stop it, or choose another port with --${name}.`
        : code === 'EACCES'
          ? `Ports below 1024 need a permission; choose another with --${name}.`
          : `Check --listen and --${name}.`;
    return failed(title, `${where}: ${code ?? message}`, hint);
  }
}

/**
 * Lists the accepted names in `Host`; on a loopback address others get 421, which proxies and tunnels may
 * hit.
 */
export function checkHosts({ http, publicUrl, hosts }: Pick<Config, 'http' | 'publicUrl' | 'hosts'>): Finding {
  const name = 'host names';
  const ownHosts = ownHostsOf(http.address, { publicUrl, hosts });
  if (ownHosts === undefined) return ok(name, `every name is accepted, because other computers reach ${http.address}`);
  const names = ['localhost', 'loopback addresses', ...new Set(ownHosts)].join(', ');
  return ok(name, `accepted on ${http.address}: ${names}; others get 421, --hosts adds names`);
}
