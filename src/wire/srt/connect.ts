/**
 * Opens an SRT connection as caller.
 * In: an address and the options of the stream. Out: a connection.
 * draft-sharabayko-srt-01 4.3.1.
 */
import type { SrtCallerOptions, SrtConnection } from './srt.ts';

/**
 * Connects to a listener.
 *
 * @throws SrtRejectedError if the peer rejects; Error after `connectMs` without an answer; the signal's reason on abort
 */
export function connectSrt(options: SrtCallerOptions): Promise<SrtConnection> {
  return Promise.reject(new Error(`SRT is not available: ${options.address}`));
}
