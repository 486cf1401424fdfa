/**
 * The settings of a running server: what counts now, where each was set, which changes wait for the next start.
 * In: the settings it was started with, those that were read again. Out: the settings in force, rows about them.
 */
import type { Current } from '../lib/current.ts';
import { describeSettings, type SettingRow } from './describe.ts';
import type { Config } from './schema.ts';

/** What is known of settings beside their values. */
export interface SettingFacts {
  /** Where each is set, by its path; those that are left out stay as they were. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Paths of those that were changed and that only the next start takes over. */
  readonly waiting?: readonly string[];
}

/** Holds them. */
export class EffectiveSettings implements Current<Config> {
  #config: Config;
  #origins: ReadonlyMap<string, string>;
  #waiting: readonly string[] = [];

  /** @param origins where each setting was set, by its path */
  constructor(config: Config, origins: ReadonlyMap<string, string>) {
    this.#config = config;
    this.#origins = origins;
  }

  /** The settings in force; read them at each use. */
  get now(): Config {
    return this.#config;
  }

  /** Paths whose change waits for the next start. */
  get waiting(): readonly string[] {
    return this.#waiting;
  }

  /** From here on other settings count. */
  take(config: Config, { origins = new Map(), waiting = [] }: SettingFacts = {}): void {
    this.#config = config;
    this.#origins = new Map([...this.#origins, ...origins]);
    this.#waiting = waiting;
  }

  /** A row each, without secrets; `waits` marks what the next start takes over. */
  rows(): readonly (SettingRow & { readonly waits: boolean })[] {
    const rows = describeSettings({ config: this.#config, origins: this.#origins });
    return rows.map((row) => ({ ...row, waits: this.#waiting.includes(row.path) }));
  }
}
