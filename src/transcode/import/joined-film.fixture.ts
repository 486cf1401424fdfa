/**
 * Joins MP4 files into one whose video track has a sample entry for each of them, as some cameras and editors
 * write.
 * In: MP4 files with sample tables. Out: an MP4 file. Used by tests only.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { FileTracks, type MediaTrack } from '@oxbow/media/file/file-tracks';
import { type FileBatch, type FileSample, Joiner } from '@oxbow/media/file/joiner';
import { layOut } from '@oxbow/media/file/layout';
import { readMovie } from '@oxbow/media/isobmff/movie/movie-file';

/** The pictures of all files, one after the other. */
export async function joinFilms(
  films: readonly Uint8Array[],
  { signal }: { signal: AbortSignal },
): Promise<Uint8Array> {
  const tracks = new FileTracks('mp4');
  const joiner = new Joiner();
  const batches: FileBatch[] = [];
  for (const film of films) {
    const read = async (at: number, count: number) => film.subarray(at, at + count);
    const movie = await readMovie({ ranged: true, read }, { signal });
    const { track, walk } = movie.tracks.find((one) => one.track.kind === 'video')!;
    const samples: FileSample[] = [];
    for (let next = walk.next(); next; next = walk.next()) {
      const { dts, pts, duration, key, offset, length } = next;
      samples.push({ dts, pts, duration, key, length, data: film.subarray(offset, offset + length) });
    }
    const place = tracks.place([track], '').get(track.id)!;
    batches.push(joiner.place([{ place, track: track as MediaTrack, samples }], { fresh: true }));
  }
  const layout = layOut('mp4', tracks, { recordedMs: 0, trim: false });
  for (const batch of batches) layout.look(batch);
  return concatBytes([layout.header(), ...batches.flatMap((batch) => layout.print(batch))]);
}
