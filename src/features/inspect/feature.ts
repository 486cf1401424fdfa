/**
 * What a stream holds in memory and how it keeps up, and a picture of it now.
 * In: managed streams, their timelines. Out: the feature.
 */
import { playbackSessionRoutes } from '../../http/routes/streams/playback-sessions.ts';
import { defineFeature } from '../feature.ts';
import { createInspectApi } from './inspect-api.ts';
import { inspectRoutes } from './routes.ts';

/** The feature. */
export const inspect = defineFeature({
  name: 'inspect',
  routes: inspectRoutes,
  after: playbackSessionRoutes,
  open: ({ clock }, { catalog, streamsApi }) => ({ own: createInspectApi(clock, catalog, streamsApi.timeline) }),
});
