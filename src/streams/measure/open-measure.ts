/**
 * Connects the measurement of a stream with its publishers, the database and the event bus.
 * In: the parts of a managed stream. Out: StreamMeasure; `publish.warning` events of push streams; metrics.
 */
import type { Finding } from '../../api/advice.ts';
import { messageOf } from '../../lib/errors.ts';
import { parseLadder } from '../../lib/live-ladder.ts';
import type { Stream } from '../../live/stream.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import type { StatsTable, StatsWindow } from '../../recording/stats-table.ts';
import { WINDOW_US, windowOf } from '../../recording/window.ts';
import type { ContentCheck } from '../content/content-check.ts';
import type { StreamDefinition } from '../definition.ts';
import type { StoryboardSampler } from '../record/storyboard-sampler.ts';
import type { StreamDeps } from '../stream-deps.ts';
import type { StreamPublishers } from '../stream-publishers.ts';
import { KEPT_WINDOWS } from './history-rows.ts';
import { countSample } from './publish-gauges.ts';
import { StreamMeasure } from './stream-measure.ts';

/** The parts of a managed stream that are measured. */
interface MeasuredParts {
  readonly stream: Stream;
  readonly list: LiveWindow;
  readonly publishers: Pick<StreamPublishers, 'active' | 'conversion' | 'events'>;
  readonly definition: () => StreamDefinition;
  /** Compares the pictures of the stream; undefined where no storyboards are made. */
  readonly storyboard: Pick<StoryboardSampler, 'onChange'> | undefined;
  /** Checks its pictures and sound; undefined where that is not done. */
  readonly content: Pick<ContentCheck, 'onSample' | 'absent'> | undefined;
  /** Windows of the last hour, see `recentWindows`. */
  readonly windows: readonly StatsWindow[];
}

/** The windows of the last hour, which an earlier process wrote. */
export function recentWindows(stats: StatsTable, streamId: string, nowMs: number): Promise<StatsWindow[]> {
  const nowUs = nowMs * 1000;
  return stats.between(streamId, windowOf(nowUs) - (KEPT_WINDOWS - 1) * WINDOW_US, nowUs + WINDOW_US);
}

/** Creates the measurement of a stream. */
export function openMeasure(
  { clock, recordings, events, metrics, log }: Pick<StreamDeps, 'clock' | 'recordings' | 'events' | 'metrics' | 'log'>,
  { stream, list, publishers, definition, storyboard, content, windows }: MeasuredParts,
): StreamMeasure {
  const { id } = definition();
  const failed = (message: string) => (error: unknown) =>
    log.error({ stream: definition().name, error: messageOf(error) }, message);
  const measure = new StreamMeasure({
    clock,
    active: () => publishers.active,
    isFollowed: () => stream.sinks.isFollowed,
    side() {
      const { skewUs, context } = stream.placement;
      return {
        lowLatency: list.generation?.parts !== undefined,
        skewMs: skewUs === undefined ? undefined : skewUs / 1000,
        // The skew is 0 until its second window was measured.
        delayUs: !skewUs || !context ? undefined : context.run.utcOffsetUs + skewUs,
        // Publishers of one container clock have none: what arrives later is not presented later
        // (docs/media.md 4).
        avOffsetMs: undefined,
        conversion: { ...publishers.conversion, hasLadder: parseLadder(definition().ladder ?? '').rungs.length > 0 },
      };
    },
    onSample: (sample) => countSample(metrics, definition().name, sample),
    save: (window) => recordings.stats.write(id, window).catch(failed('the figures of the stream were not saved')),
    onAdvice(code, finding) {
      const current = definition();
      if (current.source.type !== 'push') return;
      events.publish('publish.warning', finding ?? gone(code), current);
    },
    contentAbsent: () => (content ? content.absent : 'this server does not check pictures and sound'),
    staggerTicks: [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0),
  });
  content?.onSample((sample) => measure.addContent(sample));
  storyboard?.onChange((change) => measure.addPictureChange(change));
  stream.events.subscribe((event) => measure.recovery.onStream(event));
  publishers.events.subscribe((event) => measure.recovery.onPublisher(event));
  try {
    measure.restore(windows);
  } catch (error) {
    failed('figures of the last hour cannot be read')(error);
  }
  return measure;
}

function gone(code: Finding['code']): Finding {
  return { code, severity: 'good', value: null, target: null, unit: '', text: 'This is no longer the case.', hint: '' };
}
