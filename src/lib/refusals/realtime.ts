/**
 * The errors of WebRTC, a part of the table of all errors.
 * In: nothing. Out: rows for errors.ts.
 */

/** Keys are the stable codes. */
export const realtimeRefusals = {
  'webrtc-off': {
    status: 503,
    title: 'WebRTC is off',
    hint: 'Start oxbow with --webrtc 8189, and see /health for why its port could not be opened.',
  },
  'bad-offer': { status: 400, title: 'Invalid SDP', hint: 'Send the SDP offer of a WebRTC client as application/sdp.' },
  'offer-refused': {
    status: 422,
    title: 'The offer cannot be used',
    hint: 'Offer H.264, AV1 or VP9, and Opus: docs/3-publish/whip.md lists what oxbow takes.',
  },
  'webrtc-full': {
    status: 503,
    title: 'Too many WebRTC sessions',
    hint: 'Try again later, or increase `webrtcMaxSessions`.',
  },
  'rtp-off': {
    status: 503,
    title: 'RTP sessions are off',
    hint: 'An administrator turns them on with `rtp`, the first UDP port of sessions.',
  },
  'rtp-full': {
    status: 503,
    title: 'Too many RTP sessions',
    hint: 'End sessions that are no longer used: GET and DELETE /api/v1/streams/{name}/rtp.',
  },
  'session-unknown': {
    status: 404,
    title: 'Unknown session',
    hint: 'The session has ended. Open a new one with a POST.',
  },
} as const;
