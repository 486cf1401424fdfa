/**
 * The settings of a running server: effective values, their origins, and the changes that wait for the next start.
 * In: the settings at the start, reloaded settings. Out: the effective settings, rows for the API.
 */
import type { Current } from '../lib/current.ts';
import { describeSettings, type SettingRow } from './describe.ts';
import type { Config } from './schema.ts';

/** Facts about settings besides their values. */
export interface SettingFacts {
  /** Origin of each changed setting, by path; others keep theirs. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Paths of changed settings that wait for the next start. */
  readonly waiting?: readonly string[];
}

/** The settings of the process. */
export class EffectiveSettings implements Current<Config> {
  #config: Config;
  #origins: ReadonlyMap<string, string>;
  #waiting: readonly string[] = [];

  /** @param origins where each setting was set, by path */
  constructor(config: Config, origins: ReadonlyMap<string, string>) {
    this.#config = config;
    this.#origins = origins;
  }

  /** The effective settings; read them at each use. */
  get now(): Config {
    return this.#config;
  }

  /** Changed paths that wait for the next start. */
  get waiting(): readonly string[] {
    return this.#waiting;
  }

  /** Replaces the effective settings. */
  take(config: Config, { origins = new Map(), waiting = [] }: SettingFacts = {}): void {
    this.#config = config;
    this.#origins = new Map([...this.#origins, ...origins]);
    this.#waiting = waiting;
  }

  /** One row per setting, without secrets; `waits`: a change waits for the next start. */
  rows(): readonly (SettingRow & { readonly waits: boolean })[] {
    const rows = describeSettings({ config: this.#config, origins: this.#origins });
    return rows.map((row) => ({ ...row, waits: this.#waiting.includes(row.path) }));
  }
}
