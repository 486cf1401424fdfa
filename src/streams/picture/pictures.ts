/**
 * The API of stream pictures.
 * In: names, bytes of image files. Out: pictures; the event `stream.changed`, so that open pages load the new
 * one.
 */
import type { PicturesApi } from '../../api/streams-api.ts';
import type { Catalog } from '../catalog.ts';
import type { StreamDeps } from '../stream-deps.ts';

export function createPicturesApi({ pictures }: Pick<StreamDeps, 'pictures'>, catalog: Catalog): PicturesApi {
  return {
    picture: async (name) => pictures.read(catalog.get(name).definition.id),
    async setPicture(name, bytes) {
      const { definition } = catalog.get(name);
      await pictures.set(definition.id, bytes);
      catalog.publish('stream.changed', definition);
    },
    async removePicture(name) {
      const { definition } = catalog.get(name);
      await pictures.remove(definition.id);
      catalog.publish('stream.changed', definition);
    },
  };
}
