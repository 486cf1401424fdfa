/**
 * Opens the access of protocol servers to the streams.
 * In: the context, streams, accounts, events. Out: PublishAccess.
 */
import type { AppContext, Parts } from '../features/core.ts';
import type { PublishAccess } from '../ingest/publish-access.ts';
import { createPublishAccess } from '../streams/publish/publish-access.ts';
import { openPublishElsewhere } from './cluster/nodes.ts';

/** Creates the access; it authorizes every publisher, and every viewer of a protocol other than HTTP. */
export function openPublishAccess(
  app: AppContext,
  parts: Pick<Parts, 'streams' | 'accounts' | 'bus' | 'nodes' | 'store' | 'changes' | 'recordings' | 'countries'>,
): PublishAccess {
  const { settings, clock, log, metrics } = app;
  const { streams, accounts, bus, nodes, countries } = parts;
  const elsewhere = nodes && openPublishElsewhere(app, nodes, parts);
  const { control, catalog } = streams;
  const deps = { control, catalog, settings, clock, log, metrics, events: bus, elsewhere, countries };
  return createPublishAccess({ ...accounts, ...deps });
}
