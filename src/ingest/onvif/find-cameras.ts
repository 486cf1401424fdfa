/**
 * Searches the networks of this computer for cameras.
 * In: where the probe is sent. Out: the devices that answered within the time, each with addresses on the
 * host that sent the answer. WS-Discovery 1.0, 5; RFC 1112.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FormatError } from '@oxbow/media/errors';
import {
  createMessageId,
  type FoundDevice,
  parseProbeMatches,
  printProbe,
  probedTypes,
} from '@oxbow/wire/onvif/discovery';
import { sleep } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';

/** Networks that are searched at once. */
const MAX_NETWORKS = 16;
/** Devices of a search, and datagrams that are read. */
const MAX_DEVICES = 256;
const MAX_ANSWERS = 2048;
/** Longest address, characters. */
const MAX_ADDRESS = 2000;
/** A probe is sent again after this, ms: datagrams are lost. */
const AGAIN_MS = 500;

/** Where, and for how long. */
export interface CameraSearch {
  /** IPv4 address: a multicast group, or one device. */
  readonly host: string;
  readonly port: number;
  /** Answers are awaited for this long, ms. */
  readonly waitMs: number;
}

/** A device with what was kept of its addresses. */
export interface FoundCamera extends Omit<FoundDevice, 'addresses'> {
  /** Of its device service, on the host that answered. */
  readonly address: URL;
}

const multicast = new BlockList();
multicast.addSubnet('224.0.0.0', 4);

/**
 * Sends probes and gathers the answers. Nothing is opened: a device can name no other one.
 *
 * @throws OxbowError `source-failed` if no network takes the probe; the signal's reason
 */
export async function findCameras(
  { host, port, waitMs }: CameraSearch,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly FoundCamera[]> {
  const isGroup = isIPv4(host) && multicast.check(host);
  const locals = isGroup ? localAddresses() : [undefined];
  const probes = probedTypes.map((type) => ({ type, id: createMessageId() }));
  const cameras = new Map<string, FoundCamera>();
  let left = MAX_ANSWERS;
  const read = (bytes: Buffer, { address }: RemoteInfo) => {
    if (left-- <= 0) return;
    for (const camera of camerasOf(bytes, address, (id) => probes.some((probe) => probe.id === id))) {
      if (cameras.size < MAX_DEVICES && !cameras.has(camera.endpoint)) cameras.set(camera.endpoint, camera);
    }
  };
  const sockets: Socket[] = [];
  let problem: unknown;
  try {
    for (const local of locals) {
      const socket = createSocket('udp4');
      sockets.push(socket);
      socket.on('message', read);
      socket.on('error', (error) => (problem = error));
      const bound = once(socket, 'listening');
      socket.bind(0);
      await bound;
      if (local !== undefined && !joins(socket, local)) sockets.pop()?.close();
    }
    for (const pauseMs of [Math.min(AGAIN_MS, waitMs), Math.max(0, waitMs - AGAIN_MS)]) {
      const sent = sockets.flatMap((socket) =>
        probes.map(({ type, id }) => send(socket, printProbe(id, type), host, port)),
      );
      const failures = (await Promise.all(sent)).filter((error) => error !== undefined);
      if (failures.length === sent.length) problem = failures[0];
      await sleep(pauseMs, { signal });
    }
  } finally {
    for (const socket of sockets) socket.close();
  }
  if (cameras.size === 0 && problem !== undefined) {
    const why = reasonOf(problem);
    throw new OxbowError('source-failed', `No network takes the search for cameras (${host}:${port}): ${why}.`);
  }
  return [...cameras.values()];
}

/** IPv4 addresses of this computer, one for each network. */
function localAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap(
    (entries) => entries?.find(({ family }) => family === 'IPv4') ?? [],
  );
  return all.map(({ address }) => address).slice(0, MAX_NETWORKS);
}

/** Whether multicast is sent on the network of an address: an interface may be down, or have none. */
function joins(socket: Socket, local: string): boolean {
  try {
    socket.setMulticastInterface(local);
    return true;
  } catch {
    return false;
  }
}

/** Resolves with what went wrong: one network of several may be down. */
function send(socket: Socket, text: string, host: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => socket.send(text, port, host, (error) => resolve(error ?? undefined)));
}

/** The devices of an answer whose addresses are on the host that sent it. */
function camerasOf(bytes: Buffer, sender: string, isOwn: (id: string) => boolean): readonly FoundCamera[] {
  let devices: readonly FoundDevice[];
  try {
    devices = parseProbeMatches(bytes.toString(), isOwn);
  } catch (error) {
    if (error instanceof FormatError) return []; // from anyone in the network
    throw error;
  }
  return devices.flatMap(({ addresses, ...device }) => {
    const short = addresses.filter(({ length }) => length <= MAX_ADDRESS);
    const urls = short.flatMap((each) => URL.parse(each) ?? []);
    const address = urls.find((url) => /^https?:$/.test(url.protocol) && url.hostname === sender);
    if (!address) return [];
    address.username = '';
    address.password = '';
    return { ...device, address };
  });
}
