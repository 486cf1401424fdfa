/**
 * Finds the recorded files of a folder, and when each begins.
 * In: a folder, its layout. Out: files by stream, oldest first; those that cannot be taken, with the reason.
 * Opens no media, except where only the files themselves say when they begin. The folder is never changed.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { openTimeZone, type TimeZone } from '../../api/local-time.ts';
import { readCreationUs } from '../../ingest/file/local-file.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { detectLayout, type Layout, type LayoutName, openLayout, readName } from './layouts.ts';
import { streamNames } from './stream-names.ts';

/** A file of another program. */
export interface FoundFile {
  readonly path: string;
  /** Relative to the folder, parts joined by `/`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** When it begins, by its name; µs since 1970. */
  readonly startUs: number;
}

/** A file that is not taken. */
export interface SkippedFile {
  readonly name: string;
  readonly reason: string;
}

/** The files of one stream. */
export interface FoundStream {
  readonly stream: string;
  /** Oldest first. */
  readonly files: readonly FoundFile[];
}

/** The content of a folder. */
export interface FoundFolder {
  readonly layout: Layout;
  /** Smallest step of the times of the names, µs. */
  readonly stepUs: number;
  readonly streams: readonly FoundStream[];
  readonly skipped: readonly SkippedFile[];
  /** Zone of the names. */
  readonly zone: string;
}

/** A folder before it is read. */
export interface FolderRequest {
  readonly folder: string;
  /** Undefined: by the names of its files. */
  readonly layout: LayoutName | undefined;
  readonly timePattern: string | undefined;
  /** IANA name; undefined: that of the layout, otherwise that of this computer. */
  readonly timeZone: string | undefined;
  /** Name of the stream; the beginning of the names of several. Undefined: the names of the folder. */
  readonly as: string | undefined;
}

/** Of the time in the header of an MP4 file. */
const CREATION_STEP_US = 1_000_000;
const MEDIA = /\.(mp4|m4s|m4v|mov|ts|m2ts|mts)$/i;

/**
 * Finds the files of a folder.
 *
 * @throws OxbowError `not-found` if there is no such folder or no file of media in it, `bad-request`,
 *   `bad-time-zone`, `bad-name`
 */
export async function findFiles(request: FolderRequest, { signal }: { signal: AbortSignal }): Promise<FoundFolder> {
  const { folder, timePattern } = request;
  const names = await listMedia(folder);
  if (names.length === 0) throw new OxbowError('not-found', `There are no MP4 or MPEG-TS files in ${folder}.`);
  const bare = names.map((name) => name.slice(0, -extname(name).length));
  const layoutName = request.layout ?? (timePattern === undefined ? undefined : 'files');
  const layout = layoutName === undefined ? detectLayout(bare) : openLayout(layoutName, timePattern);
  const zone = openTimeZone(request.timeZone ?? layout.zone);
  const skipped: SkippedFile[] = [];
  const byPath = new Map<string, FoundFile[]>();
  for (const [i, name] of names.entries()) {
    signal.throwIfAborted();
    const path = join(folder, name);
    const located = await locate(path, bare[i]!, layout, zone);
    if ('reason' in located) skipped.push({ name, reason: located.reason });
    else {
      const { camera, ...file } = located;
      const files = byPath.get(camera) ?? [];
      files.push({ ...file, path, name });
      byPath.set(camera, files);
    }
  }
  const namesByCamera = streamNames([...byPath.keys()], request.as, basename(folder));
  const streams = [...byPath].map(([camera, files]) => ({
    stream: namesByCamera.get(camera)!,
    files: files.sort((a, b) => a.startUs - b.startUs || (a.name < b.name ? -1 : 1)),
  }));
  const steps = layout.patterns.map((pattern) => pattern.stepUs);
  return {
    layout,
    stepUs: steps.length === 0 ? CREATION_STEP_US : Math.max(...steps),
    streams: streams.sort((a, b) => (a.stream < b.stream ? -1 : 1)),
    skipped,
    zone: zone.name,
  };
}

/** Names of all files of media, relative to the folder. */
async function listMedia(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw new OxbowError('not-found', `The folder ${folder} cannot be read: ${sentenceOf(error)}`, { cause: error });
  });
  const files = entries.filter((entry) => !entry.isDirectory() && MEDIA.test(entry.name));
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')).sort();
}

type Located = Pick<FoundFile, 'size' | 'startUs'> & { readonly camera: string };

async function locate(
  path: string,
  name: string,
  layout: Layout,
  zone: TimeZone,
): Promise<Located | { readonly reason: string }> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats) return { reason: 'it cannot be read' };
  const { size, mtimeMs } = stats;
  if (size === 0) return { reason: 'it is empty' };
  if (layout.patterns.length === 0) {
    const startUs = await readCreationUs(path);
    if (startUs === undefined) return { reason: 'neither its name nor its header says when it begins' };
    return { size, startUs, camera: '' };
  }
  const named = readName(layout, name, zone);
  if (!named) return { reason: `its name is not ${layout.patterns[0]!.text}` };
  const { path: camera, startsUs } = named;
  const first = startsUs[0];
  if (first === undefined) return { reason: `its name is a time that does not exist in ${zone.name}` };
  // Where clocks are set back, the name is that of two instants: a file begins shortly before it was written.
  return { size, startUs: startsUs.findLast((us) => us <= mtimeMs * 1000) ?? first, camera };
}
