/**
 * What all native calls have in common: numbers below 0 are errors.
 * In: return values of FFmpeg. Out: exceptions with FFmpeg's words. Native code: child processes only.
 */
import { FFmpegError } from 'node-av/lib';

/**
 * Passes on a return value that is no error.
 *
 * @param what was tried, for the message
 * @throws Error with FFmpeg's sentence
 */
export function must(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: ${FFmpegError.strerror(result)}`);
  return result;
}
