/**
 * What was watched again, on the timelines of streams. Insight counts.
 * In: insight. Out: the feature. docs/9-run/insight-pages.md.
 */
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { defineFeature } from '../feature.ts';
import { rewoundRoutes } from './routes.ts';
import { ShownHeat } from './shown-heat.ts';

/** The feature. */
export const rewound = defineFeature({
  name: 'rewound',
  routes: rewoundRoutes,
  after: timelineRoutes,
  open: ({ clock }, { hooks }) => ({ own: new ShownHeat(() => hooks.insight, clock) }),
});
