/**
 * Reads the chapters of a Matroska file: those of its first edition that is shown.
 * In: ranges of the file. Out: times and titles, or nothing. RFC 9559 5.1.7, 6.3; RFC 8794 4 and 5.
 */
import type { FileChapter } from '../isobmff/movie/chapters.ts';

/** Element IDs with their length descriptors. */
const ID = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  seek: 0x4dbb,
  seekId: 0x53ab,
  seekPosition: 0x53ac,
  cluster: 0x1f43b675,
  chapters: 0x1043a770,
  edition: 0x45b9,
  editionHidden: 0x45bd,
  atom: 0xb6,
  start: 0x91,
  hidden: 0x98,
  display: 0x80,
  string: 0x85,
} as const;
const HEAD_BYTES = 12;
const MAX_ELEMENTS = 64;
const MAX_CHAPTERS_BYTES = 1024 * 1024;
const MAX_SEEK_HEAD_BYTES = 64 * 1024;

/** A file that can be read in ranges; fewer bytes come at its end. */
type ReadRange = (at: number, count: number) => Promise<Uint8Array>;

interface Element {
  readonly id: number;
  /** First byte after the head; after the element. Infinite where its size is unknown. */
  readonly body: number;
  readonly end: number;
}

/**
 * Reads the chapters. A malformed element ends the list.
 *
 * @returns empty where there are none
 */
export async function readMatroskaChapters(read: ReadRange): Promise<FileChapter[]> {
  const head = await headAt(read, 0);
  const segment = head?.id === ID.ebml ? await headAt(read, head.end) : undefined;
  if (segment?.id !== ID.segment) return [];
  let at = segment.body;
  let sought: number | undefined;
  for (let i = 0; i < MAX_ELEMENTS && at < segment.end; i++) {
    const element = await headAt(read, at);
    if (!element || element.id === ID.cluster) break;
    if (element.id === ID.chapters) return chaptersAt(read, element);
    if (element.id === ID.seekHead && element.end - element.body <= MAX_SEEK_HEAD_BYTES) {
      const position = positionOfChapters(await read(element.body, element.end - element.body));
      sought = position === undefined ? sought : segment.body + position;
    }
    at = element.end;
  }
  const element = sought === undefined ? undefined : await headAt(read, sought);
  return element?.id === ID.chapters ? chaptersAt(read, element) : [];
}

async function headAt(read: ReadRange, at: number): Promise<Element | undefined> {
  if (!Number.isSafeInteger(at)) return undefined;
  const element = elementIn(await read(at, HEAD_BYTES), 0);
  return element && { id: element.id, body: at + element.body, end: at + element.end };
}

/** The element that begins at `at`; it may reach beyond the bytes. */
function elementIn(bytes: Uint8Array, at: number): Element | undefined {
  const first = bytes[at];
  if (first === undefined || first < 0x10) return undefined;
  const idLength = Math.clz32(first) - 23;
  const sizeAt = at + idLength;
  const sizeFirst = bytes[sizeAt];
  if (sizeFirst === undefined || sizeFirst === 0) return undefined;
  const sizeLength = Math.clz32(sizeFirst) - 23;
  const body = sizeAt + sizeLength;
  if (body > bytes.length) return undefined;
  let size = sizeFirst & (0xff >> sizeLength);
  let isUnknown = size === 0xff >> sizeLength;
  for (let i = 1; i < sizeLength; i++) {
    size = size * 256 + bytes[sizeAt + i]!;
    isUnknown &&= bytes[sizeAt + i] === 0xff;
  }
  const end = isUnknown ? Number.POSITIVE_INFINITY : body + size;
  return { id: uintIn(bytes, at, sizeAt), body, end };
}

function uintIn(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 256 + bytes[i]!;
  return value;
}

/** The children in a range; those that reach beyond it are left out. */
function* childrenOf(bytes: Uint8Array, from: number, to: number): Generator<Element> {
  for (let at = from; at < to; ) {
    const element = elementIn(bytes, at);
    if (!element || element.end > to) return;
    yield element;
    at = element.end;
  }
}

function positionOfChapters(bytes: Uint8Array): number | undefined {
  for (const seek of childrenOf(bytes, 0, bytes.length)) {
    if (seek.id !== ID.seek) continue;
    const children = [...childrenOf(bytes, seek.body, seek.end)];
    const id = children.find((child) => child.id === ID.seekId);
    const position = children.find((child) => child.id === ID.seekPosition);
    if (id && position && uintIn(bytes, id.body, id.end) === ID.chapters) {
      return uintIn(bytes, position.body, position.end);
    }
  }
  return undefined;
}

async function chaptersAt(read: ReadRange, { body, end }: Element): Promise<FileChapter[]> {
  if (end - body > MAX_CHAPTERS_BYTES) return [];
  const bytes = await read(body, end - body);
  for (const edition of childrenOf(bytes, 0, bytes.length)) {
    if (edition.id !== ID.edition) continue;
    const children = [...childrenOf(bytes, edition.body, edition.end)];
    const isHidden = children.some(
      (child) => child.id === ID.editionHidden && uintIn(bytes, child.body, child.end) === 1,
    );
    if (!isHidden) return children.filter(({ id }) => id === ID.atom).flatMap((atom) => chapterOf(bytes, atom));
  }
  return [];
}

/** A chapter; parts of it are left out. */
function chapterOf(bytes: Uint8Array, atom: Element): FileChapter[] {
  const children = [...childrenOf(bytes, atom.body, atom.end)];
  const start = children.find(({ id }) => id === ID.start);
  const isHidden = children.some((child) => child.id === ID.hidden && uintIn(bytes, child.body, child.end) === 1);
  if (!start || isHidden || start.end - start.body > 8) return [];
  const display = children.find(({ id }) => id === ID.display);
  const string = display && [...childrenOf(bytes, display.body, display.end)].find(({ id }) => id === ID.string);
  const title = string ? new TextDecoder().decode(new Uint8Array(bytes.subarray(string.body, string.end))) : '';
  return [{ startUs: Math.round(uintIn(bytes, start.body, start.end) / 1000), title }];
}
