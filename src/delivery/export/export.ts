/**
 * Writes a range of a recording as one ordinary file: over gaps, restarts and changes of the pictures' configuration. Media follows
 * media; what was closed up is said in the result.
 * In: a recording, a range. Out: bytes in order, in bounded memory, and what became of them.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type FileFormat, FileTracks } from '../../media/file/file-tracks.ts';
import { layOut } from '../../media/file/layout.ts';
import { type Range, segmentsOver } from '../past/past.ts';
import type { ServedStream } from '../served-stream.ts';
import { cutExactly, type Recode } from './export-exact.ts';
import { type ExportedPart, type Section, SectionReader, sectionsOf } from './export-sections.ts';

/** How much of the work looking ahead is. */
const LOOK_SHARE = 0.1;
/** Small pieces go out together, bytes. */
const WRITE_BYTES = 1024 * 1024;
/** A segment behind the end may hold pictures that are shown before it, µs. */
const BEHIND_US = 1_000_000;

/** What an export needs to know of a stream. */
export type Exportable = Pick<ServedStream, 'name' | 'recording' | 'inits' | 'createdUs' | 'horizonUs'>;

/** What is wanted. */
export interface ExportRequest {
  readonly range: Range;
  readonly format: FileFormat;
  /** To the frame: the pictures before the first and behind the last whole group of pictures are encoded anew. */
  readonly exact: boolean;
}

/** What an export works with. */
export interface ExportTools {
  readonly reader: Pick<RangeReader, 'read'>;
  /** Encodes pictures anew, for `exact`. */
  readonly recode: Recode;
  /** Takes the bytes in order; waited for. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Told how far it is, 0 to 1. */
  readonly progress?: (share: number) => void;
  readonly signal: AbortSignal;
}

/** What was written. */
export interface Exported {
  /** Of the file. */
  readonly seconds: number;
  readonly bytes: number;
  /** Stretches of continuous media, in order: one where nothing was missing and nothing changed. */
  readonly parts: readonly ExportedPart[];
  /** Pictures that were encoded anew. */
  readonly recoded: number;
}

/**
 * Bytes that the file will have, roughly.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`
 */
export async function estimateExport(stream: Exportable, { range }: Pick<ExportRequest, 'range'>): Promise<number> {
  const groups = await segmentsOver(stream, range);
  return groups.reduce((sum, group) => group.tracks.reduce((bytes, { length }) => bytes + length, sum), 0);
}

/**
 * Writes the file. Abort stops it between two segments; what was written is no file then.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`, `unsupported-media` with the moment of a change that one file
 *   cannot hold, and what reading and `write` throw
 */
export async function writeExport(stream: Exportable, request: ExportRequest, tools: ExportTools): Promise<Exported> {
  const { range, format, exact } = request;
  const { reader, write, progress = () => undefined, signal } = tools;
  const tracks = new FileTracks(format);
  const asked = exact ? { ...range, toUs: range.toUs + BEHIND_US } : range;
  const whole = sectionsOf(await segmentsOver(stream, asked), tracks);
  const sections = exact ? await cutExactly(whole, { range, tracks, format, ...tools }) : whole;
  const first = sections[0]?.groups[0];
  if (!first) throw new OxbowError('no-media', `nothing of ${stream.name} is recorded between these times`);
  const layout = layOut(format, tracks, { recordedMs: first.startUs / 1000, trim: exact });
  // MPEG-TS repeats the parameter sets anyway.
  const inBand = tracks.changes && format !== 'ts';
  if (layout.looksAhead) {
    const looking = new SectionReader().read(sections, { reader, inBand, signal, withBytes: false });
    for await (const { batch, index } of looking) {
      layout.look(batch);
      progress((LOOK_SHARE * (index + 1)) / sections.length);
    }
  }
  const out = new Out(write);
  await out.add(layout.header());
  const reading = new SectionReader();
  for await (const { batch, index } of reading.read(sections, { reader, inBand, signal, withBytes: true })) {
    for (const bytes of layout.print(batch)) await out.add(bytes);
    progress(LOOK_SHARE + ((1 - LOOK_SHARE) * (index + 1)) / sections.length);
  }
  if (reading.parts.length === 0) {
    throw new OxbowError('no-media', `nothing of ${stream.name} is recorded between these times`);
  }
  await out.flush();
  const parts = reading.parts.map((part, i) => {
    if (!exact) return part;
    return {
      atS: part.atS,
      fromUs: i === 0 ? Math.max(part.fromUs, range.fromUs) : part.fromUs,
      toUs: Math.min(part.toUs, range.toUs),
    };
  });
  const seconds = layout.seconds?.() ?? reading.seconds;
  return { seconds, bytes: out.length, parts, recoded: countRecoded(sections) };
}

function countRecoded(sections: readonly Section[]): number {
  return sections.reduce(
    (sum, { recoded = [] }) => recoded.reduce((count, { samples }) => count + samples.length, sum),
    0,
  );
}

/** Gathers small pieces. */
class Out {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #length = 0;

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#length += bytes.length;
    if (this.#waitingBytes >= WRITE_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (bytes.length > 0) await this.#write(bytes);
  }
}
