/**
 * Pictures that people give to streams. Their table is in streams: every view of a stream names one.
 * In: the table, streams. Out: the feature.
 */
import { streamRoutes } from '../../http/routes/streams/streams.ts';
import { defineFeature } from '../feature.ts';
import { createPicturesApi } from './pictures-api.ts';
import { pictureRoutes } from './routes.ts';

/** The feature. */
export const pictures = defineFeature({
  name: 'pictures',
  routes: pictureRoutes,
  after: streamRoutes,
  open: (_, { recordings, catalog, bus }) => ({ own: createPicturesApi(recordings.pictures, catalog, bus) }),
});
