/**
 * The settings of object stores, a part of the table of all settings.
 * In: the types of settings. Out: the section `storage` for schema.ts; the check that names of targets are
 * known.
 */
import { isAbsolute } from 'node:path';
import { FormatError } from '@oxbow/media/errors';
import {
  choice,
  duration,
  flag,
  httpUrl,
  type NamedSections,
  type Option,
  section,
  size,
  text,
  type Values,
} from '../option.ts';

/** Instead of the name of a target: files stay in the data folder. */
export const LOCAL_STORAGE = 'local';

const hidden = (sentence: string): Option<string> => ({
  ...text('', sentence, { placeholder: 'SECRET', maxLength: 2000 }),
  print: (value) => (value === '' ? '' : '***'),
  secret: true,
});

const target = section({
  type: choice(
    ['s3', 'azure', 'gcs', 'folder', 'oxbow'],
    's3',
    'Amazon S3 or a server that speaks its protocol, Azure Blob Storage, Google Cloud Storage (by its S3 interface, with an HMAC key), a folder on another disk or a network mount, or the vault of another oxbow.',
  ),
  endpoint: text('', 'Address of the server (types `s3`, `oxbow`). Default: that of Amazon for the region.', {
    placeholder: 'URL',
    maxLength: 500,
  }),
  region: text('us-east-1', 'Region of the bucket (type `s3`); many servers accept any, Cloudflare R2 needs `auto`.', {
    maxLength: 100,
  }),
  bucket: text('', 'Name of the bucket, or of the container (type `azure`). It must exist.', { maxLength: 255 }),
  path: text(
    '',
    'The folder (type `folder`): an absolute path, on another disk than the data folder. It must exist, below the place where the disk is mounted.',
    { placeholder: 'FOLDER', maxLength: 1000 },
  ),
  prefix: text('oxbow', 'Start of all keys; no other oxbow may use the same one in this bucket.', { maxLength: 200 }),
  accessKeyId: text(
    '',
    'Id of the access key (types `s3`, `gcs`). Default: what the AWS SDK finds, such as the role of the machine.',
    { maxLength: 300 },
  ),
  secretAccessKey: hidden('Secret of the access key.'),
  secretAccessKeyFile: text('', 'File with the secret, in place of `secretAccessKey`.', { placeholder: 'FILE' }),
  connectionString: hidden('Connection string of the storage account (type `azure`).'),
  connectionStringFile: text('', 'File with the connection string, in place of `connectionString`.', {
    placeholder: 'FILE',
  }),
  vaultSecret: hidden('Secret of the vault (type `oxbow`): the `vault.secret` of the other server.'),
  vaultSecretFile: text('', 'File with that secret, in place of `vaultSecret`.', { placeholder: 'FILE' }),
  forcePathStyle: choice(
    ['auto', 'on', 'off'],
    'auto',
    'Whether the bucket is in the path of addresses and not in the host name (type `s3`): `auto` if `endpoint` is set.',
  ),
  checksums: choice(
    ['required', 'supported'],
    'required',
    'Which checksums objects have: `required`: MD5, which all servers compare; `supported`: those of S3, which some compatible servers refuse.',
  ),
  presign: flag(
    false,
    'Whether downloads of exports and originals are redirected to the bucket, with an address that is valid for five minutes.',
  ),
  direct: choice(
    ['off', 'redirect'],
    'off',
    'Whether viewers of the past get segments from the bucket: `redirect` answers each request with an address there that is valid for at most ten minutes. The bucket needs CORS.',
  ),
  directUrl: text(
    '',
    'Address of a CDN in front of the bucket, for the addresses of `direct`. Default: that of the bucket.',
    { placeholder: 'URL', maxLength: 500 },
  ),
});

/** An object store. */
export type TargetConfig = Values<typeof target>;

const targets: NamedSections<TargetConfig> = {
  node: 'named',
  sentence: 'Object stores, by a name of your choice. A name stays: the index of recordings has it.',
  reload: 'restart',
  each: target,
  checkName(name) {
    if (name !== LOCAL_STORAGE && /^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) return;
    const but = name === LOCAL_STORAGE ? ' of a target: it means the data folder' : '';
    throw new FormatError(`"${name.slice(0, 80)}" is not a name${but}; use a-z, 0-9 and "-", at most 32 characters`, 0);
  },
  refine(values) {
    const targetConfig = values as TargetConfig;
    if (targetConfig.type === 'folder') checkFolder(targetConfig);
    else if (targetConfig.type === 'oxbow') checkVault(targetConfig);
    else if (targetConfig.path !== '') throw new FormatError('`path` is for the type `folder`', 0);
    else if (targetConfig.bucket === '') throw new FormatError('it needs a `bucket`', 0);
    if (targetConfig.endpoint !== '') httpUrl(targetConfig.endpoint);
    if (targetConfig.directUrl !== '') checkDirectUrl(targetConfig);
    if (/^\/|\/$|\/\/|\.\.|[^\x21-\x7e]/.test(targetConfig.prefix)) {
      throw new FormatError('`prefix` has no `/` at its start or end, no spaces and no `..`', 0);
    }
    const both = (['secretAccessKey', 'connectionString', 'vaultSecret'] as const).find(
      (key) => targetConfig[key] !== '' && targetConfig[`${key}File`] !== '',
    );
    if (both) throw new FormatError(`it has both \`${both}\` and \`${both}File\``, 0);
    const hasSecret = targetConfig.secretAccessKey !== '' || targetConfig.secretAccessKeyFile !== '';
    if (
      targetConfig.type === 'azure' &&
      targetConfig.connectionString === '' &&
      targetConfig.connectionStringFile === ''
    ) {
      throw new FormatError('`azure` needs a `connectionString`', 0);
    }
    if (targetConfig.type !== 'azure' && (targetConfig.accessKeyId !== '') !== hasSecret) {
      throw new FormatError('`accessKeyId` and `secretAccessKey` belong together', 0);
    }
    return targetConfig;
  },
};

function checkDirectUrl({ direct, directUrl }: TargetConfig): void {
  const { search, hash } = new URL(httpUrl(directUrl));
  if (search !== '' || hash !== '') throw new FormatError('`directUrl` has no `?` and no `#`', 0);
  if (direct === 'off') throw new FormatError('`directUrl` is for `direct: redirect`', 0);
}

function checkVault({ path, endpoint, bucket, vaultSecret, vaultSecretFile, presign, direct }: TargetConfig): void {
  if (endpoint === '') throw new FormatError('`oxbow` needs an `endpoint`: the address of the other server', 0);
  if (vaultSecret === '' && vaultSecretFile === '') throw new FormatError('`oxbow` needs a `vaultSecret`', 0);
  if (path !== '' || bucket !== '') throw new FormatError('`oxbow` has no `path` and no `bucket`', 0);
  if (presign) throw new FormatError('`oxbow` has no addresses to `presign`', 0);
  if (direct !== 'off') throw new FormatError('`oxbow` has no addresses for `direct`', 0);
}

function checkFolder({ path, bucket, presign, direct }: TargetConfig): void {
  if (!isAbsolute(path)) throw new FormatError('`folder` needs a `path`, from the root of the file system', 0);
  if (bucket !== '') throw new FormatError('`folder` has no `bucket`', 0);
  if (presign) throw new FormatError('`folder` has no addresses to `presign`', 0);
  if (direct !== 'off') throw new FormatError('`folder` has no addresses for `direct`', 0);
}

const folder = section({
  path: text(
    '',
    'The folder: an absolute path, on another disk than the data folder. It must exist, below the place where the disk is mounted.',
    { placeholder: 'FOLDER', maxLength: 1000 },
  ),
  streams: text('', 'Streams whose new recordings go there: names with commas between them, or `*` for all others.', {
    placeholder: 'NAME,…',
    maxLength: 10_000,
  }),
});

/** A further folder of recordings. */
export interface FolderConfig {
  /** Absolute. */
  readonly path: string;
  /** Names of streams, or `*`. */
  readonly streams: readonly string[];
}

const folders: NamedSections<FolderConfig> = {
  node: 'named',
  sentence:
    'Further folders of recordings, by a name of your choice. A name stays: the data folder remembers the disk of it.',
  reload: 'restart',
  each: folder,
  checkName(name) {
    if (/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) return;
    throw new FormatError(`"${name.slice(0, 80)}" is not a name; use a-z, 0-9 and "-", at most 32 characters`, 0);
  },
  refine(values) {
    const { path, streams } = values as Values<typeof folder>;
    if (!isAbsolute(path)) throw new FormatError('it needs a `path`, from the root of the file system', 0);
    const names = streams.split(',').map((name) => name.trim());
    return { path, streams: names.filter((name) => name !== '') };
  },
};

/**
 * The name of the folder for the new recordings of a stream; undefined: the data folder.
 *
 * @param name of the stream
 */
export function folderOfStream(folders: Readonly<Record<string, FolderConfig>>, name: string): string | undefined {
  const having = (entry: string) => Object.keys(folders).find((each) => folders[each]!.streams.includes(entry));
  return having(name) ?? having('*');
}

export const storageSection = section({
  targets,
  folders,
  moveToFolders: flag(
    false,
    'Whether recordings that are in another folder than new ones of their stream are moved there, in the background (`storage.folders`).',
    { reload: 'live' },
  ),
  moveRate: size('20M', 'How fast they are moved, bytes a second.', { reload: 'live' }),
  target: text(
    '',
    'Object store that recordings, assets and exports are copied or moved to, by its name in `storage.targets`. Default: none, they stay in the data folder.',
    {
      placeholder: 'NAME',
      maxLength: 32,
      reload: 'live',
    },
  ),
  mode: choice(
    ['copy', 'move', 'mirror'],
    'copy',
    'Whether files stay in the data folder too (`copy`), are deleted there when the bucket has them (`move`), or are copied while they are recorded (`mirror`).',
    { reload: 'live' },
  ),
  mirrorEvery: duration('1s', 'Pause between two objects of a mirror: each has what all streams recorded meanwhile.', {
    min: '200ms',
    max: '60s',
    reload: 'live',
  }),
  mirrorArchive: choice(
    ['files', 'log'],
    'files',
    'What complete files are in a mirror: whole MP4 files, whose media is sent a second time (`files`), or lists of ranges of the small objects, which then stay (`log`).',
    { reload: 'live' },
  ),
  after: duration('0s', 'How old media must be before it is uploaded; a file ends about every minute.', {
    max: '3650d',
    reload: 'live',
  }),
  cache: size('1G', 'Most disk space for parts of objects that were read from buckets.', { reload: 'live' }),
});

/**
 * The invalid names of targets.
 *
 * @param storage.others further settings that name a target
 * @param streams `storage` of each stream
 * @returns path of the setting, and a sentence
 */
export function unknownTargets(
  storage: {
    readonly target?: unknown;
    readonly targets?: unknown;
    readonly others?: readonly (readonly [path: string, name: unknown])[];
  },
  streams: Iterable<readonly [name: string, storage: string | undefined]>,
): readonly { readonly path: string; readonly message: string }[] {
  const names = Object.keys((storage.targets as object | undefined) ?? {});
  const choices = names.length === 0 ? 'there is none' : `there is ${names.join(', ')}`;
  const sentence = (name: string) => `storage.targets has no "${name.slice(0, 80)}"; ${choices}`;
  const problems: { path: string; message: string }[] = [];
  for (const [path, name] of [['storage.target', storage.target] as const, ...(storage.others ?? [])]) {
    if (typeof name !== 'string' || name === '' || names.includes(name)) continue;
    problems.push({ path, message: sentence(name) });
  }
  for (const [name, targetName] of streams) {
    if (targetName === undefined || targetName === LOCAL_STORAGE || names.includes(targetName)) continue;
    problems.push({ path: `streams.${name}`, message: sentence(targetName) });
  }
  return problems;
}
