/**
 * The settings of a running server: effective values, their origins, and the changes that wait for the next
 * start.
 * In: the settings at the start, reloaded settings, settings of the browser. Out: the
 * effective settings, rows for the API.
 */
import type { Current } from '../../lib/current.ts';
import { describeSettings, type SettingRow } from '../describe.ts';
import { listSettings } from '../names.ts';
import { type Config, schema } from '../schema.ts';
import { isSettable } from './settable.ts';
import { withValues } from './with-values.ts';

/** Facts about settings, without their values. */
export interface SettingFacts {
  /** Origin of each changed setting, by path; others keep theirs. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Paths of changed settings that wait for the next start. */
  readonly waiting?: readonly string[];
}

/** A setting as the API lists it. */
interface EffectiveRow extends SettingRow {
  /** A change waits for the next start. */
  readonly waits: boolean;
  /** It can be set in the browser now: nothing else sets it. */
  readonly settable: boolean;
  /** As written in a file; empty if there is none. */
  readonly defaultValue: string;
  /** All valid values, if they are few. */
  readonly choices: string[];
}

/** The settings of the process. */
export class EffectiveSettings implements Current<Config> {
  /** Without the settings of the browser. */
  #base: Config;
  #config: Config;
  #origins: ReadonlyMap<string, string>;
  #waiting: readonly string[] = [];
  /** Settings of the browser, by path. */
  #stored: ReadonlyMap<string, unknown> = new Map();

  /** @param origins where each setting was set, by path */
  constructor(config: Config, origins: ReadonlyMap<string, string>) {
    this.#base = config;
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

  /** Replaces the effective settings; those of the browser stay. */
  take(config: Config, { origins = new Map(), waiting = [] }: SettingFacts = {}): void {
    this.#base = config;
    this.#origins = new Map([...this.#origins, ...origins]);
    this.#waiting = waiting;
    this.#merge();
  }

  /** Replaces the settings of the browser. @param stored values by path */
  store(stored: ReadonlyMap<string, unknown>): void {
    this.#stored = stored;
    this.#merge();
  }

  /** Where a setting was set, without the browser: `default` if nowhere. */
  givenOrigin(path: string): string {
    return this.#origins.get(path) ?? 'default';
  }

  /** One row per setting, without secrets. */
  rows(): readonly EffectiveRow[] {
    const options = new Map(listSettings(schema).map(({ path, option }) => [path, option]));
    const applied = this.#applied();
    const origins = new Map([...this.#origins, ...[...applied.keys()].map((path) => [path, 'browser'] as const)]);
    return describeSettings({ config: this.#config, origins }).map((row) => ({
      ...row,
      waits: this.#waiting.includes(row.path),
      settable: isSettable(row.path) && this.givenOrigin(row.path) === 'default',
      defaultValue: options.get(row.path)?.defaultText ?? '',
      choices: choicesOf(options.get(row.path)?.json ?? {}),
    }));
  }

  #merge(): void {
    this.#config = withValues(this.#base, this.#applied());
  }

  /** A file, a variable or a flag is stronger than the browser: who starts oxbow decides. */
  #applied(): ReadonlyMap<string, unknown> {
    return new Map([...this.#stored].filter(([path]) => this.givenOrigin(path) === 'default'));
  }
}

/** From the JSON Schema of a setting. */
function choicesOf(json: Readonly<Record<string, unknown>>): string[] {
  if (json.type === 'boolean') return ['true', 'false'];
  return Array.isArray(json.enum) ? json.enum.map(String) : [];
}
