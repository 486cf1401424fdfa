/**
 * Access of publishers and of viewers over protocols other than HTTP.
 * In: requests of protocol servers. Out: sessions and live streams.
 */
import { parseStreamName } from '../../api/stream-name.ts';
import type { PublishAccess } from '../../ingest/publish-access.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../catalog.ts';

/** Creates the access of protocol servers to the streams of a catalog. */
export function createPublishAccess(catalog: Catalog): PublishAccess {
  return {
    async publish(request) {
      if (request.name === undefined) throw new OxbowError('publish-denied', 'The name of the stream is missing.');
      return catalog.get(parseStreamName(request.name)).publishers.claim(request);
    },
    async read({ name }) {
      return catalog.get(parseStreamName(name)).stream;
    },
  };
}
