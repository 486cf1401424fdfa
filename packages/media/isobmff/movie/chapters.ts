/**
 * Chapters of MP4 files: the list of Nero (`chpl`), or the samples of a text track that another track refers
 * to (`tref` `chap`).
 * In: a moov. Out: times and titles, or the places of the titles in the file. Pure. ISO/IEC 14496-12 8.3.3
 * (tref); QuickTime File Format, "Chapter Lists"; `chpl` has no standard.
 */
import { ByteReader } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import { type Box, findBox, readBoxes, u32At } from '../box.ts';
import { parseMoov } from '../init.ts';
import { SampleCursor } from './sample-cursor.ts';

export interface FileChapter {
  /** On the clock of the container, µs. */
  readonly startUs: number;
  /** May be empty. */
  readonly title: string;
}

/** A chapter whose title is a sample of the file: its length in two bytes, then the text. */
interface ChapterSample {
  readonly startUs: number;
  readonly offset: number;
  readonly length: number;
}

/** The chapters of a file. */
export interface MovieChapters {
  readonly listed: readonly FileChapter[];
  readonly samples: readonly ChapterSample[];
}

const MAX_CHAPTERS = 1000;
const MAX_TITLE_BYTES = 4096;
/** Units of `chpl`: 100 ns. */
const PER_US = 10;

/** The chapters of a moov; none where they are malformed. */
export function parseMovieChapters(bytes: Uint8Array, moov: Box): MovieChapters {
  return {
    listed: attempt(() => listedIn(bytes, moov)),
    samples: attempt(() => samplesIn(bytes, moov)),
  };
}

function attempt<T>(parse: () => T[]): T[] {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

function listedIn(bytes: Uint8Array, moov: Box): FileChapter[] {
  const udta = findBox(readBoxes(bytes, moov.body, moov.end), 'udta');
  const chpl = udta && findBox(readBoxes(bytes, udta.body, udta.end), 'chpl');
  if (!chpl) return [];
  const reader = new ByteReader(bytes, "'chpl'", chpl.body, chpl.end);
  reader.skip(reader.u8() === 0 ? 3 : 7);
  const chapters: FileChapter[] = [];
  for (let count = reader.u8(); count > 0; count--) {
    const startUs = Math.round(reader.u64() / PER_US);
    const title = new TextDecoder().decode(new Uint8Array(reader.take(reader.u8())));
    chapters.push({ startUs, title });
  }
  return chapters;
}

function samplesIn(bytes: Uint8Array, moov: Box): ChapterSample[] {
  const traks = readBoxes(bytes, moov.body, moov.end).filter(({ type }) => type === 'trak');
  const ids = traks.flatMap((trak) => {
    const tref = findBox(readBoxes(bytes, trak.body, trak.end), 'tref');
    const chap = tref && findBox(readBoxes(bytes, tref.body, tref.end), 'chap');
    return chap && chap.end - chap.body >= 4 ? [u32At(bytes, chap.body)] : [];
  });
  const source = ids.length > 0 ? parseMoov(bytes, moov).find(({ sourceId }) => ids.includes(sourceId)) : undefined;
  if (!source || source.leftOut?.kind === 'video') return [];
  const cursor = new SampleCursor(bytes, source.stbl);
  const samples: ChapterSample[] = [];
  for (let sample = cursor.next(); sample && samples.length < MAX_CHAPTERS; sample = cursor.next()) {
    const { dts, offset, length } = sample;
    if (length > MAX_TITLE_BYTES) continue;
    samples.push({ startUs: Math.round(((dts + source.editShift) * 1e6) / source.timescale), offset, length });
  }
  return samples;
}
