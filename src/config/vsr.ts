/**
 * Aliases of settings: flags and variables of video-stream-recorder and OpenTelemetry, so that existing
 * command lines keep working.
 * In: flags and variables. Out: settings. `--tail` is in hours; a port without an address uses `--listen`.
 */
import { availableParallelism } from 'node:os';
import { schema } from './schema.ts';
import type { RawValue } from './yaml-file.ts';

interface Alias {
  readonly flag?: string;
  readonly variables: readonly string[];
  /** Path of the setting; `url` is a stream to pull. */
  readonly path: string;
  readonly takesValue: boolean;
  readonly sentence: string;
  convert(value: string): Converted;
}

/** A converted value, or why there is none. */
type Converted = Pick<RawValue, 'refused' | 'warning'> & { readonly value?: string };

/**
 * VSR's workers download. oxbow's threads serve viewers: more than one less than the cores only use memory.
 */
const mostThreads = Math.max(1, Math.min(availableParallelism() - 1, Number(schema.children.threads.json.maximum)));
const same = (value: string): Converted => ({ value });

function hours(typed: string): Converted {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(typed)) return { value: `${typed}h` };
  return { refused: `"${typed.slice(0, 64)}" is not a number of hours; write 24` };
}

function publicUrl(host: string): Converted {
  const url = /^https?:\/\//.test(host) ? host : `http://${host}`;
  const name = URL.parse(url)?.hostname;
  if (name !== '0.0.0.0' && name !== '[::]') return { value: url };
  return {
    warning: `${host} is not an address that a browser can open; ignored. --listen 0.0.0.0 listens on all addresses`,
  };
}

function threads(typed: string): Converted {
  if (!/^\d{1,6}$/.test(typed)) return { value: typed };
  const count = Math.min(Number(typed), mostThreads);
  if (count === Number(typed)) return { value: typed };
  return { value: String(count), warning: `${typed} was lowered to ${count}: at most one less than there are cores` };
}

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
    convert: hours,
  },
  {
    flag: 'host',
    variables: ['VSR_HOST'],
    path: 'publicUrl',
    takesValue: true,
    sentence: 'Same as --public-url.',
    convert: publicUrl,
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
    convert: () => ({ value: 'debug' }),
  },
  { variables: ['VSR_DATA_DIR'], path: 'data', takesValue: true, sentence: 'Same as --data.', convert: same },
  {
    variables: ['VSR_LOG_LEVEL'],
    path: 'logLevel',
    takesValue: true,
    sentence: 'Same as --log-level.',
    convert: (level) => ({ value: level.toLowerCase() }),
  },
  {
    variables: ['OTEL_EXPORTER_OTLP_ENDPOINT'],
    path: 'telemetry.otlp',
    takesValue: true,
    sentence: 'Same as --telemetry-otlp; the name in OpenTelemetry.',
    convert: same,
  },
  {
    variables: ['VSR_WORKERS'],
    path: 'threads',
    takesValue: true,
    sentence: 'Same as --threads; at most one less than there are cores.',
    convert: threads,
  },
];

/** The settings of these variables. */
export function vsrVariables(env: Readonly<Record<string, string | undefined>>): readonly RawValue[] {
  return vsrAliases.flatMap((alias) =>
    alias.variables.flatMap((variable) => {
      const value = env[variable];
      return value === undefined || value === ''
        ? []
        : [{ path: alias.path, value: undefined, ...alias.convert(value), origin: variable }];
    }),
  );
}

/** Replacements of variables without a counterpart. */
const unused: Readonly<Record<string, string>> = {
  VSR_DB_PATH: 'the database is in the data folder (--data)',
  VSR_MAX_STREAMS: 'the number of streams has no limit',
  VSR_DEBUG: 'write VSR_LOG_LEVEL=debug',
};

/** Warnings about variables without a counterpart. */
export function unusedVsrVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const knownNames = new Set(vsrAliases.flatMap(({ variables }) => variables));
  return Object.keys(env)
    .filter((name) => name.startsWith('VSR_') && !knownNames.has(name))
    .map((name) => `${name} was ignored: ${unused[name] ?? 'oxbow has no such setting'}`);
}
