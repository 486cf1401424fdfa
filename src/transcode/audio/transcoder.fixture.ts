/**
 * A transcoder without a process, whose answers a test gives.
 * In: what is sent to it. Out: AAC frames and marks when the test says so.
 */

import type { Frame } from '@oxbow/media/frame';
import type { AudioTranscoder, AudioTranscoderOutput, OpenTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import type { Mark } from '../../ffmpeg/frame-protocol.ts';

/** One made-up process. */
export interface FakeTranscoder extends AudioTranscoder {
  /** Everything that was sent, in order; tracks by their number. */
  readonly sent: (Frame | Mark | number)[];
  /**
   * Answers everything that was sent and not answered, or this many frames of it: each comes back with the
   * data `aac`.
   */
  answer(frames?: number): void;
  /** The process ends. */
  end(why: string): void;
}

const aac = Uint8Array.of(1, 2, 3);

/**
 * Opens made-up processes; `fails` is the reason for which the next ones cannot be started, `starting` delays
 * them.
 */
export class FakeTranscoders {
  readonly opened: FakeTranscoder[] = [];
  fails: string | undefined;
  starting: Promise<void> | undefined;

  /** The newest process. */
  get last(): FakeTranscoder {
    const last = this.opened.at(-1);
    if (!last) throw new Error('no process was started');
    return last;
  }

  readonly open: OpenTranscoder = async (output) => {
    await this.starting;
    if (this.fails !== undefined) throw new Error(this.fails);
    const made = fake(this.opened.length + 1, output);
    this.opened.push(made);
    return made;
  };
}

function fake(pid: number, output: AudioTranscoderOutput): FakeTranscoder {
  const sent: (Frame | Mark | number)[] = [];
  let answered = 0;
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  return {
    pid,
    sent,
    ended,
    end,
    setTracks: (tracks) => void sent.push(tracks.length),
    send: (frame) => void sent.push(frame),
    mark: (mark) => void sent.push(mark),
    kill: (why) => end(why),
    answer(frames = Number.POSITIVE_INFINITY) {
      for (let left = frames; answered < sent.length; ) {
        const next = sent[answered]!;
        if (typeof next === 'object' && 'data' in next && left-- <= 0) return;
        answered++;
        if (typeof next === 'number') continue;
        if ('data' in next) output.frame({ ...next, data: aac });
        else output.mark(next);
      }
    },
    async [Symbol.asyncDispose]() {
      end('closed');
    },
  };
}
