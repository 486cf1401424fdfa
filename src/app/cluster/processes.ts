/**
 * What differs in a process of several that are one server: it is a node whose place, name and secret the
 * supervisor chose.
 * In: settings, the start of the process. Out: settings of a node; its folder. docs/decisions/0093.
 */
import path from 'node:path';
import type { SharedPorts } from '../../cluster/processes/process-link.ts';
import type { Endpoint } from '../../config/address.ts';
import type { Config } from '../../config/schema.ts';
import { nodeRoles } from '../../config/sections/cluster-section.ts';
import type { ServerProcess } from '../../features/core.ts';
import { makeFolder } from '../../lib/files/folder.ts';
import { PROCESSES } from '../../store/file-names.ts';

type Port = Endpoint | 'off';

/**
 * A process that has ended is started again at once. Only one that is frozen loses what it has, after this
 * time at least, ms: on a busy machine a write to the database may take seconds.
 */
const TAKEOVER_MS = 15_000;

/** The settings of a process. Ports that cannot be shared follow each other. */
export function configOfProcess(config: Config, { link, internal }: ServerProcess): Config {
  const { name, names, isFirst, ports, secret } = link.start;
  const number = names.indexOf(name);
  // A port that the first process could not open is off in the others too.
  const shared = (protocol: Exclude<keyof SharedPorts, 'http'>): Port => {
    const endpoint = config[protocol];
    const port = ports[protocol];
    if (isFirst || endpoint === 'off') return endpoint;
    return port === undefined ? 'off' : { ...endpoint, port };
  };
  const next = (endpoint: Port): Port =>
    endpoint === 'off' || endpoint.port === 0 ? endpoint : { ...endpoint, port: endpoint.port + number };
  return {
    ...config,
    http: { ...config.http, port: ports.http ?? config.http.port },
    rtmp: shared('rtmp'),
    rtmps: shared('rtmps'),
    rtsp: shared('rtsp'),
    srt: shared('srt'),
    // Where the supervisor does not have it, the first process may.
    srtla: number === 0 || link.start.srtla ? shared('srtla') : 'off',
    webrtc: next(config.webrtc),
    rtp: next(config.rtp),
    cluster: {
      ...config.cluster,
      enabled: true,
      node: name,
      url: `http://127.0.0.1:${internal.port}`,
      secret,
      takeover: Math.max(config.cluster.takeover, TAKEOVER_MS),
      // One of them has the worker of the server.
      roles: number === 0 ? nodeRoles : nodeRoles.filter((role) => role !== 'worker'),
    },
  };
}

/** The folder of what a process alone writes: the data folder, where it is the only one. */
export function openOwnFolder(dataFolder: string, part: ServerProcess | undefined): string {
  if (!part) return dataFolder;
  const folder = path.join(dataFolder, PROCESSES, part.link.start.name);
  makeFolder(folder);
  return folder;
}
