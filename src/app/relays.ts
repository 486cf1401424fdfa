/**
 * Opens the relays of all streams.
 * In: the context, streams, store, net, events, ports of publishers. Out: Relays.
 */
import type { RelaysApi } from '../api/relay/relay-shapes.ts';
import { connectRelay } from '../relay/connect.ts';
import { OwnAddresses } from '../streams/relay/own-addresses.ts';
import { Relays } from '../streams/relay/relays.ts';
import type { AppContext, Parts } from './parts.ts';

/** Starts the relays of every stream, and follows the streams. */
export async function openRelays(
  { opened, clock, log, metrics }: AppContext,
  { catalog, store, net, bus, publishPorts }: Pick<Parts, 'catalog' | 'store' | 'net' | 'bus' | 'publishPorts'>,
): Promise<RelaysApi> {
  const own = new OwnAddresses(publishPorts);
  const relays = new Relays({ catalog, store, net, connect: connectRelay, own, events: bus, clock, log, metrics });
  opened.use(relays);
  await relays.open();
  return relays;
}
