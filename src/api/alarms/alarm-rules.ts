/**
 * The rules of alarms: the table of all, and changes of them as text, for all streams or for one.
 * In: `black for 5s, low-bitrate 500k for 10s clear 600k for 30s, freeze off`. Out: rules, for config,
 * streams and web. Pure.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseDuration } from '../../lib/duration.ts';

/**
 * The unit of a threshold. `state`: a thing that is or is not, without a threshold; `bitrate` and `rate` may
 * also be a percentage of the usual value of the stream.
 */
export type AlarmUnit = 'state' | 'bitrate' | 'rate' | 'seconds' | 'percent' | 'decibel' | 'level' | 'count';

/** A threshold, and how long a value has to be beyond it. */
export interface AlarmBound {
  /** In the unit of the rule; of `state` 1. */
  readonly at: number;
  /** `at` is a percentage of the usual value. */
  readonly isShare: boolean;
  readonly forMs: number;
}

export interface AlarmRule {
  readonly isOn: boolean;
  readonly raise: AlarmBound;
  readonly clear: AlarmBound;
}

interface Row {
  readonly unit: AlarmUnit;
  /** The alarm is raised at and beyond the threshold on this side. */
  readonly side: 'above' | 'below';
  readonly severity: 'critical' | 'warning';
  /** From decoded pictures and sound: its times are those of the media. */
  readonly isContent: boolean;
  /** Its meaning, in a sentence. */
  readonly sentence: string;
  /** The built-in rule, as it is written. */
  readonly initial: string;
}

const critical = { severity: 'critical', isContent: false } as const;
const warning = { severity: 'warning', isContent: false } as const;
const state = { unit: 'state', side: 'above' } as const;

/** The table: code, unit, severity, built-in rule. A code that was ever released keeps its meaning. */
export const alarmTable = {
  'no-media': {
    ...state,
    ...critical,
    initial: 'for 10s clear for 10s',
    sentence: 'The source, or a connected publisher, delivers no media.',
  },
  'no-publisher': {
    ...state,
    ...critical,
    initial: 'off for 30s clear for 10s',
    sentence: 'No publisher is connected. Off: most streams are not published all day.',
  },
  'no-video': {
    ...state,
    ...critical,
    initial: 'for 10s clear for 5s',
    sentence: 'The stream has video, and no picture arrives.',
  },
  'no-audio': {
    ...state,
    ...critical,
    initial: 'for 10s clear for 5s',
    sentence: 'The stream has audio, and no sound arrives.',
  },
  'low-bitrate': {
    unit: 'bitrate',
    side: 'below',
    ...warning,
    initial: 'off 25% for 20s clear 50% for 30s',
    sentence: 'The bitrate is low.',
  },
  'high-bitrate': {
    unit: 'bitrate',
    side: 'above',
    ...warning,
    initial: 'off 300% for 20s clear 200% for 30s',
    sentence: 'The bitrate is high.',
  },
  'low-fps': {
    unit: 'rate',
    side: 'below',
    ...warning,
    initial: '70% for 15s clear 85% for 15s',
    sentence: 'The frame rate has dropped.',
  },
  'long-gop': {
    unit: 'seconds',
    side: 'above',
    ...warning,
    initial: '12s for 0s clear 10s for 30s',
    sentence: 'Key frames are far apart: players start late, and segments are long.',
  },
  loss: {
    unit: 'percent',
    side: 'above',
    ...warning,
    initial: '5 for 10s clear 1 for 30s',
    sentence: 'Packets are lost on the way to this server.',
  },
  damage: {
    unit: 'count',
    side: 'above',
    ...warning,
    initial: '20 for 0s clear 2 for 30s',
    sentence: 'The media has many damaged places in a minute.',
  },
  gaps: {
    unit: 'count',
    side: 'above',
    ...warning,
    initial: '6 for 0s clear 2 for 60s',
    sentence: 'The stream has had many gaps in an hour.',
  },
  black: {
    unit: 'percent',
    side: 'above',
    severity: 'critical',
    isContent: true,
    initial: '98 for 10s clear 95 for 2s',
    sentence: 'The picture is black.',
  },
  freeze: {
    unit: 'level',
    side: 'below',
    severity: 'critical',
    isContent: true,
    initial: '3 for 20s clear 5 for 0s',
    sentence: 'The picture does not change.',
  },
  silence: {
    unit: 'decibel',
    side: 'below',
    severity: 'critical',
    isContent: true,
    initial: '-60 for 30s clear -55 for 0s',
    sentence: 'The sound is silent.',
  },
  clipping: {
    unit: 'percent',
    side: 'above',
    severity: 'warning',
    isContent: true,
    initial: '1 for 30s clear 0.1 for 20s',
    sentence: 'The sound is too loud: samples are cut off.',
  },
  'off-clock': {
    unit: 'seconds',
    side: 'above',
    ...warning,
    initial: '5s for 10s clear 3s for 10s',
    sentence: 'What a publisher sends is filed ahead of the clock, or behind it.',
  },
  'not-recording': {
    ...state,
    ...critical,
    initial: 'for 5s clear for 5s',
    sentence: 'The stream is live and is to be recorded, and recording is paused.',
  },
  'mirror-behind': {
    unit: 'seconds',
    side: 'above',
    ...warning,
    initial: '10s for 5s clear 3s for 5s',
    sentence: 'The second place (`storage.mode: mirror`) lacks the newest part of the recording.',
  },
} as const satisfies Record<string, Row>;

/** The name of a rule. */
export type AlarmCode = keyof typeof alarmTable;

/** All names, in the order of the table. */
export const alarmCodes = Object.keys(alarmTable) as readonly AlarmCode[];

/** Longest text of changes, characters. */
export const MAX_ALARM_RULES = 1000;
/** Longest time of a rule, ms. */
const MAX_FOR_MS = 24 * 3_600_000;

/** The rules of a stream. */
export type AlarmRules = Readonly<Record<AlarmCode, AlarmRule>>;

/**
 * The rules: those of the table with changes, the later ones first in force.
 *
 * @param texts as `checkAlarmRules` returned them
 */
export function alarmRulesOf(...texts: readonly string[]): AlarmRules {
  const rules = { ...builtIn };
  for (const text of texts)
    for (const [code, words] of entriesOf(text)) rules[code] = changed(code, words, rules[code]);
  return rules;
}

/**
 * Checks changes of rules; returns them in their usual form.
 *
 * @throws FormatError with what to write instead
 */
export function checkAlarmRules(text: string): string {
  if (text.length > MAX_ALARM_RULES)
    throw new FormatError(`rules of alarms have at most ${MAX_ALARM_RULES} characters`, 0);
  const entries = entriesOf(text);
  for (const [code, words] of entries) changed(code, words, builtIn[code]);
  return entries.map(([code, words]) => [code, ...words].join(' ')).join(', ');
}

/** Whether a value is at or beyond a bound. */
export function isBeyond(code: AlarmCode, value: number, at: number): boolean {
  return alarmTable[code].side === 'above' ? value >= at : value <= at;
}

function entriesOf(text: string): [code: AlarmCode, words: readonly string[]][] {
  const entries = text.split(',').map((entry) => entry.trim().split(/\s+/));
  return entries
    .filter(([code]) => code !== '')
    .map(([code = '', ...words]) => {
      if (Object.hasOwn(alarmTable, code)) return [code as AlarmCode, words];
      throw new FormatError(`"${code.slice(0, 40)}" is not an alarm; there are ${alarmCodes.join(', ')}`, 0);
    });
}

/** `off` | `on` | [off] [AT] [for DURATION] [clear [AT] [for DURATION]]. */
function changed(code: AlarmCode, words: readonly string[], before: AlarmRule): AlarmRule {
  const bad = (word: string | undefined): never => {
    const example =
      alarmTable[code].unit === 'state' ? `${code} for 30s` : `${code} ${alarmTable[code].initial.replace('off ', '')}`;
    throw new FormatError(
      `"${(word ?? '').slice(0, 40)}" is not understood after ${code}; write "${example}" or "${code} off"`,
      0,
    );
  };
  const tokens = [...words];
  const isOff = tokens[0] === 'off';
  if (isOff || tokens[0] === 'on') tokens.shift();
  const bound = (base: AlarmBound): AlarmBound & { readonly isSet: boolean } => {
    let read = { ...base, isSet: false };
    if (tokens[0] !== undefined && tokens[0] !== 'for' && tokens[0] !== 'clear') {
      const word = tokens.shift()!;
      read = { ...read, ...(parseAt(alarmTable[code].unit, word) ?? bad(word)), isSet: true };
    }
    if (tokens[0] === 'for') {
      tokens.shift();
      const word = tokens.shift() ?? bad('for');
      const forMs = parseDuration(word);
      if (forMs > MAX_FOR_MS) bad(word);
      read = { ...read, forMs };
    }
    return read;
  };
  const { isSet, ...raise } = bound(before.raise);
  // Another threshold moves that of clearing along, unless it is written.
  const start = isSet ? { ...before.clear, isShare: raise.isShare, at: relaxed(code, raise.at) } : before.clear;
  let clear = start;
  if (tokens[0] === 'clear') {
    tokens.shift();
    const { isSet: _, ...read } = bound(start);
    clear = read;
  }
  if (tokens.length > 0) bad(tokens[0]);
  const { side } = alarmTable[code];
  const isOrdered = clear.isShare !== raise.isShare || (side === 'above' ? clear.at <= raise.at : clear.at >= raise.at);
  if (!isOrdered) {
    throw new FormatError(`${code} is cleared at ${clear.at}, which is beyond ${raise.at}, where it is raised`, 0);
  }
  return { isOn: !isOff, raise, clear };
}

/** Where an alarm is cleared if only the threshold of raising is written. */
function relaxed(code: AlarmCode, at: number): number {
  const { unit, side } = alarmTable[code];
  if (unit === 'state') return at;
  if (unit === 'decibel') return side === 'below' ? at + 5 : at - 5;
  return side === 'below' ? at * 1.2 : at * 0.8;
}

function parseAt(unit: AlarmUnit, word: string): { readonly at: number; readonly isShare: boolean } | undefined {
  const share = /^(\d{1,4}(?:\.\d{1,3})?)%$/.exec(word);
  if (share && unit !== 'state') {
    if (unit === 'bitrate' || unit === 'rate') return { at: Number(share[1]), isShare: true };
    return unit === 'percent' ? { at: Number(share[1]), isShare: false } : undefined;
  }
  const plain = (match: RegExpExecArray | null, factor = 1) =>
    match ? { at: Number(match[1]) * factor, isShare: false } : undefined;
  switch (unit) {
    case 'state':
      return undefined;
    case 'bitrate': {
      const match = /^(\d{1,9}(?:\.\d{1,6})?)([kM]?)$/.exec(word);
      return plain(match, match?.[2] === 'M' ? 1_000_000 : match?.[2] === 'k' ? 1000 : 1);
    }
    case 'seconds':
      return /^\d/.test(word) ? { at: parseDuration(word) / 1000, isShare: false } : undefined;
    case 'decibel':
      return plain(/^(-?\d{1,3}(?:\.\d{1,2})?)(?:dB)?$/.exec(word));
    default:
      return plain(/^(\d{1,6}(?:\.\d{1,3})?)$/.exec(word));
  }
}

const NONE: AlarmBound = { at: 1, isShare: false, forMs: 0 };

/** The built-in rules. */
const builtIn: Record<AlarmCode, AlarmRule> = Object.fromEntries(
  alarmCodes.map((code) => {
    const { initial } = alarmTable[code];
    return [code, changed(code, initial.split(' '), { isOn: true, raise: NONE, clear: NONE })];
  }),
) as Record<AlarmCode, AlarmRule>;
