/**
 * The alarms of one stream.
 * In: its values once a second, samples of its content. Out: which alarms were raised and cleared, and when.
 */
import {
  type AlarmCode,
  type AlarmRule,
  type AlarmRules,
  alarmCodes,
  alarmTable,
  isBeyond,
} from '../../api/alarms/alarm-rules.ts';
import type { ContentSample } from '../../streams/content/content-sample.ts';
import { type AlarmChange, Hysteresis } from './hysteresis.ts';
import { Reader, type ReadStream } from './readings.ts';

/** Without a sample of the content for this long, nothing is known of it, ms. */
const CONTENT_MS = 75_000;

export interface StreamAlarmChange {
  readonly code: AlarmCode;
  readonly to: AlarmChange['to'];
  /**
   * Since when the value is beyond its bound, or back, ms since 1970; of content in the time of the media.
   */
  readonly sinceMs: number;
  /** undefined: the rule has no threshold, or nothing was measured. */
  readonly worst: number | undefined;
  readonly threshold: number | undefined;
}

/** How an alarm of an earlier process is continued. */
interface OpenAlarm {
  readonly code: AlarmCode;
  readonly worst: number | undefined;
}

/** Times and conditions of a tick. */
interface AlarmTick {
  readonly monotonicMs: number;
  /** ms since 1970. */
  readonly nowMs: number;
  readonly rules: AlarmRules;
  readonly isMuted: boolean;
  /** Recording is paused. */
  readonly noRoom: boolean;
  /** How far the second place of its recording is behind, seconds; undefined: it has none. */
  readonly mirrorBehindS?: number | undefined;
}

export class StreamAlarmSet {
  readonly #states: ReadonlyMap<AlarmCode, Hysteresis>;
  readonly #reader = new Reader();
  /** The rules of the last tick: what is off and not raised is left out while they are the same. */
  #rules: AlarmRules | undefined;
  /** The newest sample of each kind: its time, and when it came, ms. */
  readonly #newest = new Map<ContentSample['kind'], { readonly atMs: number; readonly monotonicMs: number }>();

  /** @param open alarms that an earlier process has raised */
  constructor(open: readonly OpenAlarm[]) {
    this.#states = new Map(
      alarmCodes.map((code) => {
        const alarm = open.find((each) => each.code === code);
        return [code, new Hysteresis(code, alarm && { isRaised: true, worst: alarm.worst })];
      }),
    );
  }

  /** The alarms that are raised. */
  get active(): readonly AlarmCode[] {
    return alarmCodes.filter((code) => this.#states.get(code)!.isRaised);
  }

  /** Reads a stream, once a second. */
  tick(stream: ReadStream, tick: AlarmTick): StreamAlarmChange[] {
    const { monotonicMs, nowMs, rules, isMuted } = tick;
    const isSame = this.#rules === rules;
    this.#rules = rules;
    const codes = isSame
      ? alarmCodes.filter((code) => rules[code].isOn || this.#states.get(code)!.isRaised)
      : alarmCodes;
    if (codes.length === 0) {
      stream.measure.takeContent();
      return [];
    }
    const changes: StreamAlarmChange[] = [];
    const take = (code: AlarmCode, value: number | undefined, atMs: number, toWall: (ms: number) => number) => {
      const rule = this.#reader.inForce(code, rules[code]);
      const reading = rule ? value : undefined;
      const change = this.#take(code, reading, { atMs, rule: rule ?? rules[code], mayRaise: !isMuted }, toWall);
      if (change) changes.push(change);
    };
    const toWallNow = (ms: number) => nowMs - (monotonicMs - ms);
    const readings = this.#reader.read(stream, nowMs, tick);
    for (const code of codes) {
      if (!alarmTable[code].isContent) take(code, readings[code], monotonicMs, toWallNow);
    }
    const same = (ms: number) => ms;
    for (const sample of stream.measure.takeContent()) {
      const atMs = sample.toUs / 1000;
      this.#newest.set(sample.kind, { atMs, monotonicMs });
      for (const [code, value] of valuesOf(sample, rules)) {
        // Two equal pictures: it was frozen from the first one on.
        const isFrozen = code === 'freeze' && value !== undefined && isBeyond(code, value, rules.freeze.raise.at);
        if (isFrozen) take(code, value, sample.fromUs / 1000, same);
        take(code, value, atMs, same);
      }
    }
    for (const code of codes) {
      if (!alarmTable[code].isContent || !this.#states.get(code)!.isRaised) continue;
      const newest = this.#newest.get(code === 'black' || code === 'freeze' ? 'picture' : 'sound');
      const isOld = monotonicMs - (newest?.monotonicMs ?? 0) > CONTENT_MS;
      if (isOld || !rules[code].isOn) {
        take(code, undefined, newest ? newest.atMs + monotonicMs - newest.monotonicMs : nowMs, same);
      }
    }
    return changes;
  }

  #take(
    code: AlarmCode,
    value: number | undefined,
    how: { readonly atMs: number; readonly rule: AlarmRule; readonly mayRaise: boolean },
    toWall: (ms: number) => number,
  ): StreamAlarmChange | undefined {
    const state = this.#states.get(code)!;
    const change = state.take(value, how);
    if (!change) return undefined;
    const hasValue = alarmTable[code].unit !== 'state';
    return {
      code,
      to: change.to,
      sinceMs: toWall(change.sinceMs),
      worst: hasValue ? state.worst : undefined,
      threshold: hasValue ? how.rule.raise.at : undefined,
    };
  }
}

/** A black picture does not move either: while it is black, nothing is said about that. */
function valuesOf(sample: ContentSample, rules: AlarmRules): readonly (readonly [AlarmCode, number | undefined])[] {
  if (sample.kind === 'sound') {
    return [
      ['silence', sample.levelDb],
      ['clipping', sample.clipped],
    ];
  }
  const { dark, change } = sample;
  const isBlack = dark >= rules.black.raise.at;
  return isBlack || change === undefined
    ? [['black', dark]]
    : [
        ['black', dark],
        ['freeze', change],
      ];
}
