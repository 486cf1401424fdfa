/**
 * The error codes of cameras, a part of the table of all errors.
 * In: nothing. Out: rows for lib/errors.ts.
 */

/** Keys are the stable codes. */
export const cameraRefusals = {
  'camera-unknown': {
    status: 404,
    title: 'The stream has no camera',
    hint: 'PUT /api/v1/streams/{name}/camera sets one.',
  },
  'camera-fixed': {
    status: 409,
    title: 'The camera does not move',
    hint: 'Only cameras with a PTZ profile move.',
  },
  'camera-profile-unknown': {
    status: 400,
    title: 'Unknown profile of a camera',
    hint: 'POST /api/v1/cameras/look lists the profiles of a camera.',
  },
} as const;
