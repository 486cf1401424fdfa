/**
 * How a viewer wants danmaku: stored in the browser.
 * In: the settings popover. Out: the danmaku layer.
 */
import { readStored, store } from '../../../viewer/storage.ts';
import type { DanmakuFilter } from './danmaku-schedule.ts';

/** The settings. */
interface DanmakuValues extends DanmakuFilter {
  readonly isOn: boolean;
  /** 0.1 to 1. */
  readonly opacity: number;
  /** Size of the text relative to the usual one, 0.6 to 2. */
  readonly size: number;
  /** 0.5 to 2. */
  readonly speed: number;
  /** Part of the picture from its top, 0.25 to 1. */
  readonly area: number;
  /** Most at a time. */
  readonly density: number;
}

/** Without a choice. */
export const usualDanmaku: DanmakuValues = {
  isOn: true,
  opacity: 0.9,
  size: 1,
  speed: 1,
  area: 0.5,
  density: 40,
  mutedUsers: [],
  words: [],
};

/** Smallest, largest value and step of each number. */
export const danmakuBounds = {
  opacity: { min: 0.1, max: 1, step: 0.1 },
  size: { min: 0.6, max: 2, step: 0.1 },
  speed: { min: 0.5, max: 2, step: 0.1 },
  area: { min: 0.25, max: 1, step: 0.25 },
  density: { min: 5, max: 80, step: 5 },
} as const;
/** A setting that is a number. */
export type DanmakuNumber = keyof typeof danmakuBounds;

const KEY = 'oxbow.danmaku';
/** Most people or words that are hidden. */
const MAX_HIDDEN = 200;

/** The settings in a stored text; invalid values are as usual. */
export function readDanmaku(text: string): DanmakuValues {
  let kept: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) kept = parsed as Record<string, unknown>;
  } catch {
    // invalid: the defaults
  }
  const numbers = Object.fromEntries(
    (Object.keys(danmakuBounds) as DanmakuNumber[]).map((name) => {
      const { min, max } = danmakuBounds[name];
      const value = kept[name];
      return [name, typeof value === 'number' && value >= min && value <= max ? value : usualDanmaku[name]];
    }),
  ) as Record<DanmakuNumber, number>;
  const texts = (value: unknown): readonly string[] =>
    Array.isArray(value) ? value.filter((item) => typeof item === 'string').slice(0, MAX_HIDDEN) : [];
  return {
    ...numbers,
    isOn: kept.isOn !== false,
    mutedUsers: texts(kept.mutedUsers),
    words: texts(kept.words),
  };
}

class DanmakuSettings {
  #values = $state.raw<DanmakuValues>(readDanmaku(readStored(KEY) ?? '{}'));

  get now(): DanmakuValues {
    return this.#values;
  }

  set(change: Partial<DanmakuValues>): void {
    this.#values = { ...this.#values, ...change };
    store(KEY, JSON.stringify(this.#values));
  }

  /** Hides and shows the danmaku of a person. */
  mute(user: string, on: boolean): void {
    const others = this.#values.mutedUsers.filter((id) => id !== user);
    this.set({ mutedUsers: on ? [...others, user].slice(-MAX_HIDDEN) : others });
  }
}

/** The viewer's settings; reading them in a component follows them. */
export const danmakuSettings = new DanmakuSettings();
