import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { root } from '../../scripts/source-files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { healthRoutes } from '../../src/http/routes/health.ts';
import { parseDuration } from '../../src/lib/duration.ts';
import { jobMetrics } from '../../src/observe/job-metrics.ts';
import { workerHandlers } from '../../src/transcode/handlers.ts';
import { checkObjects } from '../fixtures/deploy/kubernetes-schema.ts';
import { buildKustomization, type KubeObject, readObjects } from '../fixtures/deploy/kustomize.ts';
import { knownVariables } from '../fixtures/deploy/variables.ts';
import { openFolder } from '../fixtures/server.ts';

const folder = join(root, 'deploy', 'kubernetes');
const overlays = ['one-node', 'all-roles', 'edges'].map((name) => {
  const path = join(folder, 'overlays', name);
  const objects = buildKustomization(path);
  const secrets = readObjects(join(path, 'secret.example.yaml'));
  const find = (kind: string, wanted: string): KubeObject => {
    const found = [...objects, ...secrets].find((each) => each.kind === kind && each.metadata.name === wanted);
    assert.ok(found, `there is no ${kind} ${wanted}`);
    return found;
  };
  return { name, objects, secrets, find };
});
const podsOf = (objects: readonly KubeObject[]) => objects.filter(({ spec }) => spec?.template !== undefined);
const nodesOf = (objects: readonly KubeObject[]) => objects.filter(({ kind }) => kind === 'StatefulSet');
const has = (labels: Record<string, string>, selector: Record<string, string>) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

for (const { name, objects, secrets, find } of overlays) {
  suite(`deploy/kubernetes/overlays/${name}`, () => {
    test('is what the schemas of Kubernetes, KEDA and the Gateway API allow', async () => {
      assert.deepEqual(await checkObjects([...objects, ...secrets]), []);
    });

    test('names each object once, and everything that an object refers to exists', () => {
      const ids = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      assert.equal(new Set(ids).size, ids.length, ids.join(', '));
      for (const { kind, spec, metadata } of podsOf(objects)) {
        const { containers, volumes } = spec.template.spec;
        assert.ok(
          has(spec.template.metadata.labels, spec.selector.matchLabels),
          `${kind} ${metadata.name} has its pods`,
        );
        for (const { configMapRef } of containers[0].envFrom ?? []) find('ConfigMap', configMapRef.name);
        for (const { configMap, secret } of volumes) {
          if (configMap) find('ConfigMap', configMap.name);
          if (secret) find('Secret', secret.secretName);
        }
        const mounts = containers[0].volumeMounts.map(({ name: mount }: { name: string }) => mount);
        const claims = (spec.volumeClaimTemplates ?? []).map((claim: KubeObject) => claim.metadata.name);
        const known = [...volumes.map((volume: { name: string }) => volume.name), ...claims];
        assert.deepEqual(mounts.sort(), known.sort(), 'every volume is used');
        if (kind === 'StatefulSet') assert.equal(find('Service', spec.serviceName).spec.clusterIP, 'None');
      }
      for (const { kind, spec, metadata } of objects) {
        if (kind === 'HTTPRoute') {
          for (const { name: service, port } of spec.rules[0].backendRefs) {
            assert.equal(find('Service', service).spec.ports[0].port, port);
          }
        }
        const target = spec?.scaleTargetRef;
        if (target) find(target.kind ?? 'Deployment', target.name);
        const selector = kind === 'Service' ? spec.selector : spec?.podSelector?.matchLabels;
        const disrupted = kind === 'PodDisruptionBudget' ? spec.selector.matchLabels : undefined;
        for (const wanted of [selector, disrupted].filter((each) => each !== undefined)) {
          const pods = podsOf(objects).filter((each) => has(each.spec.template.metadata.labels, wanted));
          assert.ok(pods.length > 0, `${kind} ${metadata.name} selects no pod`);
          if (kind !== 'Service') continue;
          for (const { targetPort, protocol = 'TCP' } of spec.ports) {
            for (const pod of pods) {
              const ports = pod.spec.template.spec.containers[0].ports as { name: string; protocol?: string }[];
              const port = ports.find((each) => each.name === targetPort);
              assert.equal(port && (port.protocol ?? 'TCP'), protocol, `${metadata.name}: ${targetPort}`);
            }
          }
        }
      }
    });

    test('runs without rights, on a root file system that cannot be written', () => {
      for (const { spec } of podsOf(objects)) {
        const pod = spec.template.spec;
        const [container] = pod.containers;
        assert.deepEqual(container.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        assert.deepEqual([pod.securityContext.runAsNonRoot, pod.securityContext.runAsUser], [true, 1000]);
        assert.equal(pod.automountServiceAccountToken, false);
        assert.match(container.image, /:\d+\.\d+\.\d+$/);
        assert.ok(container.resources.limits.memory && container.resources.requests.cpu);
      }
    });

    test('probes what oxbow answers, and leaves it the time of the drain and of closing', () => {
      const paths = healthRoutes.map(({ path }) => path);
      for (const { spec } of nodesOf(objects)) {
        const drainMs = parseDuration(find('ConfigMap', 'oxbow').data.OXBOW_DRAIN);
        const { containers, terminationGracePeriodSeconds } = spec.template.spec;
        const [{ ports, startupProbe, livenessProbe, readinessProbe }] = containers;
        for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
          assert.ok(paths.includes(httpGet.path), httpGet.path);
          assert.ok(ports.some((port: { name: string }) => port.name === httpGet.port));
        }
        const noticedMs = readinessProbe.periodSeconds * readinessProbe.failureThreshold * 1000;
        assert.ok(drainMs >= 2 * noticedMs, 'a node that drains is noticed');
        assert.ok(terminationGracePeriodSeconds * 1000 >= drainMs + 15_000);
      }
    });

    test('each node starts with settings that oxbow knows, without a warning', async () => {
      const known = knownVariables();
      for (const set of nodesOf(objects)) {
        await using files = await openFolder('kubernetes');
        const [container] = set.spec.template.spec.containers;
        const write = (path: string, content: string) => {
          mkdirSync(dirname(join(files.path, path)), { recursive: true });
          writeFileSync(join(files.path, path), content);
        };
        for (const [key, text] of Object.entries(find('ConfigMap', 'oxbow-settings').data)) {
          write(`/etc/oxbow/${key}`, String(text));
        }
        for (const key of Object.keys(find('Secret', 'oxbow').stringData)) {
          write(`/run/secrets/oxbow/${key}`, String(find('Secret', 'oxbow').stringData[key]));
        }
        const pod: Record<string, string> = {
          'metadata.name': `${set.metadata.name}-0`,
          'metadata.namespace': 'tv',
          'status.hostIP': '192.0.2.7',
        };
        const env: Record<string, string> = { ...find('ConfigMap', 'oxbow').data };
        for (const { name: variable, value, valueFrom } of container.env) {
          const text: string = value ?? pod[valueFrom.fieldRef.fieldPath];
          env[variable] = text.replaceAll(/\$\((\w+)\)/g, (_, other: string) => env[other]!);
        }
        for (const [variable, value] of Object.entries(env)) {
          if (variable.startsWith('OXBOW_')) assert.ok(known.has(variable), variable);
          env[variable] = value.replace(/^\/(?=etc|run)/, `${files.path}/`);
        }
        const { config, warnings } = await loadConfig({ files: [env.OXBOW_CONFIG!], env });
        assert.deepEqual(warnings, []);
        assert.equal(config.cluster.node, `${set.metadata.name}-0`);
        const role = set.spec.template.metadata.labels.role;
        if (role === undefined) continue;
        assert.deepEqual([config.cluster.enabled, config.cluster.roles], [true, [role]]);
        assert.equal(config.cluster.url, `http://${set.metadata.name}-0.${set.spec.serviceName}.tv.svc:8080`);
        assert.ok(config.store.url && config.redis.url && config.jobs.amqp.url && config.cluster.secret);
        const webrtc = container.ports.find((port: { name: string }) => port.name === 'webrtc');
        if (webrtc)
          assert.deepEqual([webrtc.hostPort, String(webrtc.hostPort)], [webrtc.containerPort, env.OXBOW_WEBRTC]);
      }
    });
  });
}

test('every manifest of deploy/kubernetes is a resource of some kustomization, or an example of a Secret', () => {
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.yaml') || /(kustomization|secret\.example)\.yaml$/.test(path)) continue;
    const { resources } = parseYaml(readFileSync(join(folder, dirname(path), 'kustomization.yaml'), 'utf8'));
    assert.ok(resources.includes(path.split(/[/\\]/).at(-1)), path);
  }
});

test('workers follow the jobs that they can run: those that wait, and those that run', () => {
  const [trigger, ...others] = overlays[1]!.find('ScaledObject', 'oxbow-worker').spec.triggers;
  assert.deepEqual(others, []);
  const [, kinds] = /kind=~"([\w|]+)"/.exec(trigger.metadata.query)!;
  assert.deepEqual(kinds!.split('|').sort(), Object.keys(workerHandlers()).sort());
  assert.ok(trigger.metadata.query.includes(jobMetrics.jobsNow.name));
});

test('an edge starts with options that it knows, is probed where it answers, and has the time of its drain', () => {
  const { find } = overlays[2]!;
  const { containers, terminationGracePeriodSeconds } = find('Deployment', 'oxbow-edge').spec.template.spec;
  const [{ env, startupProbe, livenessProbe, readinessProbe }] = containers;
  const known = knownVariables();
  const values = new Map<string, string>(env.map((each: { name: string; value: string }) => [each.name, each.value]));
  for (const name of values.keys()) assert.ok(known.has(name), name);
  const paths = healthRoutes.map(({ path }) => path);
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) assert.ok(paths.includes(httpGet.path));
  const drainMs = parseDuration(values.get('OXBOW_EDGE_DRAIN')!);
  const noticedMs = readinessProbe.periodSeconds * readinessProbe.failureThreshold * 1000;
  assert.ok(drainMs >= 2 * noticedMs, 'an edge that drains is noticed');
  assert.ok(terminationGracePeriodSeconds * 1000 >= drainMs + 15_000);
});

test('what is wrong with an object is found: an unknown field, a missing one, a wrong type', async () => {
  const service = overlays[0]!.find('Service', 'oxbow-web');
  const broken = (change: object) => checkObjects([{ ...structuredClone(service), ...change }]);
  assert.match((await broken({ spec: { selectors: {} } })).join(), /selectors/);
  assert.match((await broken({ spec: { ports: [{ name: 'http' }] } })).join(), /port/);
  assert.match((await broken({ spec: { ports: [{ port: '80' }] } })).join(), /number|integer/);
});
