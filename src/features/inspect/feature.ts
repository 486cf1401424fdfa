/**
 * What a stream holds in memory and how it keeps up, and a picture of it now.
 * In: managed streams, their timelines. Out: the feature.
 */
import { playbackSessionRoutes } from '../../http/routes/streams/playback-sessions.ts';
import { createStreamsApi } from '../../streams/api.ts';
import { defineFeature } from '../feature.ts';
import { createInspectApi } from './inspect-api.ts';
import { inspectRoutes } from './routes.ts';

/** The feature. */
export const inspect = defineFeature({
  name: 'inspect',
  routes: inspectRoutes,
  after: playbackSessionRoutes,
  open: ({ clock }, { streams: { deps, catalog } }) => ({
    own: createInspectApi(clock, catalog, createStreamsApi(deps, catalog).timeline),
  }),
});
