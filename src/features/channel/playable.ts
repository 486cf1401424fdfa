/**
 * The contract of what a channel plays: media that is read piece by piece.
 * In: nothing. Out: types for the readers and the playout; the choice of tracks. Pure.
 */
import type { AudioTrack, Frame, Track, VideoTrack } from '@oxbow/media/frame';

/** Some seconds of media: a stored segment, or what a live stream has sent. */
export interface Piece {
  /** At most one of video and one of audio, at least one. */
  readonly tracks: readonly Track[];
  /** Of these tracks; those of each in decode order. */
  readonly frames: readonly Frame[];
  /** Position in the media = this + pts, µs. */
  readonly offsetUs: number;
  /** The position does not continue that of the piece before. */
  readonly jumps: boolean;
}

/** Media that can be played from any position. */
export interface Media {
  /**
   * Reads on from the piece that has a position, or the next one.
   *
   * @param fromUs µs, on the clock of the media
   * @throws OxbowError and FormatError for media that cannot be read; the reason of the signal
   */
  pieces(fromUs: number, options: { readonly signal: AbortSignal }): AsyncIterable<Piece>;
}

const PLAYED: ReadonlySet<string> = new Set(['h264', 'hevc', 'av1', 'vp9']);
const HEARD: ReadonlySet<string> = new Set(['aac', 'mp3', 'ac3', 'eac3', 'opus', 'flac']);

/** The picture and the sound that a channel plays: the first ones that a stream can have. */
export function playedTracks(tracks: readonly Track[]): readonly Track[] {
  const pictures = tracks.filter(
    (track): track is VideoTrack => track.kind === 'video' && PLAYED.has(track.config.codec),
  );
  const original = pictures.find(({ rung }) => rung === undefined);
  const picture = original ?? pictures.toSorted((a, b) => b.config.height - a.config.height)[0];
  const sound = tracks.find(
    (track): track is AudioTrack =>
      track.kind === 'audio' && HEARD.has(track.config.codec) && track.config.layer === undefined,
  );
  return [...(picture ? [picture] : []), ...(sound ? [sound] : [])];
}
