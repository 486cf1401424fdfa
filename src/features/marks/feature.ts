/**
 * Markers and pins over the API: texts at instants of a stream, and ranges that retention keeps. The core has
 * their tables, because timelines show them.
 * In: streams, both tables. Out: the feature.
 */
import { markEvents } from '../../api/marks/mark-events.ts';
import type { MarksApi } from '../../api/marks/marks-api.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { defineFeature } from '../feature.ts';
import { createMarksApi } from './marks-api.ts';
import { markRefusals } from './refusals.ts';
import { markRoutes } from './routes.ts';

/** The feature. */
export const marks = defineFeature<MarksApi>({
  name: 'marks',
  routes: markRoutes,
  after: timelineRoutes,
  adds: { refusals: markRefusals, events: markEvents },
  open: (_app, { streams, catalog }) => ({ own: createMarksApi(streams.deps, catalog) }),
});
