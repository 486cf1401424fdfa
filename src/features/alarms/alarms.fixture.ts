/**
 * A stream as the alarms see it, for tests.
 * In: what is wrong with it. Out: its state and figures.
 */
import type { StreamState } from '../../api/shapes.ts';
import type { ContentSample } from '../../streams/content/content-sample.ts';
import type { PublishFigures } from '../../streams/measure/figures.ts';
import type { RecoveryEntry } from '../../streams/measure/recovery-log.ts';
import type { WatchedStream } from './alarm-center.ts';

/** A stream of a test; its parts may be changed. */
export interface TestStream extends WatchedStream {
  name: string;
  status: { state: StreamState; silence: string };
  stream: WatchedStream['stream'];
  figures: PublishFigures | undefined;
  /** Samples of its content that are not taken yet. */
  content: readonly ContentSample[];
  entries: readonly RecoveryEntry[];
}

/** A live stream with good figures. */
export function watchedStream(change: Partial<WatchedStream['definition']> = {}): TestStream {
  const stream = {
    name: change.name ?? 'door',
    status: { state: 'live' as StreamState, silence: '' },
    stream: {
      placement: { context: undefined, skewUs: undefined },
      edge: { endUs: 0 },
    } as TestStream['stream'],
    figures: undefined as PublishFigures | undefined,
    content: [] as readonly ContentSample[],
    entries: [] as readonly RecoveryEntry[],
    definition: {
      id: `id-${change.name ?? 'door'}`,
      name: 'door',
      source: { type: 'push', onSecondPublisher: 'refuse' },
      origin: 'api',
      title: '',
      description: '',
      record: true,
      keepMs: undefined,
      visibility: 'public',
      visibilityIsSet: true,
      createdUs: 0,
      stopped: false,
      paused: false,
      ...change,
    } as WatchedStream['definition'],
    get measure() {
      return {
        figures: stream.figures,
        recovery: { entries: stream.entries } as WatchedStream['measure']['recovery'],
        content: { picture: undefined, sound: undefined, absent: '' },
        takeContent() {
          const taken = stream.content;
          stream.content = [];
          return taken;
        },
      };
    },
  };
  return stream;
}

/** Figures of a publisher that is connected for a minute, with changes. */
export function goodFigures(change: {
  readonly connectedS?: number;
  readonly fps?: number;
  readonly bitrate?: number;
  readonly gopS?: number;
  readonly videoSilentS?: number;
  readonly audioSilentS?: number;
  readonly loss?: number;
  readonly damaged?: number;
}): PublishFigures {
  const { connectedS = 60, fps = 25, bitrate = 2_000_000, gopS = 2, loss, damaged = 0 } = change;
  return {
    connectedS,
    isBursty: false,
    damaged,
    link: { loss },
    video: { bitrate, frameRate: fps, keyFrameIntervalS: gopS, sinceKeyS: 0, silentS: change.videoSilentS ?? 0 },
    audio: { bitrate: 0, silentS: change.audioSilentS ?? 0 },
  } as unknown as PublishFigures;
}
