/**
 * The errors of recorded media. A part of the table of all errors.
 * In: nothing. Out: rows for errors.ts.
 */

/** Keys are the stable codes. */
export const recordingRefusals = {
  gone: { status: 410, title: 'Deleted by retention', hint: 'To keep recordings longer, increase --keep.' },
  'not-started': {
    status: 404,
    title: 'Not started yet',
    hint: 'The broadcaster has set when the stream starts for viewers, or sets a mark when it does. Try again then.',
  },
  'past-limited': {
    status: 403,
    title: 'Not shown to viewers',
    hint: 'The broadcaster limits what viewers see of the past: `past` of the stream has the rules. Users with a right on the stream are exempt.',
  },
  'clips-off': {
    status: 403,
    title: 'Viewers make no clips of this stream',
    hint: 'The broadcaster permits clips, exports and stills only to users with a right on the stream.',
  },
  'media-damaged': {
    status: 410,
    title: 'Damaged media',
    hint: 'Its bytes are not those that were recorded, or not there. Playlists leave it out; the timeline lists it as a gap. Administrators run `oxbow doctor --verify`.',
  },
  'stream-unopened': {
    status: 503,
    title: 'The stream could not be opened',
    hint: 'Correct what the reason names: oxbow opens the stream again by itself within a minute, or when it is started. Other streams are not affected.',
  },
} as const;
