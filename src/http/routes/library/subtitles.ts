/**
 * Routes of the subtitles of an asset: add a file, remove.
 * In: SubRip, WebVTT or ASS as a body. Out: calls of `deps.assets`. The list is in AssetView.
 */

import { MAX_SUBTITLE_FILE } from '@oxbow/media/subtitles/bounds';
import { AssetSubtitleView, SubtitleQuery } from '../../../api/library/asset-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';

const SubtitleParams = Type.Object({ id: Type.String(), subtitle: Type.String({ maxLength: 40 }) });

/** Reads a body within the bound. */
async function bodyOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    length += piece.length;
    if (length > MAX_SUBTITLE_FILE) {
      throw new OxbowError('payload-too-large', `A subtitle file has at most ${MAX_SUBTITLE_FILE} bytes.`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The rows. */
export const subtitleRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/assets/:id/subtitles',
    tag: 'library',
    access: 'viewer',
    sentence:
      'Adds subtitles to an asset, for its owner and administrators: SubRip, WebVTT or ASS of at most 4 MiB, as the body. A file with the same language, title and purpose replaces the one that was added before.',
    params: IdParams,
    query: SubtitleQuery,
    bodyTypes: ['text/vtt', 'application/x-subrip', 'text/x-ssa', 'text/plain', 'application/octet-stream'],
    streams: true,
    replies: { 201: AssetSubtitleView },
    async answer({ params: { id }, query, stream, principal }, { assets }) {
      const bytes = await bodyOf(stream);
      return { status: 201, body: await assets.addSubtitle(id, { bytes, query }, principal) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/assets/:id/subtitles/:subtitle',
    tag: 'library',
    access: 'viewer',
    sentence:
      'Removes subtitles from an asset, for its owner and administrators; the original keeps those that are in it.',
    params: SubtitleParams,
    replies: { 204: undefined },
    async answer({ params: { id, subtitle }, principal }, { assets }) {
      await assets.removeSubtitle(id, subtitle, principal);
      return { status: 204 };
    },
  }),
];
