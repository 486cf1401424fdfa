/**
 * Finds out what an MP4 file is: ordinary, with sample tables, or fragmented.
 * In: the file's bytes. Out: its tables, or that it has fragments. ISO/IEC 14496-12, 4.2 and 8.2.
 */
import { namesOf } from '../../api/left-out.ts';
import { FormatError, OxbowError } from '../../lib/errors.ts';
import { readBoxHead, u32At } from '../../media/isobmff/box.ts';
import { type FileMovie, parseMovie } from '../../media/isobmff/movie/progressive.ts';
import type { FileBytes } from './file-bytes.ts';

/** What a file may begin with. */
const FIRST_TYPES: ReadonlySet<string> = new Set('ftyp styp moov mdat free skip wide pnot uuid pdin'.split(' '));
const MAX_BOXES = 1000;
/** The tables of ten hours of pictures and sound take about as much. */
const MAX_MOOV_BYTES = 64 * 1024 * 1024;

/**
 * Reads a file up to its moov, stepping over the media where it comes first.
 *
 * @throws FormatError if it is no MP4 or malformed; OxbowError `unsupported-media` where it is encrypted, has nothing that oxbow can take,
 * or has its moov at the end on a server without ranges; what the reading throws
 */
export async function openMovie(file: FileBytes, { signal }: { signal: AbortSignal }): Promise<FileMovie> {
  let at = 0;
  for (let i = 0; i < MAX_BOXES; i++) {
    const start = await file.read(at, 16, { signal });
    const isOpen = start.length >= 8 && u32At(start, 0) === 0;
    const head = isOpen ? undefined : readBoxHead(start, 0);
    // A box without a length goes on to the end: nothing can stand behind it.
    if (!head) break;
    if (i === 0 && !FIRST_TYPES.has(head.type)) throw new FormatError('this is not an MP4 file', at);
    if (head.type === 'moov') return readMovie(file, at, head.size, { signal });
    if (head.type === 'mdat' && !file.ranged) {
      throw new OxbowError(
        'unsupported-media',
        'the file has its index (moov) behind the media, and its server does not serve byte ranges',
      );
    }
    if (head.type === 'moof') throw new FormatError('a fragment stands before the moov', at);
    at += head.size;
  }
  throw new FormatError('the file has no moov', at);
}

function noTrack(leftOut: FileMovie['leftOut']): string {
  return leftOut.length > 0 ? `oxbow cannot take ${namesOf(leftOut)}`.slice(0, 200) : 'the file has no track';
}

async function readMovie(
  file: FileBytes,
  at: number,
  size: number,
  { signal }: { signal: AbortSignal },
): Promise<FileMovie> {
  if (size > MAX_MOOV_BYTES) throw new FormatError(`a moov of ${size} bytes is too large`, at);
  // A copy: what the walks read from must not hold blocks of the file.
  const bytes = new Uint8Array(await file.read(at, size, { signal }));
  if (bytes.length < size) throw new FormatError('the file ends within its moov', at);
  const { headLength } = readBoxHead(bytes, 0)!;
  const movie = parseMovie(bytes, { type: 'moov', start: 0, body: headLength, end: size });
  if (movie.tracks.length === 0) {
    throw new OxbowError('unsupported-media', noTrack(movie.leftOut));
  }
  return movie;
}
