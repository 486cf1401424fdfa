/**
 * Reads the SDP file of a source.
 * In: a path. Out: its media, at least one of which is usable. RFC 8866.
 */
import { readFile, stat } from 'node:fs/promises';
import { parseRtpMedia, type RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { MAX_SDP_LENGTH } from '@oxbow/media/sdp/sdp';
import { messageOf, OxbowError } from '../../lib/errors.ts';

/**
 * Reads the file.
 *
 * @throws OxbowError `source-failed` if it cannot be read, or has no usable media
 * @throws FormatError if it is no SDP
 */
export async function readSdpFile(path: string): Promise<readonly RtpMedia[]> {
  const { media } = parseRtpMedia(await readText(path));
  if (media.some(({ isUsable }) => isUsable)) return media;
  const names = [...new Set(media.flatMap(({ leftOut }) => leftOut.map(({ name }) => name)))].slice(0, 12);
  const why = names.length > 0 ? `: oxbow does not support ${names.join(', ')}` : '';
  throw new OxbowError('source-failed', `sdp://${path} has no usable media${why}.`);
}

async function readText(path: string): Promise<string> {
  try {
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > MAX_SDP_LENGTH) throw new Error('it is no SDP file');
    return await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'there is no such file' : messageOf(error).split(',')[0]!;
    throw new OxbowError('source-failed', `Cannot read sdp://${path}: ${why}.`, { cause: error });
  }
}
