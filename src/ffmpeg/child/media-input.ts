/**
 * Opens bytes as a container, without access to URLs or files, and without formats that refer to other files.
 * In: bytes, in memory or read as they are needed. Out: FFmpeg's demuxer over them. Native code: child
 * processes only.
 */
import { AVSEEK_CUR, AVSEEK_END, AVSEEK_SIZE } from 'node-av/constants';
import { Codec, FormatContext, IOContext } from 'node-av/lib';
import { must } from './native.ts';

/** Bytes that FFmpeg requests at a time. */
const READ_BYTES = 64 * 1024;
/**
 * The same for bytes in memory: FFmpeg's buffer of that size is not freed with its I/O, and a process opens
 * thousands of these.
 */
const READ_MEMORY_BYTES = 4 * 1024;
/** AVERROR(EIO). */
const IO_ERROR = -5;
/**
 * Containers that contain their media, for `format_whitelist`; playlists, SDP and image sequences are
 * excluded on purpose.
 */
const FORMATS = 'mov,mpegts,matroska,flv,mpeg,avi,ogg,wav,aac,mp3,flac,ac3,eac3,h264,hevc,m4v,ivf,obu';

/**
 * Decoders that end the process with some files (FFmpeg's ac4dec.c has assertions): a file is described
 * without them.
 */
const HARMFUL: ReadonlySet<string> = new Set(['ac4']);
let decoders: string | undefined;

/** The decoders that may look into a file to describe it, for `codec_whitelist`. */
function harmlessDecoders(): string {
  decoders ??= Codec.getCodecList()
    .filter((codec) => codec.isDecoder() && !HARMFUL.has(codec.name ?? ''))
    .map(({ name }) => name)
    .join(',');
  return decoders;
}

/** A container over bytes. Dispose it. */
export interface MediaInput extends Disposable {
  readonly format: FormatContext;
}

/** The bytes of a container, at any position. */
export interface MediaBytes {
  readonly length: number;
  /** At least one byte at `at`, at most `count`; undefined at the end, -1 if they cannot be read. */
  read(at: number, count: number): Buffer | undefined | -1;
}

/** Opens bytes in memory; otherwise as `openMedia`. */
export function openMediaInput(bytes: Uint8Array): MediaInput {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = (at: number, count: number) => (at < buffer.length ? buffer.subarray(at, at + count) : undefined);
  return openMedia({ length: buffer.length, read }, {}, READ_MEMORY_BYTES);
}

/**
 * @param options of the demuxer, e.g. `{ probesize: '1000000' }`
 * @param readBytes how many bytes FFmpeg requests at a time, at most
 * @throws Error with the message of FFmpeg if the bytes are not a known container
 */
export function openMedia(
  file: MediaBytes,
  options: Readonly<Record<string, string>> = {},
  readBytes: number = READ_BYTES,
): MediaInput {
  let at = 0;
  const io = new IOContext();
  io.allocContextWithCallbacks(
    readBytes,
    0,
    (size) => {
      const piece = file.read(at, size);
      if (piece === -1) return IO_ERROR;
      if (!piece) return null;
      at += piece.length;
      return piece;
    },
    null,
    (offset, whence) => {
      if (whence === AVSEEK_SIZE) return BigInt(file.length);
      const from = whence === AVSEEK_CUR ? at : whence === AVSEEK_END ? file.length : 0;
      at = Math.min(file.length, Math.max(0, from + Number(offset)));
      return BigInt(at);
    },
  );
  const format = new FormatContext();
  format.allocContext();
  format.pb = io;
  // Set as options of the context: openInput frees a dictionary twice.
  must(format.setOption('format_whitelist', FORMATS), 'limiting formats');
  must(format.setOption('protocol_whitelist', 'none'), 'limiting protocols');
  must(format.setOption('codec_whitelist', harmlessDecoders()), 'limiting decoders');
  for (const [name, value] of Object.entries(options)) must(format.setOption(name, value), `setting ${name}`);
  must(format.openInputSync('', null, null), 'unknown media format');
  return {
    format,
    [Symbol.dispose]() {
      format.closeInputSync();
      // Closing a demuxer leaves custom I/O open, and with it the bytes that its callbacks refer to.
      io.freeContext();
    },
  };
}
