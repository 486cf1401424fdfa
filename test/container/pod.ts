/**
 * The pod that Kubernetes makes of an overlay with one StatefulSet, for `podman play kube`, which knows no
 * StatefulSet.
 * In: the objects of the overlay and its secrets. Out: YAML.
 */
import { stringify } from 'yaml';
import type { KubeObject } from '../fixtures/deploy/kustomize.ts';

/**
 * Makes the pod with the number 0, its claims, ConfigMaps and Secrets.
 *
 * @param ports port of this machine for each port of the pod by its name; the others are not published
 */
export function podOf(objects: readonly KubeObject[], ports: Readonly<Record<string, number>>): string {
  const set = objects.find(({ kind }) => kind === 'StatefulSet')!;
  const claims = set.spec.volumeClaimTemplates.map(({ metadata, spec }: KubeObject) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `${metadata.name}-${set.metadata.name}-0` },
    spec,
  }));
  const made = [
    ...objects.filter(({ kind }) => kind === 'ConfigMap'),
    ...objects.filter(({ kind }) => kind === 'Secret').map(encoded),
    ...claims,
    pod(set, ports),
  ];
  return made.map((each) => stringify(each)).join('---\n');
}

function pod({ metadata, spec }: KubeObject, ports: Readonly<Record<string, number>>) {
  const template = structuredClone(spec.template);
  const name = `${metadata.name}-0`;
  for (const { metadata: claim } of spec.volumeClaimTemplates) {
    template.spec.volumes.push({ name: claim.name, persistentVolumeClaim: { claimName: `${claim.name}-${name}` } });
  }
  // podman 4.3 ends with a panic where this is left to its default.
  for (const { secret } of template.spec.volumes) if (secret) secret.optional = false;
  const [container] = template.spec.containers;
  // podman publishes every port of a container.
  container.ports = container.ports
    .filter((port: { name: string }) => port.name in ports)
    .map((port: { name: string }) => ({ ...port, hostPort: ports[port.name] }));
  for (const variable of container.env) {
    // podman has no name spaces.
    if (variable.valueFrom?.fieldRef?.fieldPath !== 'metadata.namespace') continue;
    delete variable.valueFrom;
    variable.value = 'default';
  }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name }, spec: template.spec };
}

function encoded({ stringData, ...secret }: KubeObject) {
  const texts = Object.entries(stringData as Record<string, string>);
  return { ...secret, data: Object.fromEntries(texts.map(([key, text]) => [key, btoa(text)])) };
}
