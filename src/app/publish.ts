/**
 * Opens the access of protocol servers to the streams.
 * In: the context, catalog, accounts, events. Out: PublishAccess.
 */
import type { PublishAccess } from '../ingest/publish-access.ts';
import { createPublishAccess } from '../streams/publish/publish-access.ts';
import { openPublishElsewhere } from './nodes.ts';
import type { AppContext, Parts } from './parts.ts';

/** Creates the access; it authorizes every publisher, and every viewer of a protocol other than HTTP. */
export function openPublishAccess(
  app: AppContext,
  { catalog, accounts, bus, nodes, store }: Pick<Parts, 'catalog' | 'accounts' | 'bus' | 'nodes' | 'store'>,
): PublishAccess {
  const { settings, clock, log, metrics } = app;
  const elsewhere = nodes && openPublishElsewhere(app, nodes, { catalog, store });
  return createPublishAccess({ ...accounts, catalog, settings, clock, log, metrics, events: bus, elsewhere });
}
