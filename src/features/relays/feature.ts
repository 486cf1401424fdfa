/**
 * Relays: live streams are sent to other servers, over RTMP, SRT or WHIP.
 * In: streams, targets of the configuration and of administrators. Out: the feature.
 */
import { relayEvents } from '../../api/relay/relay-events.ts';
import type { RelaysApi } from '../../api/relay/relay-shapes.ts';
import { publishKeyRoutes } from '../../http/routes/streams/publish-keys.ts';
import { createOpenOpus } from '../../transcode/audio/open-opus.ts';
import { defineFeature } from '../feature.ts';
import { createConnectRelay } from './connect.ts';
import { relayMetrics } from './metrics.ts';
import { OwnAddresses } from './own-addresses.ts';
import { relayRefusals } from './refusals.ts';
import { Relays } from './relays.ts';
import { relayRoutes } from './routes.ts';

/** The feature. */
export const relays = defineFeature<RelaysApi>({
  name: 'relays',
  routes: relayRoutes,
  after: publishKeyRoutes,
  adds: { refusals: relayRefusals, metrics: relayMetrics, events: relayEvents },
  async open(app, { catalog, store, changes, net, bus, publishPorts }) {
    const { opened, clock, log, metrics } = app;
    const ownAddresses = new OwnAddresses(publishPorts);
    const connect = createConnectRelay({ net, clock, openOpus: createOpenOpus(app) });
    const streamRelays = new Relays({
      catalog,
      store,
      changes,
      net,
      connect,
      own: ownAddresses,
      events: bus,
      clock,
      log,
      metrics,
    });
    opened.use(streamRelays);
    await streamRelays.open();
    return { own: streamRelays };
  },
});
