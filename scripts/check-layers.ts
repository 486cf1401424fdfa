/**
 * The layers hold: a folder of src imports only from lower ones, no feature imports another, each library is
 * imported in one place, packages know nothing of src, web knows only src/api, src/client and packages/media,
 * no files import each other in a cycle, and no two folders of packages, src or web/src do.
 * In: the sources, the table of layers. Out: problems, one sentence each.
 */
import { dirname, join, normalize } from 'node:path';
import { featureOf, layerOf, layers } from './layers.ts';
import { isTest, listFiles, listImports, readSource, withoutComments } from './source-files.ts';

/** Where each library may be imported: folders of src, or single files. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  amqplib: ['jobs/transport/rabbit'],
  commander: ['cli'],
  yaml: ['config/yaml-file.ts'],
  typebox: ['api', 'http', 'features', 'recording/stream-identity.ts'],
  '@tus/server': ['http/uploads'],
  fastify: ['http', 'features/rooms/routes'],
  '@fastify/fast-json-stringify-compiler': ['http'],
  '@fastify/static': ['http'],
  '@fastify/swagger': ['http'],
  '@fastify/type-provider-typebox': ['http'],
  hyparquet: ['features/insight/sealed/parquet-file.ts'],
  'hyparquet-writer': ['features/insight/sealed/parquet-file.ts'],
  kysely: ['store'],
  pg: ['store/postgres'],
  'fast-xml-parser': ['features/rooms/providers/multistatus.ts'],
  '@aws-sdk/client-s3': ['archive/objects/s3-client.ts'],
  '@aws-sdk/s3-request-presigner': ['archive/objects/s3-client.ts'],
  '@azure/storage-blob': ['archive/objects/azure-client.ts'],
  'tough-cookie': ['net/cookies.ts'],
  ws: ['http/events/web-socket.ts', 'features/live-workers', 'features/peers', 'features/rooms/sockets'],
  'openid-client': ['accounts/identity'],
  jose: ['accounts'],
  bcryptjs: ['accounts/users'],
  nodemailer: ['accounts/mail'],
  'node:sqlite': ['store'],
  'node-av': ['ffmpeg'],
  pino: ['observe/log.ts'],
  redis: ['cluster/redis'],
  '@nats-io/transport-node': ['cluster/nats'],
  mqtt: ['features/mqtt'],
  'web-push': ['features/push'],
  '@opentelemetry/api': ['observe/traces'],
  '@opentelemetry/exporter-logs-otlp-http': ['observe/traces/otlp-logs.ts'],
  '@opentelemetry/exporter-trace-otlp-http': ['observe/traces/telemetry.ts'],
  '@opentelemetry/resources': ['observe/traces'],
  '@opentelemetry/sdk-logs': ['observe/traces/otlp-logs.ts'],
  '@opentelemetry/sdk-trace-base': ['observe/traces/telemetry.ts'],
  'prom-client': ['observe/metrics.ts'],
};

/** Folders inside a layer that may import only some of the layers below. */
const narrow: Readonly<Record<string, readonly string[]>> = {
  'delivery/format': ['@oxbow/media', 'api', 'lib'],
};

/**
 * Files above `archive` that use the file system: for what the user names, secrets, pages and the disk; never
 * for stored media.
 */
const fileUsers: readonly string[] = [
  'app/store.ts', // may the data folder be written?
  'http/fixture.ts', // tests
  'http/pages/interface.ts', // pages of the interface
  'serve/client/socket-owner.ts', // who connects from this computer
  'serve/tls/tls-certificate.ts',
  'ingest/page/python-guard.ts', // a program for a child
  'ingest/rtp/sdp-file.ts', // the SDP of a source
  'streams/disk.ts', // free space
  'features/imports/found-files.ts', // files of other programs
  'features/imports/ledger.ts', // which of them were imported
  'ingest/file/local-file.ts', // files of other programs
  'streams/offline/recordings.ts', // is there a database?
  'streams/source/probe-file.ts', // `oxbow probe FILE`
  'streams/offline/rebuild.ts', // is there a database?
];

/** The workspaces that know nothing of streams, each with its imports. */
const packages: Readonly<Record<string, readonly string[]>> = { media: [], wire: ['media'] };

/** Folders that run in browsers too, or must stay pure. */
const pure = ['@oxbow/media', 'api'];
const IMPURE = /\b(Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|setImmediate|Buffer\.|process\.)/;

/** Everything that breaks the rules, one sentence each. */
export function checkLayers(): readonly string[] {
  const files = listFiles();
  const problems: string[] = [];
  for (const path of files) {
    if (path.startsWith('src/') && path.endsWith('.ts')) problems.push(...checkSource(path.slice(4), readSource(path)));
    if (path.startsWith('packages/') && path.endsWith('.ts')) problems.push(...checkPackage(path, readSource(path)));
    if (path.startsWith('web/src/') && /\.(ts|js|svelte)$/.test(path))
      problems.push(...checkPage(path, readSource(path)));
  }
  const code = files.filter(
    (path) => /^(packages|src|web\/src|bench|scripts)\/.*\.(ts|svelte)$/.test(path) && !isTest(path),
  );
  const pages = code.filter((path) => path.startsWith('web/src/'));
  return [
    ...problems,
    ...findCycles(code),
    ...findPairs(code.filter((path) => /^(packages|src)\//.test(path))),
    ...findPairs(pages),
    ...findPairs(pages, { folderOf: pageFolderOf }),
  ];
}

/**
 * Violations of one file of src.
 *
 * @param path from src, e.g. `live/sink.ts`
 */
export function checkSource(path: string, text: string): readonly string[] {
  const folder = layerOf(path);
  const level = layers[folder]?.level;
  const problems: string[] = [];
  const complain = (line: number, sentence: string) => problems.push(`src/${path}:${line}: ${sentence}`);
  if (level === undefined) return [`src/${path}: "${folder}" is in no layer; add it to scripts/layers.ts`];
  const directory = dirname(path);
  const few = isTest(path) ? undefined : narrow[directory];
  for (const { specifier, line, isType } of listImports(text)) {
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(path), specifier)).replaceAll('\\', '/');
      if (target.startsWith('..')) {
        // A test may use the shared fixtures.
        if (!(isTest(path) && target.startsWith('../test/'))) complain(line, `imports ${specifier} from outside src`);
        continue;
      }
      const other = layerOf(target);
      const below = layers[other]?.level;
      // Tests of a folder may start the parts above it, with the fixtures that these have.
      const isAboveTest = isTest(path) && below !== undefined && (/[./]fixture\.ts$/.test(target) || isType);
      if (other !== folder && (below === undefined || below >= level) && !isAboveTest)
        complain(line, `${folder} may not import ${other}`);
      const feature = featureOf(target);
      if (feature !== undefined && featureOf(path) !== undefined && featureOf(path) !== feature)
        complain(line, `the feature ${featureOf(path)} may not import the feature ${feature}`);
      if (few && dirname(target) !== directory && !few.includes(other))
        complain(line, `${directory} imports only ${few.join(', ')}, not ${target}`);
    } else {
      const library = libraryOf(specifier);
      if (packageOf(specifier) !== undefined) {
        // They are below every layer.
        if (few && !few.includes(library))
          complain(line, `${directory} imports only ${few.join(', ')}, not ${library}`);
        continue;
      }
      // Users of a database from `store` may import its types.
      if (isTest(path) || (library === 'kysely' && isType && level > layers.store!.level)) continue;
      if (library.startsWith('node:') && pure.includes(folder))
        complain(line, `${folder} is pure and imports no ${library}`);
      if (
        /^node:fs\b/.test(library) &&
        level > layers.archive!.level &&
        level < layers.cli!.level &&
        !fileUsers.includes(path)
      )
        complain(
          line,
          `${folder} stores media through SegmentStore, not ${library}; see fileUsers in scripts/check-layers.ts`,
        );
      const places = libraries[library];
      if (places === undefined && !library.startsWith('node:'))
        complain(line, `${library} has no place yet; add it to scripts/check-layers.ts`);
      if (places && !places.some((place) => path === place || folder === place || path.startsWith(`${place}/`))) {
        complain(line, `${library} is imported in ${places.join(' and ')} only`);
      }
    }
  }
  if (pure.includes(folder)) problems.push(...checkPure(`src/${path}`, text, folder));
  return problems;
}

/**
 * Violations of one file of a package.
 *
 * @param path from the root, e.g. `packages/media/frame.ts`
 */
export function checkPackage(path: string, text: string): readonly string[] {
  const [, name = ''] = path.split('/');
  const others = packages[name];
  const problems: string[] = [];
  if (others === undefined) return [`${path}: "${name}" is no package yet; add it to scripts/check-layers.ts`];
  const isPure = pure.includes(`@oxbow/${name}`);
  for (const { specifier, line } of listImports(text)) {
    const complain = (sentence: string) => problems.push(`${path}:${line}: ${sentence}`);
    const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : undefined;
    const other = packageOf(specifier);
    if (target !== undefined) {
      const isShared = isTest(path) && target.startsWith('test/');
      if (!target.startsWith(`packages/${name}/`) && !isShared)
        complain(`imports ${specifier} from outside its package`);
    } else if (other !== undefined) {
      if (!others.includes(other)) complain(`packages/${name} may not import ${specifier}`);
    } else if (!isTest(path)) {
      const library = libraryOf(specifier);
      if (!library.startsWith('node:') || isPure) complain(`packages/${name} imports no ${library}`);
    }
  }
  return isPure ? [...problems, ...checkPure(path, text, `packages/${name}`)] : problems;
}

/** The first use of a clock or a process in a file, one sentence at most. */
function checkPure(path: string, text: string, owner: string): readonly string[] {
  const impure = isTest(path) ? null : IMPURE.exec(withoutComments(text));
  if (!impure) return [];
  const line = text.slice(0, impure.index).split('\n').length;
  return [`${path}:${line}: ${owner} is pure and has no ${impure[1]}`];
}

/** The package of the tree that a specifier names: `media` of `@oxbow/media/frame`. */
function packageOf(specifier: string): string | undefined {
  const [scope, name = ''] = specifier.split('/');
  return scope === '@oxbow' && name in packages ? name : undefined;
}

/** The library that a specifier names: `@tus/server`, `ws`, `node:fs/promises`. */
function libraryOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Violations of one file of the interface. */
function checkPage(path: string, text: string): readonly string[] {
  return listImports(text).flatMap(({ specifier, line }) => {
    const target = targetOf(path, specifier) ?? 'web/';
    if (/^(?:web|src\/api|src\/client|packages\/media)\//.test(target)) return [];
    return [`${path}:${line}: web may import only src/api, src/client and packages/media, not ${specifier}`];
  });
}

type Read = (path: string) => string;

/** The files that a file imports, from the root. */
function importedBy(path: string, read: Read): readonly string[] {
  return listImports(read(path)).flatMap(({ specifier }) => targetOf(path, specifier) ?? []);
}

/** The file of the tree that an import names, from the root; undefined: it is a library. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier)).replaceAll('\\', '/');
  return packageOf(specifier) === undefined ? undefined : specifier.replace('@oxbow/', 'packages/').concat('.ts');
}

/** The layer of a feature's rows is that of the table which imports them: they are no part of its folder. */
const isAddition = (path: string): boolean => {
  const inSrc = path.replace(/^src\//, '');
  return featureOf(inSrc) !== undefined && layerOf(inSrc) !== 'features';
};

/** The folder of web/src that has a file, at any depth. */
export function pageFolderOf(path: string): string {
  return dirname(path).split('/').slice(0, 3).join('/');
}

/**
 * Folders that import each other, type imports included, unless one is inside the other: a reader could not
 * say which is built on which.
 *
 * @param options.folderOf the folder that a file belongs to: its parent
 */
export function findPairs(
  files: readonly string[],
  { read = readSource, folderOf = dirname }: { read?: Read; folderOf?: (path: string) => string } = {},
): readonly string[] {
  const first = new Map<string, string>();
  for (const path of files) {
    for (const target of importedBy(path, read)) {
      const [from, to] = [folderOf(path), folderOf(target)];
      if (isAddition(path) || isAddition(target)) continue;
      if (from === to || `${from}/`.startsWith(`${to}/`) || `${to}/`.startsWith(`${from}/`)) continue;
      const pair = `${from} ${to}`;
      if (!first.has(pair)) first.set(pair, `${path} imports ${target}`);
    }
  }
  const problems: string[] = [];
  for (const [pair, example] of first) {
    const [from, to] = pair.split(' ');
    const back = first.get(`${to} ${from}`);
    if (back !== undefined && from! < to!) problems.push(`${from} and ${to} import each other: ${example}, ${back}`);
  }
  return problems;
}

/**
 * Files that import each other in a cycle, type imports included: a reader could not say which comes first.
 */
export function findCycles(files: readonly string[], read: Read = readSource): readonly string[] {
  const edges = new Map(files.map((path) => [path, importedBy(path, read)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      cycles.push(`${[...trail.slice(at), path].join(' -> ')}: a cycle of imports`);
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return cycles;
}
