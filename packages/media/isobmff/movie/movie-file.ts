/**
 * Finds and reads the moov of an MP4 file with sample tables or fragments.
 * In: ranges of the file. Out: its tracks and sample tables. ISO/IEC 14496-12 4.2 and 8.2.
 */
import { FormatError, OxbowError } from '../../errors.ts';
import { readBoxHead, u32At } from '../box.ts';
import { type FileMovie, type MovieOptions, parseMovie } from './progressive.ts';

/** Box types with which a file may begin. */
const FIRST_TYPES: ReadonlySet<string> = new Set('ftyp styp moov mdat free skip wide pnot uuid pdin'.split(' '));
const MAX_BOXES = 1000;
/** About the size of the tables of ten hours of video and audio. */
const MAX_MOOV_BYTES = 64 * 1024 * 1024;

/** A file that can be read in ranges. */
interface MovieBytes {
  /** True: reads at any position. False: forward only. */
  readonly ranged: boolean;
  /** Reads a range; fewer bytes at the end. Throws errors of reading. */
  read(at: number, count: number, options: { readonly signal: AbortSignal }): Promise<Uint8Array>;
}

/**
 * Reads a file up to its moov; skips the media if it comes first.
 *
 * @throws FormatError if it is not MP4 or malformed; OxbowError `unsupported-media` if it is encrypted, or
 *   has its moov at the end and
 * cannot be read at any position; errors of reading
 */
export async function readMovie(
  file: MovieBytes,
  { signal, allEntries }: MovieOptions & { readonly signal: AbortSignal },
): Promise<FileMovie> {
  let at = 0;
  for (let i = 0; i < MAX_BOXES; i++) {
    const start = await file.read(at, 16, { signal });
    const isOpen = start.length >= 8 && u32At(start, 0) === 0;
    const head = isOpen ? undefined : readBoxHead(start, 0);
    // A box without a size extends to the end of the file: no box follows.
    if (!head) break;
    if (i === 0 && !FIRST_TYPES.has(head.type)) throw new FormatError('this is not an MP4 file', at);
    if (head.type === 'moov') return parse(file, at, head.size, { signal, allEntries });
    if (head.type === 'mdat' && !file.ranged) {
      throw new OxbowError(
        'unsupported-media',
        'The index of the file (moov) comes after the media, and its server does not support byte ranges.',
      );
    }
    if (head.type === 'moof') throw new FormatError('a movie fragment precedes the moov', at);
    at += head.size;
  }
  throw new FormatError('the file has no moov', at);
}

async function parse(
  file: MovieBytes,
  at: number,
  size: number,
  { signal, allEntries }: MovieOptions & { readonly signal: AbortSignal },
): Promise<FileMovie> {
  if (size > MAX_MOOV_BYTES) throw new FormatError(`a moov of ${size} bytes is too large`, at);
  // A copy, so that the sample tables do not keep blocks of the file in memory.
  const bytes = new Uint8Array(await file.read(at, size, { signal }));
  if (bytes.length < size) throw new FormatError('the file ends within its moov', at);
  const { headLength } = readBoxHead(bytes, 0)!;
  const movie = parseMovie(bytes, { type: 'moov', start: 0, body: headLength, end: size }, { allEntries });
  return { ...movie, moov: { bytes, endsAt: at + size } };
}
