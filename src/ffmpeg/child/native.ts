/**
 * Error check of native calls: numbers below 0 are errors.
 * In: return values of FFmpeg. Out: exceptions with the message of FFmpeg. Native code: child processes only.
 */
import { FFmpegError } from 'node-av/lib';

/**
 * Returns the value if it is not an error.
 *
 * @param operation for the message
 * @throws Error with the message of FFmpeg
 */
export function must(result: number, operation: string): number {
  if (result < 0) throw new Error(`${operation}: ${FFmpegError.strerror(result)}`);
  return result;
}
