/**
 * Opens the relays of all streams.
 * In: the context, streams, store, net, events, ports of publishers. Out: Relays.
 */
import type { RelaysApi } from '../api/relay/relay-shapes.ts';
import type { AppContext, Parts } from '../features/core.ts';
import { createConnectRelay } from '../relay/connect.ts';
import { OwnAddresses } from '../streams/relay/own-addresses.ts';
import { Relays } from '../streams/relay/relays.ts';
import { createOpenOpus } from './realtime/opus.ts';

/** Starts the relays of every stream, and follows the streams. */
export async function openRelays(
  app: AppContext,
  {
    catalog,
    store,
    changes,
    net,
    bus,
    publishPorts,
  }: Pick<Parts, 'catalog' | 'store' | 'changes' | 'net' | 'bus' | 'publishPorts'>,
): Promise<RelaysApi> {
  const { opened, clock, log, metrics } = app;
  const own = new OwnAddresses(publishPorts);
  const connect = createConnectRelay({ net, clock, openOpus: createOpenOpus(app) });
  const relays = new Relays({ catalog, store, changes, net, connect, own, events: bus, clock, log, metrics });
  opened.use(relays);
  await relays.open();
  return relays;
}
