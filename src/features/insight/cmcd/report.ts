/**
 * What a player says about its playback in one report or one request.
 * In: the keys of CMCD. Out: facts with their units; what is out of range is left out. Pure. CTA-5004 3;
 * CTA-5004-B.
 */
import { type CmcdKeys, type CmcdValue, parseCmcdKeys } from './keys.ts';

/**
 * `s` starting, `p` playing, `k` seeking, `r` rebuffering, `a` paused, `w` waiting, `e` ended, `f` failed,
 * `q` quit, `d` preloading.
 */
export type PlayState = 's' | 'p' | 'k' | 'r' | 'a' | 'w' | 'e' | 'f' | 'q' | 'd';

const STATES: ReadonlySet<unknown> = new Set(['s', 'p', 'k', 'r', 'a', 'w', 'e', 'f', 'q', 'd']);
const MAX_SESSION_CHARACTERS = 64;
const MAX_CONTENT_CHARACTERS = 1024;
const MAX_HOST_CHARACTERS = 128;
const DAY_MS = 86_400_000;
const MAX_KBPS = 1_000_000;
/** Ten years of a recording that is watched from its start. */
const MAX_PLAYHEAD_MS = 3653 * DAY_MS;

/** The facts. Undefined: the player does not say. */
export interface CmcdReport {
  /** `sid`, 1 to 64 characters. */
  readonly session: string;
  /** `e`, the type of an event; undefined: request mode, or a report without one. */
  readonly event: string | undefined;
  /** `ts`, by the clock of the player, ms since 1970. */
  readonly tsMs: number | undefined;
  readonly state: PlayState | undefined;
  /** `cid`. */
  readonly content: string | undefined;
  /** `url` of a response. */
  readonly url: string | undefined;
  /** `h`, the host that the player loads from. */
  readonly host: string | undefined;
  /** `st`: false for recorded media. */
  readonly isLive: boolean | undefined;
  /** `br`, of the video, otherwise of all, kbit/s. */
  readonly bitrateKbps: number | undefined;
  /** `ltc`: from the shown moment to now, ms. */
  readonly latencyMs: number | undefined;
  /** `pt`: the shown moment, from the start of the media, ms. */
  readonly playheadMs: number | undefined;
  /** `msd`, ms. */
  readonly startupMs: number | undefined;
  /** `bsa`: stalls since the start. */
  readonly stalls: number | undefined;
  /** `bsda`: ms since the start. */
  readonly stalledMs: number | undefined;
  /** `bs`: the buffer ran empty since the last report. */
  readonly isStarved: boolean;
  /** `pr`; 1 without it. */
  readonly rate: number;
  /** Number of error codes of `ec`; at least 1 of an event `e`. */
  readonly errors: number;
}

/**
 * Reads a report or the data of a request.
 *
 * @returns undefined without a session
 * @throws FormatError for a malformed list
 */
export function parseCmcd(text: string): CmcdReport | undefined {
  const keys = parseCmcdKeys(text);
  const session = textIn(keys, 'sid', MAX_SESSION_CHARACTERS);
  if (session === undefined) return undefined;
  const event = textIn(keys, 'e', 8);
  const state = keys.get('sta')?.[0];
  const type = keys.get('st')?.[0];
  const codes = keys.get('ec')?.length ?? 0;
  return {
    session,
    event,
    tsMs: numberIn(keys, 'ts', 2 ** 48),
    state: STATES.has(state) ? (state as PlayState) : undefined,
    content: textIn(keys, 'cid', MAX_CONTENT_CHARACTERS),
    url: textIn(keys, 'url', MAX_CONTENT_CHARACTERS),
    host: textIn(keys, 'h', MAX_HOST_CHARACTERS),
    isLive: type === undefined ? undefined : type !== 'v',
    bitrateKbps: largestIn(keys, 'br', MAX_KBPS),
    latencyMs: numberIn(keys, 'ltc', MAX_PLAYHEAD_MS),
    playheadMs: numberIn(keys, 'pt', MAX_PLAYHEAD_MS),
    startupMs: numberIn(keys, 'msd', DAY_MS),
    stalls: sumIn(keys, 'bsa', 1_000_000),
    stalledMs: sumIn(keys, 'bsda', DAY_MS),
    isStarved: keys.get('bs')?.[0] === true,
    rate: numberIn(keys, 'pr', 16) ?? 1,
    errors: event === 'e' ? Math.max(1, codes) : codes,
  };
}

function textIn(keys: CmcdKeys, key: string, most: number): string | undefined {
  const value = keys.get(key)?.[0];
  return typeof value === 'string' && value.length >= 1 && value.length <= most ? value : undefined;
}

function isIn(value: CmcdValue | undefined, most: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}

function numberIn(keys: CmcdKeys, key: string, most: number): number | undefined {
  const value = keys.get(key)?.[0];
  return isIn(value, most) ? value : undefined;
}

/** Lists have a value for each type of object: the bitrate of the video is the largest. */
function largestIn(keys: CmcdKeys, key: string, most: number): number | undefined {
  const values = (keys.get(key) ?? []).filter((value) => isIn(value, most));
  return values.length === 0 ? undefined : Math.max(...values);
}

function sumIn(keys: CmcdKeys, key: string, most: number): number | undefined {
  const values = (keys.get(key) ?? []).filter((value) => isIn(value, most));
  return values.length === 0
    ? undefined
    : Math.min(
        most,
        values.reduce((sum, value) => sum + value, 0),
      );
}
