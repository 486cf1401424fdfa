/**
 * The names by which video-stream-recorder and OpenTelemetry know settings, so that command lines and units go on working.
 * In: its flags and variables. Out: our settings. `--tail` counts hours; a port without an address listens where `--listen` says.
 */
import { availableParallelism } from 'node:os';
import { schema } from './schema.ts';
import type { RawValue } from './yaml-file.ts';

interface Alias {
  readonly flag?: string;
  readonly variables: readonly string[];
  /** Path of our setting; `url` is a stream to pull. */
  readonly path: string;
  readonly takesValue: boolean;
  readonly sentence: string;
  convert(value: string): string;
}

/** Its workers download; ours serve, and more of them than there are cores but one only take memory. */
const mostThreads = Math.max(1, Math.min(availableParallelism() - 1, Number(schema.children.threads.json.maximum)));
const same = (value: string) => value;
const withScheme = (value: string) => (/^https?:\/\//.test(value) ? value : `http://${value}`);

/** Every alias; a row without a flag is a variable only. */
export const vsrAliases: readonly Alias[] = [
  {
    flag: 'url',
    variables: ['VSR_URL'],
    path: 'url',
    takesValue: true,
    sentence: 'Same as a URL argument.',
    convert: same,
  },
  {
    flag: 'tail',
    variables: ['VSR_TAIL'],
    path: 'record.keep',
    takesValue: true,
    sentence: 'Same as --keep, in hours.',
    convert: (hours) => `${hours}h`,
  },
  {
    flag: 'host',
    variables: ['VSR_HOST'],
    path: 'publicUrl',
    takesValue: true,
    sentence: 'Same as --public-url.',
    convert: withScheme,
  },
  {
    flag: 'bind-to',
    variables: ['VSR_BIND', 'VSR_BIND_TO'],
    path: 'http',
    takesValue: true,
    sentence: 'Same as --http.',
    convert: same,
  },
  {
    flag: 'debug',
    variables: [],
    path: 'logLevel',
    takesValue: false,
    sentence: 'Same as --log-level debug.',
    convert: () => 'debug',
  },
  { variables: ['VSR_DATA_DIR'], path: 'data', takesValue: true, sentence: 'Same as --data.', convert: same },
  {
    variables: ['VSR_LOG_LEVEL'],
    path: 'logLevel',
    takesValue: true,
    sentence: 'Same as --log-level.',
    convert: (level) => level.toLowerCase(),
  },
  {
    variables: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    path: 'telemetry.otlp',
    takesValue: true,
    sentence: 'Same as --telemetry-otlp; the name that OpenTelemetry gave it.',
    convert: same,
  },
  {
    variables: ['VSR_WORKERS'],
    path: 'threads',
    takesValue: true,
    sentence: 'Same as --threads; at most one less than there are cores.',
    convert: (count) => (/^\d+$/.test(count) ? String(Math.min(Number(count), mostThreads)) : count),
  },
];

/** What the environment says in these names, as our settings. */
export function vsrVariables(env: Readonly<Record<string, string | undefined>>): readonly RawValue[] {
  return vsrAliases.flatMap((alias) =>
    alias.variables.flatMap((variable) => {
      const value = env[variable];
      return value === undefined || value === ''
        ? []
        : [{ path: alias.path, value: alias.convert(value), origin: variable }];
    }),
  );
}
