/**
 * Vision mixers: a stream whose picture is switched between other live streams, without encoding.
 * In: live streams, cuts of administrators. Out: the feature. docs/decisions/0121.
 */
import { mixerEvents } from '../../api/mixer/mixer-events.ts';
import type { MixersApi } from '../../api/mixer/mixer-shapes.ts';
import { publishKeyRoutes } from '../../http/routes/streams/publish-keys.ts';
import { defineFeature } from '../feature.ts';
import { Mixers } from './mixers.ts';
import { mixerRefusals } from './refusals.ts';
import { mixerRoutes } from './routes.ts';

/** The feature. */
export const mixer = defineFeature<MixersApi>({
  name: 'mixer',
  routes: mixerRoutes,
  after: publishKeyRoutes,
  adds: { refusals: mixerRefusals, events: mixerEvents },
  async open({ opened, clock, log }, { catalog, store, changes, bus, nodes, recordings, hooks }) {
    const { markers } = recordings;
    const { shown } = hooks;
    const mixers = new Mixers({
      catalog,
      store,
      changes,
      events: bus,
      remote: nodes?.live,
      markers,
      clock,
      log,
      shown,
    });
    shown.add((streamId) => mixers.shownBy(streamId));
    opened.use(mixers);
    await mixers.open();
    return { own: mixers };
  },
});
