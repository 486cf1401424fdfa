/**
 * Opens a decoder for one stream of a container.
 * In: its codec parameters. Out: FFmpeg's decoder, with one thread. Native code: child processes only.
 */
import { Codec, CodecContext, type CodecParameters } from 'node-av/lib';
import { must } from './native.ts';

/**
 * Opens the decoder; the caller frees it.
 *
 * @param options of the codec, e.g. `{ max_pixels: '1000000' }`
 * @throws Error with the message of FFmpeg if it has no decoder for the codec, or refuses an option
 */
export function openDecoder(parameters: CodecParameters, options: Readonly<Record<string, string>> = {}): CodecContext {
  const codec = Codec.findDecoder(parameters.codecId);
  if (!codec) throw new Error('this FFmpeg has no decoder for the codec');
  const decoder = new CodecContext();
  try {
    decoder.allocContext3(codec);
    must(decoder.parametersToContext(parameters), 'reading codec parameters');
    decoder.threadCount = 1;
    for (const [name, value] of Object.entries(options)) must(decoder.setOption(name, value), `the option ${name}`);
    must(decoder.open2Sync(codec, null), 'opening the decoder');
    return decoder;
  } catch (error) {
    decoder.freeContext();
    throw error;
  }
}
