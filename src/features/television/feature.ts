/**
 * Televisions: a page for remote controls, signed in by a code.
 * In: the store, accounts. Out: the feature. docs/4-watch/television.md, docs/decisions/0125.
 */
import { accessRoutes } from '../../http/routes/accounts/access.ts';
import { defineFeature } from '../feature.ts';
import { Pairings } from './pairings.ts';
import { televisionRefusals } from './refusals.ts';
import { televisionRoutes } from './routes.ts';

/** The feature. */
export const television = defineFeature({
  name: 'television',
  routes: televisionRoutes,
  adds: { refusals: televisionRefusals },
  after: accessRoutes,
  open: ({ clock }, { store }) => ({ own: new Pairings(store.db, clock) }),
});
