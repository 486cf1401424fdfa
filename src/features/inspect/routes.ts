/**
 * Routes that show what a stream holds and how it keeps up, and a picture of it now; for administrators.
 * In: requests below /api/v1/streams/{name}. Out: the JSON of api/inspect-shapes, JPEG pictures, a key frame.
 */
import type { TSchema } from 'typebox';
import {
  StreamBackpressure,
  StreamBuffer,
  StreamParameters,
  StreamRecovery,
  StreamSync,
} from '../../api/inspect-shapes.ts';
import { Type } from '../../api/type.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { type FeatureRoute, rowsFor } from '../feature.ts';
import type { InspectApi } from './inspect-api.ts';

const Picture = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'the picture' });
const KeyFrameQuery = Type.Object(
  {
    format: Type.Optional(
      Type.Union([
        Type.Literal('jpeg', { description: 'the picture; the default' }),
        Type.Literal('raw', {
          description:
            'the access unit as it was sent: H.264 and HEVC in byte stream format with parameter sets, others as one frame',
        }),
      ]),
    ),
  },
  { additionalProperties: false },
);

const defineRoute = rowsFor<InspectApi>();

function look(
  resource: keyof InspectApi & ('buffer' | 'sync' | 'parameters' | 'backpressure' | 'recovery'),
  shape: TSchema,
  sentence: string,
): FeatureRoute<InspectApi> {
  return defineRoute({
    method: 'GET',
    path: `/api/v1/streams/:name/${resource}`,
    tag: 'streams',
    access: 'admin',
    sentence,
    params: NameParams,
    replies: { 200: shape },
    async answer({ params: { name } }, inspect) {
      return { body: await inspect[resource](name) };
    },
  });
}

/** The still of an instant, ms since 1970, as a file. */
async function still(deps: HttpDeps, name: string, atMs: number, signal: AbortSignal) {
  const address = { kind: 'still', stream: name, at: String(Math.ceil(atMs)) } as const;
  return { file: await deps.answer(address, new URLSearchParams(), { signal }) };
}

/** The rows. */
export const inspectRoutes = [
  look('buffer', StreamBuffer, 'Returns what a stream holds in memory: its GOP buffer and its live playlist.'),
  look(
    'sync',
    StreamSync,
    'Returns the clocks of a stream: runs with their UTC offset, skew, drift, order of audio and video.',
  ),
  look(
    'parameters',
    StreamParameters,
    'Returns the codec configurations of a stream: parameter sets and their fields.',
  ),
  look(
    'backpressure',
    StreamBackpressure,
    'Returns how full the queues of a stream are, their bounds, and what its sinks lost.',
  ),
  look(
    'recovery',
    StreamRecovery,
    'Returns the interruptions of a stream: gaps, reconnects, switches and losses, with their causes.',
  ),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/preview',
    tag: 'streams',
    access: 'admin',
    sentence: 'Returns a picture of a stream now, as JPEG: the newest one that is recorded.',
    params: NameParams,
    replies: { 200: Picture, 206: Picture },
    fileTypes: ['image/jpeg'],
    async answer({ params: { name }, signal }, inspect, deps) {
      return still(deps, name, inspect.newestPicture(name), signal);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/iframe',
    tag: 'streams',
    access: 'admin',
    sentence: 'Returns the last key frame of a stream, as a picture or as it was sent.',
    params: NameParams,
    query: KeyFrameQuery,
    replies: { 200: Picture, 206: Picture },
    fileTypes: ['image/jpeg', 'application/octet-stream'],
    async answer({ params: { name }, query: { format }, signal }, inspect, deps) {
      if (format !== 'raw') return still(deps, name, await inspect.newestKeyPicture(name), signal);
      const data = inspect.keyFrame(name);
      const contentType = 'application/octet-stream';
      return { file: { contentType, cacheControl: 'no-cache', length: data.length, body: [data] } };
    },
  }),
];
