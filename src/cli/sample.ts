/**
 * The sample stream: a first start with nothing to record shows the test picture under the name `demo`.
 * In: settings, the data folder. Out: settings with or without `demo`. A marker file in the folder makes
 * later starts do the same.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_TEXTS } from '../api/stream/stream-texts.ts';
import { finishStream, type LoadedConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';

/** Name of the marker file in the data folder. */
export const SAMPLE_NOTE_FILE = 'sample-stream.txt';
const NOTE =
  'This folder was empty when oxbow first used it, so oxbow shows a sample stream named "demo".\n' +
  'Delete this file to start without it.\n';

/**
 * Adds `demo` if no stream is configured and the data folder is empty, or was empty at the first start.
 * `streams: {}` in a file prevents it.
 */
export function withSample({ config, origins }: Pick<LoadedConfig, 'config' | 'origins'>): Config {
  const isSet = Object.keys(config.streams).length > 0 || origins.has('streams');
  if (isSet || !wantsSample(config.data)) return config;
  const draft = {
    source: { type: 'test' },
    ...NO_TEXTS,
    record: true,
    keep: undefined,
    visibility: 'default',
  } as const;
  return { ...config, streams: { demo: finishStream(draft, 'sample', config) } };
}

/** Writes the marker file for later starts; call it when the data folder is in use. */
export function rememberSample(config: Config): void {
  const file = join(config.data, SAMPLE_NOTE_FILE);
  if (config.streams.demo?.origin === 'sample' && existsSync(config.data) && !existsSync(file))
    writeFileSync(file, NOTE);
}

function wantsSample(folder: string): boolean {
  if (!existsSync(folder)) return true;
  try {
    const names = readdirSync(folder).filter((name) => name !== 'lost+found');
    return names.length === 0 || names.includes(SAMPLE_NOTE_FILE);
  } catch {
    return false; // An unreadable folder is refused with its reason when the server opens it.
  }
}
