/**
 * Opens the access of protocol servers to the streams.
 * In: the catalog. Out: PublishAccess.
 */
import type { PublishAccess } from '../ingest/publish-access.ts';
import { createPublishAccess } from '../streams/publish/publish-access.ts';
import type { Parts } from './parts.ts';

/** Creates the access; it authorizes every publisher, and every viewer of a protocol other than HTTP. */
export function openPublishAccess({ catalog }: Pick<Parts, 'catalog'>): PublishAccess {
  return createPublishAccess(catalog);
}
