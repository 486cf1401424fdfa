/**
 * The values that the rules of alarms are about, of one stream now.
 * In: a managed stream and its figures. Out: a value for each rule that is measured every second. Pure.
 */
import type { AlarmCode, AlarmRule } from '../../api/alarms/alarm-rules.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { PublishFigures } from '../../streams/measure/figures.ts';
import { offClockUs, type PlacedStream } from '../../streams/stream-reports.ts';
import { Usual } from './usual.ts';

/** Media that comes in bursts is missed after this long, other media after the first, seconds. */
const [MISSED_S, MISSED_BURSTS_S] = [2, 30];
const HOUR_MS = 3_600_000;
/** Figures of a publisher settle this long after it has connected, seconds. */
const SETTLED_S = 15;

/** Values by rule; undefined: not measured now. */
type Readings = Readonly<Partial<Record<AlarmCode, number | undefined>>>;

/** The parts of a managed stream that are read. */
export type ReadStream = Pick<ManagedStream, 'definition'> & {
  readonly status: Pick<ManagedStream['status'], 'state' | 'silence'>;
  readonly stream: PlacedStream;
  readonly measure: Pick<ManagedStream['measure'], 'figures' | 'recovery' | 'content' | 'takeContent'>;
};

/** Reads a stream once a second. */
export class Reader {
  readonly #rate = new Usual();
  readonly #frames = new Usual();
  #sessionS = 0;

  /**
   * The values now.
   *
   * @param nowMs wall clock, ms since 1970
   * @param recording whether it is paused, and how far its second place is behind, seconds
   */
  read(
    stream: ReadStream,
    nowMs: number,
    { noRoom, mirrorBehindS }: { readonly noRoom: boolean; readonly mirrorBehindS?: number | undefined },
  ): Readings {
    const { definition, measure } = stream;
    const { state, silence } = stream.status;
    const { figures } = measure;
    if (!figures || figures.connectedS < this.#sessionS) {
      this.#rate.clear();
      this.#frames.clear();
    }
    this.#sessionS = figures?.connectedS ?? 0;
    const isLive = state === 'live';
    const isExpected = state !== 'stopped' && state !== 'paused';
    const isPushed = definition.source.type === 'push';
    const { entries } = measure.recovery;
    return {
      'no-media': isLive ? 0 : silence === '' ? undefined : 1,
      'no-publisher': isPushed && isExpected ? flag(state === 'unpublished') : undefined,
      'off-clock': isLive ? Math.abs(offClockUs(stream.stream, nowMs)) / 1e6 : undefined,
      'not-recording': isLive && definition.record ? flag(noRoom) : undefined,
      'mirror-behind': mirrorBehindS,
      gaps: entries.filter(({ kind, atMs }) => kind === 'gap' && nowMs - atMs < HOUR_MS).length,
      ...(figures && isLive && this.#ofPublisher(figures)),
    };
  }

  /**
   * A rule with thresholds in the unit of its value; undefined if they are a share of an unknown value.
   */
  inForce(code: AlarmCode, rule: AlarmRule): AlarmRule | undefined {
    const usual = code === 'low-fps' ? this.#frames.value : this.#rate.value;
    const bound = (threshold: AlarmRule['raise']) =>
      threshold.isShare ? { ...threshold, at: (threshold.at * usual!) / 100 } : threshold;
    if (!rule.raise.isShare && !rule.clear.isShare) return rule;
    return usual === undefined ? undefined : { ...rule, raise: bound(rule.raise), clear: bound(rule.clear) };
  }

  #ofPublisher(figures: PublishFigures): Readings {
    const { video, audio, link, isBursty, damaged, connectedS } = figures;
    const missedS = isBursty ? MISSED_BURSTS_S : MISSED_S;
    const isSettled = connectedS >= SETTLED_S;
    const bitrate = (video?.bitrate ?? 0) + (audio?.bitrate ?? 0);
    if (isSettled) {
      this.#rate.add(bitrate);
      if (video) this.#frames.add(video.frameRate);
    }
    return {
      'no-video': video && flag(video.silentS > missedS),
      'no-audio': audio && flag(audio.silentS > missedS),
      'low-bitrate': isSettled ? bitrate : undefined,
      'high-bitrate': isSettled ? bitrate : undefined,
      'low-fps': isSettled ? video?.frameRate : undefined,
      'long-gop': video && Math.max(video.keyFrameIntervalS ?? 0, video.sinceKeyS),
      loss: link.loss === undefined ? undefined : link.loss * 100,
      damage: damaged,
    };
  }
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}
