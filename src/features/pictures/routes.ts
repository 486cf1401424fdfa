/**
 * The picture of a stream over the API.
 * In: the bytes of a JPEG, PNG or WebP file. Out: the same bytes, for cards and link previews.
 */
import { pictureTypes } from '../../api/picture.ts';
import { Type } from '../../api/type.ts';
import { findStream, NameParams } from '../../http/routes/streams/streams.ts';
import { OxbowError } from '../../lib/errors.ts';
import { rowsFor } from '../feature.ts';
import type { PicturesApi } from './pictures-api.ts';

const PATH = '/api/v1/streams/:name/picture';
const PictureQuery = Type.Object(
  { v: Type.Optional(Type.String({ maxLength: 40, description: 'the version that `picture` of the stream names' })) },
  { additionalProperties: false },
);
const Picture = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'the picture' });

const defineRoute = rowsFor<PicturesApi>();

/** The rows. */
export const pictureRoutes = [
  defineRoute({
    method: 'GET',
    path: PATH,
    tag: 'streams',
    access: 'viewer',
    anyPage: true,
    sentence: 'Returns the picture of a stream.',
    params: NameParams,
    query: PictureQuery,
    replies: { 200: Picture, 206: Picture },
    fileTypes: pictureTypes,
    async answer({ params: { name }, query: { v }, sees }, pictures, deps) {
      await findStream(name, sees, deps);
      const picture = await pictures.read(name);
      if (!picture) throw new OxbowError('not-found', `The stream ${name} has no picture.`);
      const { type, bytes, version } = picture;
      // An address with the version never changes; one without is revalidated each time.
      const cacheControl = v === version ? 'public, max-age=31536000, immutable' : 'no-cache';
      return { file: { contentType: type, cacheControl, length: bytes.length, body: [bytes], etag: version } };
    },
  }),
  defineRoute({
    method: 'PUT',
    path: PATH,
    tag: 'streams',
    access: 'admin',
    sentence: 'Sets the picture of a stream: a JPEG, PNG or WebP file of at most 1 MiB.',
    params: NameParams,
    bodyTypes: pictureTypes,
    replies: { 204: undefined },
    async answer({ params: { name }, body }, pictures) {
      await pictures.set(name, body as unknown as Uint8Array);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: PATH,
    tag: 'streams',
    access: 'admin',
    sentence: 'Removes the picture of a stream.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, pictures) {
      await pictures.remove(name);
      return { status: 204 };
    },
  }),
];
