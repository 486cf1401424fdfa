/**
 * IPTV players: the channel list, and the programme guide. Catch-up itself is in delivery/ts.
 * In: streams, markers, timelines. Out: the feature.
 */
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { defineFeature } from '../feature.ts';
import { Guides } from './guides.ts';
import { iptvRoutes } from './routes.ts';

/** The feature. */
export const iptv = defineFeature({
  name: 'iptv',
  routes: iptvRoutes,
  after: timelineRoutes,
  open: ({ clock, shutdown }, { hooks }) => ({
    own: new Guides({ clock, signal: shutdown.signal, channels: () => hooks.channels }),
  }),
});
