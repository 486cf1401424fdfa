/**
 * The API of stream pictures.
 * In: names, bytes of image files. Out: pictures; the event `stream.changed`, so that open pages load the new
 * one.
 */
import type { StreamPicture } from '../../api/picture.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { PictureTable } from '../../streams/picture/picture-table.ts';
import type { StreamDeps } from '../../streams/stream-deps.ts';
import { publishSettings } from '../../streams/stream-events.ts';

/** Pictures of streams; each call refuses `stream-unknown`. */
export interface PicturesApi {
  read(name: string): Promise<StreamPicture | undefined>;
  /** Refuses `unsupported-media`, `payload-too-large`. */
  set(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

export function createPicturesApi(
  pictures: PictureTable,
  catalog: Pick<Catalog, 'get'>,
  events: StreamDeps['events'],
): PicturesApi {
  return {
    read: async (name) => pictures.read(catalog.get(name).definition.id),
    async set(name, bytes) {
      const { definition } = catalog.get(name);
      await pictures.set(definition.id, bytes);
      publishSettings(events, 'stream.changed', definition);
    },
    async remove(name) {
      const { definition } = catalog.get(name);
      await pictures.remove(definition.id);
      publishSettings(events, 'stream.changed', definition);
    },
  };
}
