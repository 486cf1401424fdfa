/**
 * Loads the settings: defaults, then files, then variables, then flags; each value has its origin.
 * In: names of YAML files, the environment, flags, URL arguments. Out: one checked `Config`, or an OxbowError
 * with every problem.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FormatError } from '@oxbow/media/errors';
import { NO_TEXTS } from '../api/stream/stream-texts.ts';
import { messageOf, OxbowError, sentenceOf } from '../lib/errors.ts';
import type { Endpoint } from './address.ts';
import { conflictsOf } from './conflicts.ts';
import { defaultVisibility, type Exposure } from './exposure.ts';
import { listSettings, nearest, type Setting } from './names.ts';
import type { Node, Section } from './option.ts';
import { type Config, type StreamConfig, type StreamDraft, type StreamOrigin, schema } from './schema.ts';
import { unknownTargets } from './sections/storage-section.ts';
import { parseNamedUrl } from './source-url.ts';
import { unusedVsrVariables, vsrVariables } from './vsr.ts';
import { type RawValue, readYamlSettings, type SettingProblem } from './yaml-file.ts';

/** Sources of values. */
export interface ConfigSources {
  /** YAML files, later ones win. */
  readonly files?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Flags of the command line, by path of the setting. */
  readonly flags?: readonly RawValue[];
  /** `[NAME=]URL` arguments. */
  readonly urls?: readonly string[];
}

/** Valid settings with the origin of each. */
export interface LoadedConfig {
  readonly config: Config;
  /**
   * By path (`record.keep`, `streams.door`, `streams` if a file has it): `default`, `oxbow.yaml:3`,
   * `OXBOW_KEEP`, `--keep`, `argument`.
   */
  readonly origins: ReadonlyMap<string, string>;
  /** Streams without their default visibility. */
  readonly drafts: ReadonlyMap<string, { readonly draft: StreamDraft; readonly origin: StreamOrigin }>;
  /** Sentences about ignored settings. */
  readonly warnings: readonly string[];
}

const PREFIX = 'OXBOW_';

type Streams = Map<string, { readonly draft: StreamDraft; readonly origin: StreamOrigin }>;

/**
 * Loads and checks all settings.
 *
 * @throws OxbowError `bad-setting`; `extra.problems` lists every problem as `SettingProblem`, the message is
 *   the first
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const settings = listSettings(schema);
  const problems: SettingProblem[] = [];
  const warnings: string[] = [];
  const origins = new Map<string, string>(settings.map((setting) => [setting.path, 'default']));
  const values = new Map<string, unknown>(settings.map((setting) => [setting.path, setting.option.initial]));
  const byPath = new Map(settings.map((setting) => [setting.path, setting]));
  const streams: Streams = new Map();

  const apply = ({ path, value, origin, place = origin }: RawValue) => {
    try {
      values.set(path, byPath.get(path)!.option.parse(value ?? ''));
      origins.set(path, origin);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push({ origin: place, message: origin.startsWith('-') ? error.message : `${path}: ${error.message}` });
    }
  };

  for (const file of sources.files ?? []) {
    const text = await readText(file, file, 'check --config', problems);
    if (text === undefined) continue;
    const contents = readYamlSettings(text, file, schema);
    problems.push(...contents.problems);
    for (const value of contents.values) apply(value);
    for (const { path, origin } of contents.sections) origins.set(path, origin);
    for (const { path, name, value, origin } of contents.named) {
      if (path === 'streams') streams.set(name, { draft: value as StreamDraft, origin: 'configuration' });
      else values.set(path, { ...(values.get(path) as object | undefined), [name]: value });
      origins.set(`${path}.${name}`, origin);
    }
  }

  const urls: RawValue[] = [];
  for (const raw of [
    ...vsrVariables(sources.env ?? {}),
    ...(await readVariables(settings, sources.env ?? {}, problems, warnings)),
    ...(sources.flags ?? []),
  ]) {
    if (raw.warning !== undefined) warnings.push(`${raw.origin}: ${raw.warning}`);
    if (raw.refused !== undefined) problems.push({ origin: raw.origin, message: raw.refused });
    else if (raw.path === 'url') urls.push(raw);
    else if (raw.value !== undefined) apply(raw);
  }
  warnings.push(...unusedVsrVariables(sources.env ?? {}));
  for (const url of sources.urls ?? []) urls.push({ path: 'url', value: url, origin: 'argument' });
  addUrls(urls, streams, origins, problems);

  const storages = Array.from(streams, ([name, { draft }]) => [name, draft.storage] as const);
  const storage = {
    target: values.get('storage.target'),
    targets: values.get('storage.targets'),
    others: ['insight.target'].map((path) => [path, values.get(path)] as const),
  };
  for (const { path, message } of unknownTargets(storage, storages)) {
    problems.push({ origin: origins.get(path) ?? path, message: `${path}: ${message}` });
  }

  const secrets = settings.filter(({ option }) => option.secret).map(({ path }) => path);
  if (problems.length === 0) problems.push(...conflictsOf({ values, origins, streams, secrets }));

  if (problems.length > 0) {
    const sentences = problems.map(({ origin, message }) => ({ origin, message: sentenceOf(message) }));
    const first = sentences[0]!;
    const typed = problems.every(({ origin }) => origin.startsWith('--'));
    const hint = 'Correct the flag; --help shows its values.'; // there is no file to be checked
    const extra = { problems: sentences, ...(typed && { hint }) };
    throw new OxbowError('bad-setting', `${first.origin}: ${sentenceOf(first.message)}`, { extra });
  }
  const config = fill(assemble(schema, '', values) as Omit<Config, 'streams'>, streams);
  return { config, origins, drafts: streams, warnings };
}

async function readText(
  file: string,
  origin: string,
  advice: string,
  problems: SettingProblem[],
): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    problems.push({ origin, message: `the file cannot be read (${messageOf(error)}); ${advice}` });
    return undefined;
  }
}

/** Values of `OXBOW_…`; secrets also from the file that `OXBOW_…_FILE` names. */
async function readVariables(
  settings: readonly Setting[],
  env: Readonly<Record<string, string | undefined>>,
  problems: SettingProblem[],
  warnings: string[],
): Promise<readonly RawValue[]> {
  const values: RawValue[] = [];
  const knownNames = new Set(['OXBOW_CONFIG']);
  for (const { path, variable, option } of settings) {
    knownNames.add(variable);
    const value = env[variable];
    if (value !== undefined && value !== '') values.push({ path, value, origin: variable });
    if (!option.secret) continue;
    const inFile = `${variable}_FILE`;
    knownNames.add(inFile);
    const file = env[inFile];
    if (file === undefined || file === '') continue;
    if (value) problems.push({ origin: inFile, message: `${variable} is set too; set one of them` });
    const content = await readText(file, inFile, 'give it the path of a file that oxbow may read', problems);
    const secret = content?.replace(/\r?\n$/, '');
    // An empty secret would mean "not set", and disable the protection.
    if (secret === '') problems.push({ origin: inFile, message: `${file} is empty; write the secret into it` });
    else if (secret !== undefined) values.push({ path, value: secret, origin: inFile });
  }
  for (const name of Object.keys(env)) {
    // Kubernetes sets OXBOW_PORT_… and OXBOW_SERVICE_… in containers if there is a service named oxbow.
    if (!name.startsWith(PREFIX) || knownNames.has(name) || /^OXBOW_(PORT|SERVICE)(_|$)/.test(name)) continue;
    const meant = nearest(
      name.slice(PREFIX.length),
      [...knownNames].map((each) => each.slice(PREFIX.length)),
    );
    warnings.push(`${name} is not a setting and was ignored${meant ? `; did you mean ${PREFIX}${meant}?` : ''}`);
  }
  return values;
}

function addUrls(
  urls: readonly RawValue[],
  streams: Streams,
  origins: Map<string, string>,
  problems: SettingProblem[],
): void {
  const named = new Set<string>();
  for (const { value, origin } of urls) {
    try {
      // A given name overrides a file; a generated name avoids the names of both.
      const explicit = parseNamedUrl(String(value), named);
      const { name, url } = explicit.isGiven
        ? explicit
        : parseNamedUrl(String(value), new Set([...named, ...streams.keys()]));
      named.add(name);
      const draft: StreamDraft = {
        source: { type: 'pull', url, headers: {} },
        ...NO_TEXTS,
        record: true,
        keep: undefined,
        visibility: 'default',
      };
      streams.set(name, { draft, origin: 'command-line' });
      origins.set(`streams.${name}`, origin);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push({ origin, message: error.message });
    }
  }
}

/** The nested object that the paths describe. */
function assemble(
  table: Section<Readonly<Record<string, Node>>>,
  prefix: string,
  values: ReadonlyMap<string, unknown>,
): unknown {
  const built: Record<string, unknown> = {};
  for (const [key, node] of Object.entries(table.children)) {
    if (node.node === 'section') built[key] = assemble(node, `${prefix}${key}.`, values);
    else if (node.node === 'option') built[key] = values.get(`${prefix}${key}`);
    else built[key] = values.get(`${prefix}${key}`) ?? {}; // `fill` replaces those of streams
  }
  return built;
}

/**
 * Sets values that depend on other settings: addresses of ports, the absolute data folder, the default
 * visibility.
 */
function fill(values: Omit<Config, 'streams'>, streams: Streams): Config {
  const withAddress = (endpoint: Endpoint): Endpoint => ({ ...endpoint, address: endpoint.address || values.listen });
  const orOff = (value: Endpoint | 'off') => (value === 'off' ? value : withAddress(value));
  const config = {
    ...values,
    data: resolve(values.data),
    http: withAddress(values.http),
    rtmp: orOff(values.rtmp),
    rtmps: orOff(values.rtmps),
    srt: orOff(values.srt),
    srtla: orOff(values.srtla),
    rtp: orOff(values.rtp),
    rtsp: orOff(values.rtsp),
    webrtc: orOff(values.webrtc),
  };
  const named: Record<string, StreamConfig> = {};
  for (const [name, { draft, origin }] of streams) named[name] = finishStream(draft, origin, config);
  return { ...config, streams: named };
}

/**
 * A stream with its defaults.
 *
 * @param exposure decides the default visibility at each start
 */
export function finishStream(draft: StreamDraft, origin: StreamOrigin, exposure: Exposure): StreamConfig {
  const { visibility } = draft;
  const isSet = visibility !== 'default';
  return { ...draft, origin, visibility: isSet ? visibility : defaultVisibility(exposure), visibilityIsSet: isSet };
}
