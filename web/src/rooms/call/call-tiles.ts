/**
 * The pictures of a call, in the order in which they are shown and recorded: the camera or initial of each
 * participant, and the screens.
 * In: participants, what this browser sends and receives. Out: tiles with their tracks. Pure.
 */
import type { CallParticipant } from '../../../../src/api/room/call-shapes.ts';
import type { Incoming, OwnTracks } from './call-peer.ts';

/** A picture of a participant. */
interface CallTileView {
  readonly key: string;
  readonly participant: CallParticipant;
  readonly source: 'camera' | 'screen';
}

/** The media of a call in this browser. */
interface CallMediaState {
  /** The id of this participant. */
  readonly own: string;
  readonly tracks: OwnTracks;
  readonly incoming: readonly Incoming[];
}

/** The tiles of all participants; each has one for the camera, and one for a screen that is shared. */
export function tilesOf(participants: readonly CallParticipant[]): readonly CallTileView[] {
  return participants.flatMap((participant) =>
    (['camera', 'screen'] as const)
      .filter((source) => source === 'camera' || participant.screen)
      .map((source) => ({ key: `${participant.id} ${source}`, participant, source })),
  );
}

/** The track of a tile; null: there is no picture. */
export function trackOf(
  { participant, source }: CallTileView,
  { own: ownId, tracks, incoming }: CallMediaState,
): MediaStreamTrack | null {
  if (participant.id === ownId) return tracks[source];
  if (!participant[source]) return null;
  return incoming.find(({ from, source: sent }) => from === participant.id && sent === source)?.receiver.track ?? null;
}

/** All voices that are heard, the local one too, by participant. */
export function voicesOf({ own: ownId, tracks, incoming }: CallMediaState): ReadonlyMap<string, MediaStreamTrack> {
  const others = incoming.filter(({ source }) => source === 'microphone');
  return new Map([
    ...others.map(({ from, receiver }) => [from, receiver.track] as const),
    ...(tracks.microphone ? [[ownId, tracks.microphone] as const] : []),
  ]);
}

/** The names of those who record the call, each once. */
export function recordersOf(participants: readonly CallParticipant[]): readonly string[] {
  return [...new Set(participants.filter(({ recording }) => recording).map(({ name }) => name))];
}
