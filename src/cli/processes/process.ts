/**
 * This process as one of several of a server: it was started by a supervisor.
 * In: the environment, the channel to the supervisor. Out: its start; what it says when it is ready.
 */

import type { RunningApp } from '../../app/app.ts';
import { openProcessLink, type SharedPorts, sendTo } from '../../cluster/processes/process-link.ts';
import type { ServerProcess } from '../../features/core.ts';
import { claimPort } from '../../serve/claimed-port.ts';

/** Set in a process that a supervisor has started. */
export const PROCESS = 'OXBOW_PROCESS';

/** What a process says when it is ready: where clients on this computer reach it. */
export type ReadyProcess = Pick<RunningApp, 'httpUrl' | 'ingest' | 'endpoints' | 'signIn'>;

/** Whether a supervisor has started this process. Its child processes do not see that. */
export function takeProcessMark(): boolean {
  const isMarked = process.env[PROCESS] !== undefined && process.send !== undefined;
  delete process.env[PROCESS];
  return isMarked;
}

/** Waits for the supervisor, and opens the port at which the other processes reach this one. */
export async function openServerProcess(): Promise<ServerProcess> {
  process.channel?.ref(); // nothing else keeps this process until its start
  const link = await openProcessLink(process);
  process.channel?.unref();
  return { link, internal: await claimPort({ address: '127.0.0.1', port: 0 }) };
}

/** Reports to the supervisor that this process is ready. */
export function reportReady({ httpUrl, ingest, endpoints, signIn }: ReadyProcess): void {
  sendTo<ReadyProcess>(process, { t: 'ready', ready: { httpUrl, ingest, endpoints, signIn } });
}

/** The ports that all processes share. */
export function sharedPortsOf({ httpUrl, endpoints }: ReadyProcess): SharedPorts {
  const { port, protocol } = new URL(httpUrl);
  return {
    http: Number(port) || (protocol === 'https:' ? 443 : 80),
    rtmp: endpoints.rtmp?.port,
    rtmps: endpoints.rtmps?.port,
    rtsp: endpoints.rtsp?.port,
    srt: endpoints.srt?.port,
    srtla: endpoints.srtla?.port,
  };
}
