import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { listFiles, root } from '../../scripts/source-files.ts';
import { listSettings } from '../../src/config/names.ts';
import { schema } from '../../src/config/schema.ts';
import { PING_S } from '../../src/features/rooms/sockets/room-sockets.ts';
import { HEARTBEAT_MS } from '../../src/http/events/listeners.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { knownVariables } from '../fixtures/deploy/variables.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';

const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

/** Instructions of the Containerfile with what follows them. */
const instructions = lines(read('deploy', 'Containerfile')).map((line) => {
  const [word, ...rest] = line.split(/\s+/);
  return { word: word!, rest };
});
const only = (word: string): string => {
  const found = instructions.filter((each) => each.word === word);
  assert.equal(found.length, 1, word);
  return found[0]!.rest.join(' ');
};

/** Whether the build of an image sees a path; the last line of .dockerignore that fits decides. */
function reachesImage(path: string): boolean {
  let ignored = false;
  for (const line of lines(read('.dockerignore'))) {
    const pattern = line.replace('!', '');
    if (pattern === '*' || matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`))
      ignored = !line.startsWith('!');
  }
  return !ignored;
}

test('the Containerfile copies only existing files that its ignore file does not exclude', () => {
  const built = new Set(['node_modules', 'dist']); // made in the first stage
  for (const { rest } of instructions.filter(({ word }) => word === 'COPY')) {
    const isLater = rest[0] === '--from=build';
    const sources = rest.slice(isLater ? 1 : 0, -1).map((path) => path.replace('/opt/oxbow/', ''));
    for (const source of sources.filter((path) => path !== '.')) {
      assert.ok(existsSync(join(root, source)) || (isLater && built.has(source)), source);
      assert.ok(built.has(source) || reachesImage(source), `${source} is ignored`);
    }
  }
  const { files } = JSON.parse(read('package.json')) as { files: readonly string[] };
  for (const path of ['tsconfig.json', 'web/index.html', 'src/main.ts', ...files.filter((each) => each !== 'dist')]) {
    assert.ok(reachesImage(path), `${path} is ignored`);
  }
  for (const path of [
    'deploy/compose/secrets/admin-token',
    'test/e2e/serve.test.ts',
    'node_modules/yaml/package.json',
    'web/dist/index.html',
    '.git/HEAD',
  ]) {
    assert.ok(!reachesImage(path), `${path} is not ignored`);
  }
});

test('a container runs what the package runs, without root, with its data on a volume, and ends by SIGTERM', () => {
  assert.equal(only('ENTRYPOINT'), '["/opt/oxbow/bin/oxbow"]');
  assert.equal(only('CMD'), '["serve"]');
  assert.equal(only('USER'), '1000:1000');
  assert.equal(only('STOPSIGNAL'), 'SIGTERM');
  assert.match(only('ENV'), new RegExp(`\\bOXBOW_DATA=${only('VOLUME')}\\b`));
  assert.match(only('HEALTHCHECK'), / CMD \["node", "\/opt\/oxbow\/deploy\/health\.mjs"\]$/);
  const port = listSettings(schema).find(({ path }) => path === 'http')!.option.defaultText;
  assert.equal(only('EXPOSE'), port);
  assert.ok(instructions.filter(({ word }) => word === 'FROM').every(({ rest }) => /^node:26-/.test(rest[0]!)));
});

test('every variable that deploy/ sets is one of a setting or of an option, or one that the launcher reads', () => {
  const known = knownVariables();
  for (const path of listFiles().filter((each) => each.startsWith('deploy/'))) {
    for (const [name] of read(path).matchAll(/\bOXBOW_[A-Z_]+\b/g)) assert.ok(known.has(name), `${name} in ${path}`);
  }
});

test('every YAML file of deploy/ is well-formed', () => {
  const found = listFiles().filter((path) => /^deploy\/.*\.ya?ml$/.test(path));
  assert.ok(found.length >= 2);
  for (const path of found) {
    for (const document of parseAllDocuments(read(path))) assert.deepEqual(document.errors, [], path);
  }
});

test('compose runs it without rights, on a root file system that cannot be written, beside its volume and /tmp', () => {
  const [compose] = parseAllDocuments(read('deploy', 'compose.yaml')).map((document) => document.toJS());
  const { oxbow } = compose.services;
  assert.deepEqual([oxbow.read_only, oxbow.cap_drop, oxbow.tmpfs], [true, ['ALL'], ['/tmp']]);
  assert.deepEqual(oxbow.volumes, ['recordings:/data']);
  assert.ok('recordings' in compose.volumes);
});

test('kernel settings are the same in all files, and Linux has them', () => {
  const expected = Object.fromEntries(lines(read('deploy', '90-oxbow.conf')).map((line) => line.split(/\s*=\s*/)));
  assert.equal(Object.keys(expected).length, 2);
  const doctor = read('src', 'cli', 'doctor', 'machine-checks.ts');
  for (const name of Object.keys(expected)) {
    assert.ok(doctor.includes(name), `doctor looks at ${name}`);
    if (process.platform === 'linux') assert.ok(existsSync(join('/proc/sys', ...name.split('.'))), name);
  }
  const [compose] = parseAllDocuments(read('deploy', 'compose.yaml')).map((document) => document.toJS());
  const { sysctls } = compose.services.oxbow as { sysctls: string[] };
  assert.deepEqual(Object.fromEntries(sysctls.map((each) => each.split('='))), expected);
});

const noSystemd = pathOf('systemd-analyze') === undefined && 'systemd is not installed';

test('systemd accepts the units', { skip: noSystemd }, async () => {
  await using folder = await openFolder('unit');
  const file = join(folder.path, 'oxbow.service');
  // The program is not installed here.
  const unit = read('deploy', 'oxbow.service').replace(
    /^ExecStart=oxbow serve$/m,
    `ExecStart=${process.execPath} serve`,
  );
  assert.ok(unit.includes(process.execPath));
  writeFileSync(file, unit);
  const socket = join(folder.path, 'oxbow.socket');
  writeFileSync(socket, read('deploy', 'oxbow.socket'));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file, socket], {
    encoding: 'utf8',
  });
  // The output includes other units of the machine.
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('oxbow'));
  assert.deepEqual([status, lines], [0, []]);
});

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

test('nginx accepts the file with only the lines marked CHANGE changed: ports, certificate, and the cache where Debian has no folder for it', {
  skip: need('nginx') || need('openssl'),
}, async () => {
  await using folder = await openFolder('nginx');
  const { cert, key } = await makeCertificate(folder.path, 'nginx');
  const cache = '/var/lib/nginx/oxbow';
  const staysAsShipped = isWritable('/var/lib/nginx');
  const wasThere = existsSync(cache);
  const [plain, tls] = [await freePort(), await freePort()];
  const changed = read('deploy', 'nginx', 'oxbow.conf')
    .split('\n')
    .map((line) =>
      line.includes('# CHANGE')
        ? line
            .replace(/^ *listen \[::\].*/, '')
            .replace('listen 80;', `listen 127.0.0.1:${plain};`)
            .replace('listen 443 ', `listen 127.0.0.1:${tls} `)
            .replace('/etc/ssl/oxbow/fullchain.pem', cert)
            .replace('/etc/ssl/oxbow/privkey.pem', key)
            .replace(cache, staysAsShipped ? cache : join(folder.path, 'cache'))
        : line,
    );
  writeFileSync(join(folder.path, 'oxbow.conf'), changed.join('\n'));
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const frame = [
    `pid ${join(folder.path, 'nginx.pid')};`,
    'events {}',
    'http {',
    ...kinds.map((kind) => `${kind}_temp_path ${join(folder.path, kind)};`),
    `include ${join(folder.path, 'oxbow.conf')};`,
    '}',
  ];
  const file = join(folder.path, 'nginx.conf');
  writeFileSync(file, frame.join('\n'));
  try {
    const { status, stderr } = spawnSync(pathOf('nginx')!, ['-t', '-e', 'stderr', '-c', file], { encoding: 'utf8' });
    assert.match(stderr, /test is successful/);
    assert.doesNotMatch(stderr, /\[(?:warn|emerg)\] (?!the "user" directive)/);
    assert.equal(status, 0);
  } finally {
    if (!wasThere) rmSync(cache, { recursive: true, force: true });
  }
});

test('Caddy accepts the file as it is, speaks HTTP/3 with it, and does not ask for another format', {
  skip: need('caddy'),
}, async () => {
  await using folder = await openFolder('caddy');
  const file = join(root, 'deploy', 'caddy', 'Caddyfile');
  const env = { ...process.env, HOME: folder.path, XDG_DATA_HOME: folder.path, XDG_CONFIG_HOME: folder.path };
  const run = (verb: string) =>
    spawnSync(pathOf('caddy')!, [verb, '--config', file, '--adapter', 'caddyfile'], { encoding: 'utf8', env });
  const validated = run('validate');
  assert.deepEqual([validated.status, validated.stderr.includes('"level":"warn"')], [0, false], validated.stderr);
  const adapted = JSON.parse(run('adapt').stdout) as {
    apps: { http: { servers: Record<string, { listen: string[]; protocols: string[] }> } };
  };
  const [server] = Object.values(adapted.apps.http.servers);
  assert.deepEqual([server?.listen, server?.protocols], [[':443'], ['h1', 'h2', 'h3']]);
});

test('the proxies wait longer than oxbow is silent on a connection for events or a room', () => {
  const silentS = Math.max(HEARTBEAT_MS / 1000, PING_S);
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
  const found = [
    ...read('deploy', 'nginx', 'oxbow.conf').matchAll(/^\s*(proxy_read_timeout|proxy_send_timeout) (\d+)([sh]);/gm),
    ...read('deploy', 'haproxy', 'haproxy.cfg').matchAll(/^\s*(timeout (?:client|server|tunnel)) +(\d+)([sh])$/gm),
    ...read('deploy', 'caddy', 'Caddyfile').matchAll(/^\s*(idle|response_header_timeout) (\d+)([sm])$/gm),
  ];
  assert.equal(found.length, 7);
  for (const [, name, count, unit] of found) {
    assert.ok(
      Number(count) * units[unit!]! >= 2 * silentS,
      `${name} is ${count}${unit}: one lost ping may end a connection`,
    );
  }
});
