/**
 * Routes of the start mark of a stream: the broadcaster sets it when the show begins. Where the rules for the
 * past say so, viewers see nothing from before it.
 * In: an instant, or none for now. Out: StreamView. docs/4-watch/rules-for-the-past.md.
 */
import { StreamView } from '../../../api/shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { instantForms, readInstant } from '../../route/instant-field.ts';
import { purgeField } from '../../route/purge-field.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { NameParams } from './streams.ts';

const StartMark = Type.Object(
  {
    at: Type.Optional(Type.String({ maxLength: 64, description: `${instantForms} Not in the future. Default: now.` })),
  },
  { $id: 'StartMark', additionalProperties: false },
);

/** The rows. */
export const startMarkRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/start-mark',
    tag: 'streams',
    access: 'admin',
    sentence:
      'Sets the start mark of a stream: with the rule `past.start` = `mark`, viewers see it from there on. The last mark counts.',
    params: NameParams,
    body: StartMark,
    replies: { 200: StreamView },
    async answer({ params: { name }, body: { at } }, deps) {
      const nowMs = Math.floor(deps.clock.nowMs());
      const atMs = at === undefined ? nowMs : readInstant('at', at);
      if (atMs > nowMs) {
        throw new OxbowError('bad-time', `\`at\` (${at}) is in the future; set the rule \`past.start\` to that time.`);
      }
      const body = await deps.streams.setStartMark(name, atMs);
      return { headers: await purgeField(deps, 'stream', name), body };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/start-mark',
    tag: 'streams',
    access: 'admin',
    sentence: 'Removes the start mark of a stream: with the rule `past.start` = `mark`, viewers wait for the next one.',
    params: NameParams,
    replies: { 204: undefined },
    async answer({ params: { name } }, deps) {
      await deps.streams.setStartMark(name, undefined);
      return { status: 204, headers: await purgeField(deps, 'stream', name) };
    },
  }),
];
