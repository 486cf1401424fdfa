/**
 * Reloads the settings of a running server at SIGHUP and when a file is saved.
 * In: names of files, a function that reads all settings. Out: calls of `reconfigure`; one log line per
 * reload.
 */
import type { RunningApp } from '../app/app.ts';
import { watchFiles } from '../config/file-watch.ts';
import type { LoadedConfig } from '../config/load.ts';
import { planReload } from '../config/running/reload.ts';
import type { Config } from '../config/schema.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { note, sentencesOf } from './terminal.ts';

/** The part of the app that applies settings. */
export type Reconfigured = Pick<RunningApp, 'reconfigure'> & {
  readonly log: Pick<RunningApp['log'], 'info' | 'warn' | 'error'>;
};

/** Reloads of a server; disposing ends them and waits for the running one. */
interface Reloads extends AsyncDisposable {
  /** Reloads the settings, one reload after the other. @param why reason for the log, e.g. `SIGHUP` */
  request(why: string): void;
  /** Starts to handle requests, including earlier ones. */
  begin(app: Reconfigured): void;
  /** Resolves when no reload runs. */
  readonly rest: Promise<void>;
}

/**
 * Watches the files from now on, so that no change during the start of the server is missed.
 *
 * @param config settings at the start of the server
 * @param read reads all settings
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

  const request = (why: string) => {
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
    log.info({ why, taken }, taken.length === 0 ? 'settings reloaded; no change to apply' : 'settings changed');
    if (waiting.length > 0) log.warn({ waiting }, 'settings changed that need a restart');
  };

  const watching = await watchFiles(files, {
    onChange: () => request('saved'),
    failed: (error) => {
      const sentence = `settings files are not watched (${messageOf(error)}); SIGHUP reloads them`;
      if (app) app.log.warn(sentence);
      else note(`oxbow: ${sentence}`);
    },
  });
  return {
    request,
    begin(instance) {
      app = instance;
      if (early !== undefined) request(early);
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

/** Logs the problem in one line. Invalid settings change nothing. */
function fail({ log }: Reconfigured, error: unknown): void {
  const isRefusal = error instanceof OxbowError && error.code === 'bad-setting';
  const problems = isRefusal ? sentencesOf(error) : [messageOf(error)];
  const summary = isRefusal ? 'invalid settings; the current ones stay' : 'settings could not be applied completely';
  log.error({ problems }, `${summary}: ${problems[0] ?? ''}`);
}
