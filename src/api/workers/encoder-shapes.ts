/**
 * The JSON of hardware encoders: their devices, measured speeds, sessions and state. Times are RFC 3339 in
 * UTC with milliseconds.
 * In: ffmpeg/encoders, workers. Out: http/routes, web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** An encoder of a device, as its machine announces it. */
export const EncoderView = Type.Object(
  {
    device: Type.String({ maxLength: 80, description: 'e.g. `nvidia0` or `renderD128`' }),
    name: Type.String({ maxLength: 80, description: 'in FFmpeg, e.g. `h264_nvenc`' }),
    codec: Type.String({ maxLength: 20 }),
    speed: Type.Number({ minimum: 0, description: 'pictures of 720p that it encodes in a second, measured' }),
    sessions: Type.Integer({ minimum: 0, description: 'qualities that its device encodes at the same time, at most' }),
    used: Type.Integer({ minimum: 0, description: 'sessions of its device that this process has' }),
    state: Type.Union([Type.Literal('ready'), Type.Literal('failed')], {
      description: '`failed`: its device is left alone until a trial succeeds',
    }),
    reason: Type.String({ maxLength: 1000, description: 'why it failed; empty if it did not' }),
  },
  { $id: 'EncoderView' },
);
export type EncoderView = Static<typeof EncoderView>;

/** An encoder of the pool: one of the server, or of a worker. */
export const PoolEncoderView = Type.Object(
  {
    ...EncoderView.properties,
    worker: Type.Union([Type.String(), Type.Null()], {
      description: 'id of the worker that has it; null: this server, for live streams',
    }),
    workerName: Type.String({ description: 'name of the worker; empty: this server' }),
  },
  { $id: 'PoolEncoderView' },
);
export type PoolEncoderView = Static<typeof PoolEncoderView>;
