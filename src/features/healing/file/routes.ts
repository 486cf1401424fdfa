/**
 * The route of files that heal gaps of a stream.
 * In: a file as the body, when it begins. Out: HealedFile.
 */
import { HealedFile } from '../../../api/healing/healed-file.ts';
import { openTimeZone } from '../../../api/local-time.ts';
import { Type } from '../../../api/type.ts';
import { instantForms, readInstant } from '../../../http/route/instant-field.ts';
import { findStream, NameParams } from '../../../http/routes/streams/streams.ts';
import { withStallLimit } from '../../../serve/exchange/stall-limit.ts';
import { rowsFor } from '../../feature.ts';
import type { HealFile } from './open-heal-file.ts';

/** A body of which nothing arrives for this long has ended, ms. */
const STALL_MS = 30_000;

const FileQuery = Type.Object(
  {
    filename: Type.Optional(
      Type.String({ maxLength: 255, description: 'name of the file; a time in it is taken for its start' }),
    ),
    at: Type.Optional(Type.String({ maxLength: 64, description: `when the file begins. ${instantForms}` })),
    tz: Type.Optional(
      Type.String({ maxLength: 64, description: 'time zone of the time in the name, e.g. Europe/Vienna' }),
    ),
  },
  { additionalProperties: false },
);

const defineRoute = rowsFor<{ readonly healFile: HealFile }>();

/** The rows. */
export const healFileRoutes = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/heal',
    tag: 'timeline',
    access: 'admin',
    limit: 'uploads',
    sentence:
      'Fills gaps of the recording of a stream from an MP4 or MPEG-TS file, such as one of a camera’s memory card; answers when that is done.',
    params: NameParams,
    query: FileQuery,
    bodyTypes: ['application/octet-stream', 'video/mp4', 'video/mp2t'],
    streams: true,
    replies: { 200: HealedFile },
    async answer({ params: { name }, query, sees, stream, signal }, { healFile }, deps) {
      await findStream(name, sees, deps);
      const atMs = query.at === undefined ? undefined : readInstant('at', query.at);
      const file = { name: query.filename ?? '', atMs, zone: openTimeZone(query.tz) };
      return { body: await healFile(name, withStallLimit(stream, STALL_MS), file, { signal }) };
    },
  }),
];
