/**
 * Events of cameras, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';
import { CameraKindView } from './camera-shapes.ts';

/** The rows. */
export const cameraEvents = {
  'camera.event': {
    audience: 'admin',
    sentence:
      'A camera notices something, or no longer does. What it notices again within ten seconds is the same event.',
    data: Type.Object({
      kind: CameraKindView,
      on: Type.Boolean({ description: 'it begins; false: it has ended' }),
    }),
  },
} as const;
