/**
 * Probes a local media file: container, tracks, duration and rates.
 * In: a path. Out: ProbeView for `oxbow probe FILE`. FFmpeg gets only bytes, never the path: the first 8 MiB,
 * or the index of an MP4 file (moov) that is after them. ISO/IEC 14496-12, 4.2 and 8.2.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { readBoxHead } from '@oxbow/media/isobmff/box';
import type { ProbeView } from '../../api/probe.ts';
import type { TrackView } from '../../api/shapes.ts';
import { type Probe, type ProbedStream, probeBytes } from '../../ffmpeg/engine.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';

/** Bytes of a file that FFmpeg gets. */
const PREFIX_BYTES = 8 * 1024 * 1024;
/** Types of the first box of an MP4 file. */
const FIRST_TYPES: ReadonlySet<string> = new Set('ftyp styp moov mdat free skip wide pnot uuid pdin'.split(' '));
/** Boxes that are searched for the moov. */
const MAX_BOXES = 10_000;
/** About the size for ten hours of video and audio; the limit of FFmpeg's input is 64 MiB. */
const MAX_MOOV_BYTES = 60 * 1024 * 1024;
const MAX_FTYP_BYTES = 4096;

/**
 * Probes a file. Abort rejects at once.
 *
 * @throws OxbowError `unsupported-media` for an unknown container or an MP4 file without an index;
 *   `engine-failed` when FFmpeg fails; errors of the file system
 */
export async function probeFile(path: string, { signal }: { signal: AbortSignal }): Promise<ProbeView> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const prefix = await read(file, 0, Math.min(PREFIX_BYTES, size));
  const index = await findIndex(file, prefix, size, signal);
  try {
    return viewOf(await probeBytes(index ?? prefix, { signal }), index && size);
  } catch (error) {
    if (!(error instanceof OxbowError) || !/unknown media format/i.test(error.message)) throw error;
    const hint = 'Use a media file: MP4, MPEG-TS, Matroska, or another container with video or audio.';
    throw new OxbowError('unsupported-media', sentenceOf(error), { cause: error, extra: { hint } });
  }
}

async function read(file: FileHandle, at: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  const { bytesRead } = await file.read(bytes, 0, count, at);
  return bytes.subarray(0, bytesRead);
}

/**
 * The ftyp and the moov of an MP4 file.
 *
 * @returns undefined for other files, and if the moov is in the prefix
 */
async function findIndex(
  file: FileHandle,
  prefix: Uint8Array,
  size: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  let ftyp: Uint8Array = new Uint8Array(0);
  let at = 0;
  for (let i = 0; i < MAX_BOXES && at < size; i++) {
    signal.throwIfAborted();
    const head = headOf(await read(file, at, 16));
    if (i === 0 && !(head && FIRST_TYPES.has(head.type))) return undefined;
    if (!head) break;
    const end = at + head.size;
    if (head.type === 'ftyp' && head.size <= MAX_FTYP_BYTES) ftyp = await read(file, at, head.size);
    // FFmpeg finds it itself, and the media after it.
    if (head.type === 'moov' && end <= prefix.length) return undefined;
    if (head.type === 'moov' && end <= size) {
      if (head.size > MAX_MOOV_BYTES) throw unreadable(`its index (moov) of ${head.size} bytes is too large`);
      return concatBytes([ftyp, await read(file, at, head.size)]);
    }
    at = end;
  }
  throw unreadable('it has no index (moov): it is truncated or was never closed');
}

/** The header of a box; undefined if there is none. */
function headOf(bytes: Uint8Array): ReturnType<typeof readBoxHead> {
  try {
    return readBoxHead(bytes, 0);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function unreadable(why: string): OxbowError {
  const hint = 'Copy the file again, or repair it with a tool that rebuilds the index.';
  return new OxbowError('unsupported-media', `The MP4 file cannot be read: ${why}.`, { extra: { hint } });
}

/** @param fileBytes size of the file, if FFmpeg got only its index */
function viewOf({ container, durationS, bitRate, streams }: Probe, fileBytes: number | undefined): ProbeView {
  const frameRate = streams.find(({ kind }) => kind === 'video')?.frameRate || null;
  const bitrate = fileBytes !== undefined && durationS > 0 ? (fileBytes * 8) / durationS : bitRate;
  return {
    protocol: 'file',
    container,
    title: '',
    live: false,
    ...(durationS > 0 && { durationS }),
    qualities: [],
    tracks: streams.flatMap(viewOfProbed),
    media: bitrate > 0 ? { bitrate: Math.round(bitrate), frameRate, gopS: null } : null,
  };
}

function viewOfProbed(stream: ProbedStream, index: number): TrackView[] {
  const { kind, codec, codecs, language } = stream;
  if (kind !== 'video' && kind !== 'audio') return [];
  const { width, height, frameRate, sampleRate, channels } = stream;
  return [
    {
      id: index + 1,
      kind,
      codecs: codecs || codec,
      language,
      ...(width !== undefined && { width }),
      ...(height !== undefined && { height }),
      ...(frameRate && { frameRate }),
      ...(sampleRate !== undefined && { sampleRate }),
      ...(channels !== undefined && { channels }),
    },
  ];
}
