/**
 * The settings that administrators have set in the browser: rows of the database, and a copy in the data
 * folder.
 * In: changes, as text. Out: checked values in the effective settings, on every node of a cluster.
 */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Kysely } from 'kysely';
import type { SettingTexts } from '../api/admin-shapes.ts';
import type { EffectiveSettings } from '../config/running/effective-settings.ts';
import { parseSettable, settableAt } from '../config/running/settable.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Log } from '../observe/log.ts';
import { SETTINGS_FILE } from '../store/file-names.ts';
import { type RowChanges, writeShared } from '../store/row-changes.ts';
import type { Tables } from '../store/schema.ts';
import { readStateFile, writeStateFile } from '../store/state-file.ts';

/** Their options. */
interface StoredSettingsOptions {
  readonly db: Kysely<Tables>;
  /** In a cluster. */
  readonly changes: RowChanges | undefined;
  readonly settings: EffectiveSettings;
  readonly dataFolder: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export class StoredSettings {
  readonly #options: StoredSettingsOptions;
  readonly #file: string;

  private constructor(options: StoredSettingsOptions) {
    this.#options = options;
    this.#file = join(options.dataFolder, SETTINGS_FILE);
  }

  /**
   * Reads and applies them. A database without any takes those of the copy: after its loss a shorter
   * `record.keep` would delete recordings.
   */
  static async open(options: StoredSettingsOptions): Promise<StoredSettings> {
    const stored = new StoredSettings(options);
    options.changes?.follow('setting', () => stored.#read());
    await stored.#adoptCopy();
    (await stored.#read())();
    return stored;
  }

  /**
   * Sets settings. Either all are set, or none.
   *
   * @throws OxbowError `bad-setting` for an invalid text, and for a setting that is not set in the browser
   */
  async change(texts: SettingTexts): Promise<void> {
    for (const [path, text] of Object.entries(texts)) this.#check(path, text);
    const rows = Object.entries(texts).map(([path, value]) => ({ path, value }));
    if (rows.length === 0) return;
    await writeShared(this.#options, ['setting', ''], (db) =>
      db
        .insertInto('setting')
        .values(rows)
        .onConflict((conflict) => conflict.column('path').doUpdateSet(({ ref }) => ({ value: ref('excluded.value') })))
        .execute(),
    );
    (await this.#read())();
    this.#options.log.info({ paths: Object.keys(texts) }, 'settings were set in the browser');
  }

  #check(path: string, text: string | null): void {
    const { settings } = this.#options;
    if (text === null) settableAt(path);
    else parseSettable(path, text);
    const origin = settings.givenOrigin(path);
    if (origin === 'default') return;
    throw new OxbowError('bad-setting', `${path} is set by ${origin}.`, {
      extra: { hint: 'Change it there, or remove it there and set it here.' },
    });
  }

  async #adoptCopy(): Promise<void> {
    const { db, log } = this.#options;
    const copy = readStateFile(this.#file);
    if (typeof copy !== 'object' || copy === null) return;
    if (await db.selectFrom('setting').select('path').limit(1).executeTakeFirst()) return;
    const rows = Object.entries(copy).map(([path, value]) => ({ path, value: String(value) }));
    if (rows.length === 0) return;
    log.warn(
      { paths: rows.map(({ path }) => path) },
      `the database has no settings; those of ${SETTINGS_FILE} were taken`,
    );
    await db.insertInto('setting').values(rows).execute();
  }

  /**
   * Reads the rows. The result applies them and brings the copy up to date. A row of another version of oxbow
   * that is not valid here is not changed.
   */
  async #read(): Promise<() => void> {
    const rows = await this.#options.db.selectFrom('setting').selectAll().orderBy('path').execute();
    return () => this.#apply(rows);
  }

  #apply(rows: readonly { readonly path: string; readonly value: string | null }[]): void {
    const { settings, log } = this.#options;
    const values = new Map<string, unknown>();
    const texts: Record<string, string> = {};
    for (const { path, value } of rows) {
      if (value === null) continue;
      texts[path] = value;
      try {
        values.set(path, parseSettable(path, value));
      } catch (error) {
        log.warn({ path, error }, 'a stored setting is not valid and was ignored');
      }
    }
    settings.store(values);
    // Not at every start: a full disk must not keep oxbow from starting.
    if (!isDeepStrictEqual(readStateFile(this.#file) ?? {}, texts)) writeStateFile(this.#file, texts);
  }
}
