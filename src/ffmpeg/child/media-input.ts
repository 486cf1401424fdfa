/**
 * Opens bytes as a container, without access to URLs or files, and without formats that refer to other files.
 * In: bytes. Out: FFmpeg's demuxer over them. Native code: child processes only.
 */
import { AVSEEK_CUR, AVSEEK_END, AVSEEK_SIZE } from 'node-av/constants';
import { FormatContext, IOContext } from 'node-av/lib';
import { must } from './native.ts';

const READ_BYTES = 64 * 1024;
/** Containers that contain their media, for `format_whitelist`; playlists, SDP and image sequences are excluded on purpose. */
export const FORMATS = 'mov,mpegts,matroska,flv,mpeg,avi,ogg,wav,aac,mp3,flac,ac3,eac3,h264,hevc,m4v,ivf,obu';

/** A container over bytes. Dispose it. */
export interface MediaInput extends Disposable {
  readonly format: FormatContext;
}

/**
 * @throws Error with the message of FFmpeg if the bytes are not a known container
 */
export function openMediaInput(bytes: Uint8Array): MediaInput {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const io = new IOContext();
  io.allocContextWithCallbacks(
    READ_BYTES,
    0,
    (size) => {
      if (at >= buffer.length) return null;
      const piece = buffer.subarray(at, at + size);
      at += piece.length;
      return piece;
    },
    null,
    (offset, whence) => {
      if (whence === AVSEEK_SIZE) return BigInt(buffer.length);
      const from = whence === AVSEEK_CUR ? at : whence === AVSEEK_END ? buffer.length : 0;
      at = Math.min(buffer.length, Math.max(0, from + Number(offset)));
      return BigInt(at);
    },
  );
  const format = new FormatContext();
  format.allocContext();
  format.pb = io;
  // Set as options of the context: openInput frees a dictionary twice.
  must(format.setOption('format_whitelist', FORMATS), 'limiting formats');
  must(format.setOption('protocol_whitelist', 'none'), 'limiting protocols');
  must(format.openInputSync('', null, null), 'unknown media format');
  return {
    format,
    [Symbol.dispose]() {
      format.closeInputSync();
    },
  };
}
