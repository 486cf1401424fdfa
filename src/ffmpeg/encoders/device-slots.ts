/**
 * Places on a video device, which all processes of a machine share: the server, its worker, and others.
 * In: the name of a device, numbers of places. Out: a place that is free again when it is disposed or its
 * process ends.
 *
 * On Linux a place is an address of the kernel that one process can listen on. Elsewhere only the places of
 * this process are counted.
 */
import { createServer, type Server } from 'node:net';
import { machineAddress } from '../../lib/platform.ts';

/** A place. */
export type DeviceSlot = Disposable;

/**
 * Takes one of the places; undefined if all are taken.
 *
 * @param places numbers, in order of preference
 */
export type TakeSlot = (device: string, places: readonly number[]) => Promise<DeviceSlot | undefined>;

/** Places that this process has, where processes do not share them. */
const taken = new Set<string>();

/** Takes a place of this machine. */
export const takeDeviceSlot: TakeSlot = async (device, places) => {
  for (const place of places) {
    const name = `oxbow-encoder-${device}-${place}`;
    const address = machineAddress(name);
    const slot = address === undefined ? takeHere(name) : await listenAt(address);
    if (slot) return slot;
  }
  return undefined;
};

function takeHere(name: string): DeviceSlot | undefined {
  if (taken.has(name)) return undefined;
  taken.add(name);
  return { [Symbol.dispose]: () => void taken.delete(name) };
}

async function listenAt(address: string): Promise<DeviceSlot | undefined> {
  // Nothing is served: what connects is closed.
  const server: Server = createServer((socket) => socket.destroy());
  const isOpen = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ path: address }, () => resolve(true));
  });
  if (!isOpen) return undefined;
  server.unref();
  return { [Symbol.dispose]: () => void server.close() };
}
