/**
 * Settings that change while the server runs: read again at SIGHUP and when a file was saved, and taken over as far as they may be.
 * In: the names of files, a way to read all settings again. Out: calls of `reconfigure`; one line of the log for each reading.
 */
import type { RunningApp } from '../app/app.ts';
import { watchFiles } from '../config/file-watch.ts';
import type { LoadedConfig } from '../config/load.ts';
import { planReload } from '../config/reload.ts';
import type { Config } from '../config/schema.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { note, sentencesOf } from './terminal.ts';

/** What takes changed settings over. */
export type Reconfigured = Pick<RunningApp, 'reconfigure'> & {
  readonly log: Pick<RunningApp['log'], 'info' | 'warn' | 'error'>;
};

/** The reloads of a server; disposing ends them and waits for the one under way. */
export interface Reloads extends AsyncDisposable {
  /** Reads the settings again, one reading after the other. @param why `SIGHUP` or the like, for the log */
  wish(why: string): void;
  /** From here on wishes are heard; those that came before are heard now. */
  begin(app: Reconfigured): void;
  /** Resolves when no reading is under way. */
  readonly rest: Promise<void>;
}

/**
 * Watches the files from now on, so that nothing that is saved while the server starts is missed.
 *
 * @param config the settings that the server starts with
 * @param read reads all settings again
 */
export async function openReloads(
  files: readonly string[],
  config: Config,
  read: () => Promise<LoadedConfig>,
): Promise<Reloads> {
  let running = config;
  let app: Reconfigured | undefined;
  let early: string | undefined;
  let reading: Promise<void> = Promise.resolve();
  let isOver = false;

  const wish = (why: string) => {
    if (isOver) return;
    if (!app) early = why;
    else {
      const taker = app;
      reading = reading.then(() => reload(taker, why)).catch((error: unknown) => fail(taker, error));
    }
  };
  const reload = async ({ reconfigure, log }: Reconfigured, why: string) => {
    if (isOver) return;
    const loaded = await read();
    const { config: next, taken, waiting } = planReload(running, loaded);
    const origins = new Map([...loaded.origins].filter(([path]) => !waiting.includes(path)));
    await reconfigure(next, { origins, waiting });
    running = next;
    log.info(
      { why, taken },
      taken.length === 0 ? 'settings were read again; nothing to take over' : 'settings changed',
    );
    if (waiting.length > 0) log.warn({ waiting }, 'these settings changed but wait for a restart');
  };

  const watching = await watchFiles(files, {
    changed: () => wish('saved'),
    failed: (error) => {
      const sentence = `files of settings are not watched (${messageOf(error)}); SIGHUP has them read again`;
      if (app) app.log.warn(sentence);
      else note(`oxbow: ${sentence}`);
    },
  });
  return {
    wish,
    begin(given) {
      app = given;
      if (early !== undefined) wish(early);
    },
    get rest() {
      return reading;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await watching[Symbol.asyncDispose]();
      await reading;
    },
  };
}

/** One line says what is wrong. Settings that are refused change nothing. */
function fail({ log }: Reconfigured, error: unknown): void {
  const isRefusal = error instanceof OxbowError && error.code === 'bad-setting';
  const problems = isRefusal ? sentencesOf(error) : [messageOf(error)];
  const what = isRefusal ? 'settings were refused, the running ones stay' : 'settings were not taken over as a whole';
  log.error({ problems }, `${what}: ${problems[0] ?? ''}`);
}
