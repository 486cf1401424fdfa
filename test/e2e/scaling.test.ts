/**
 * The number of workers and edges follows the load, by the manifests of deploy/kubernetes: a real Prometheus
 * scrapes real processes, and a loop does with its answers what KEDA and a HorizontalPodAutoscaler do.
 */
import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/source-files.ts';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { WorkerView } from '../../src/api/workers/worker-shapes.ts';
import { autoscale, type Pod, podsForMean, podsForValue } from '../fixtures/deploy/autoscaler.ts';
import { buildKustomization } from '../fixtures/deploy/kustomize.ts';
import { freePort } from '../fixtures/free-port.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { type Prometheus, startPrometheus } from '../fixtures/observe/prometheus.ts';
import { openFolder, smallPicture, startPlainServer, startServer, startVerb } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const TOKEN = 'one-token-for-this-test';
/** Times of the manifests are so much shorter here: five minutes are three seconds. */
const FASTER = 100;

/** An object of an overlay. */
function manifest(overlay: string, kind: string, name: string) {
  const objects = buildKustomization(join(root, 'deploy', 'kubernetes', 'overlays', overlay));
  return objects.find((each) => each.kind === kind && each.metadata.name === name)!.spec;
}

/** The behaviour of a HorizontalPodAutoscaler. @param behavior its field `behavior` */
function pace(behavior: { scaleDown: { stabilizationWindowSeconds: number; policies: { periodSeconds: number }[] } }) {
  const { stabilizationWindowSeconds, policies } = behavior.scaleDown;
  return {
    stabilizationMs: (stabilizationWindowSeconds * 1000) / FASTER,
    periodMs: (policies[0]!.periodSeconds * 1000) / FASTER,
  };
}

/** The value of an expression, undefined as long as Prometheus has none. */
const measured = async (prometheus: Prometheus, query: string) => {
  const [series] = await prometheus.query(query);
  return series && Number(series.value[1]);
};

/** A box that is skipped, so that films differ. ISO 14496-12 8.1.2 @param text four bytes at most */
function freeBox(text: string): Buffer {
  return Buffer.from(`\0\0\0\u000cfree${text.padEnd(4, '\0')}`, 'latin1');
}

/** A process that is killed when it takes longer than its pod may. */
interface Process extends Pod {
  /** Of a worker its name, of an edge its address. */
  readonly id: string;
}

test('workers come with jobs and go after them, also in the middle of one: every job is done once', {
  skip: need('prometheus') || need('ffmpeg'),
}, async () => {
  await using folder = await openFolder('scaling');
  await using server = await startServer({
    data: join(folder.path, 'data'),
    adminToken: TOKEN,
    args: ['--jobs-own-worker', 'off'],
  });
  const made = await server.fetch('/api/v1/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ label: 'workers', scopes: ['worker'] }),
  });
  const { token } = (await made.json()) as { token: string };
  await using prometheus = await startPrometheus({
    folder: folder.path,
    targets: [new URL(server.url).host],
    token: TOKEN,
  });
  const { triggers, advanced, minReplicaCount, maxReplicaCount } = manifest(
    'all-roles',
    'ScaledObject',
    'oxbow-worker',
  );
  const { query, threshold } = triggers[0].metadata;
  const ended: (number | null)[] = [];
  let started = 0;
  const start = async (): Promise<Process> => {
    const id = `worker-${++started}`;
    const verb = startVerb(['worker', '--server', server.url, '--token', token, '--name', id, '--slots', '1']);
    return { id, end: async () => void ended.push((await verb.end('SIGTERM')).code) };
  };
  const pods: Process[] = [];
  let most = 0;
  const stop = new AbortController();
  const needed = async () => {
    most = Math.max(most, pods.length);
    return podsForValue((await measured(prometheus, query)) ?? 0, Number(threshold));
  };
  const { behavior } = advanced.horizontalPodAutoscalerConfig;
  const scaling = { min: minReplicaCount, max: Math.min(maxReplicaCount, 3), needed, ...pace(behavior) };
  const loop = autoscale(scaling, pods, start, stop.signal);
  try {
    const film = join(folder.path, 'film.mp4');
    await makeFilm(film, { seconds: 4, size: '640x360' });
    const body = await readFile(film);
    for (const name of ['a', 'b', 'c', 'd']) {
      const path = `/api/v1/uploads/file?filename=${name}.mp4`;
      const answer = await server.fetch(path, { method: 'PUT', body: Buffer.concat([body, freeBox(name)]) });
      assert.ok(answer.ok, await answer.text());
    }
    await until('there are workers', () => pods.length > 1);
    // The machine of one that works is taken away too.
    const taken = await until('one has a job', async () => {
      const { items: jobs } = await server.json<{ items: JobView[] }>('/api/v1/jobs?state=running');
      const { items: workers } = await server.json<{ items: WorkerView[] }>('/api/v1/workers');
      const busy = workers.find(({ id }) => jobs.some(({ worker }) => worker === id));
      const index = pods.findIndex(({ id }) => id === busy?.name);
      return index >= 0 && pods.splice(index, 1)[0];
    });
    await taken.end();
    const assets = async () => (await server.json<{ items: { state: string }[] }>('/api/v1/assets')).items;
    await until(
      'all films are ready',
      async () => (await assets()).filter(({ state }) => state === 'ready').length === 4,
    );
    await until('the workers are gone', () => pods.length === 0 && ended.length === started);
  } finally {
    stop.abort();
    await loop;
  }
  assert.ok(most > 1, `${most} workers`);
  const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs');
  assert.ok(items.length >= 8, `${items.length} jobs`);
  for (const { state, failures } of items) assert.deepEqual([state, failures], ['done', []]);
  // None was killed because it took longer than its pod may, and none ended by an error.
  assert.deepEqual(ended, Array(started).fill(0));
});

/** A viewer asks so often that it is as many as it can be, ms between two requests. */
const VIEWER_PAUSE_MS = 20;
/** Of those who stay: together they need less than half of what one edge has, on any machine. */
const STEADY_PAUSE_MS = 200;
/** CPU of an edge that counts as 100 %: little, so that few viewers suffice. In the manifest it is 1. */
const REQUESTED_CORES = 0.05;

test('edges come with viewers and drain when they leave: no request fails', {
  skip: need('prometheus'),
}, async () => {
  await using folder = await openFolder('scaling');
  await using server = await startPlainServer({
    data: join(folder.path, 'data'),
    adminToken: TOKEN,
    args: [...smallPicture, '--default-stream', 'cam', '--edges-token', TOKEN],
    sample: false,
  });
  const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const stream = { name: 'cam', source: { type: 'test' }, visibility: 'public' };
  const created = await server.fetch('/api/v1/streams', { ...init, body: JSON.stringify(stream) });
  assert.ok(created.ok, await created.text());
  await server.stream('cam', 'live');
  const found = join(folder.path, 'edges.json');
  await writeFile(found, '[]');
  await using prometheus = await startPrometheus({
    folder: folder.path,
    targets: [],
    token: TOKEN,
    found: 'edges.json',
  });

  const pods: Process[] = [];
  const running = new Set<string>();
  let announced = Promise.resolve();
  /** Prometheus reads the file again when it changes. One after the other: edges start and end at once. */
  const announce = () => {
    announced = announced.then(async () => {
      await writeFile(`${found}.new`, JSON.stringify([{ targets: [...running].map((url) => new URL(url).host) }]));
      await rename(`${found}.new`, found);
    });
    return announced;
  };
  const ended: (number | null)[] = [];
  const start = async (): Promise<Process> => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const args = ['--origin', server.url, '--http', new URL(url).host, '--token', TOKEN, '--drain', '3s'];
    const verb = startVerb(['edge', ...args]);
    await until('the edge is ready', async () => (await fetch(`${url}/ready`).catch(() => undefined))?.ok);
    running.add(url);
    await announce();
    const end = async () => {
      // As of a pod that ends: it is no endpoint of the Service any more, and Prometheus forgets it.
      running.delete(url);
      await announce();
      ended.push((await verb.end('SIGTERM')).code);
    };
    return { id: url, end };
  };
  const { maxReplicas, metrics, behavior } = manifest('edges', 'HorizontalPodAutoscaler', 'oxbow-edge');
  const target = metrics[0].resource.target.averageUtilization;
  const needed = async (now: number) => {
    const cores = await measured(prometheus, 'avg(rate(oxbow_cpu_seconds_total{job="found"}[5s]))');
    return cores === undefined ? Math.max(1, now) : podsForMean(now, (cores / REQUESTED_CORES) * 100, target);
  };
  const stop = new AbortController();
  const scaling = { min: 1, max: Math.min(maxReplicas, 3), needed, ...pace(behavior) };
  const loop = autoscale(scaling, pods, start, stop.signal);
  const crowd = new AbortController();
  const steady = new AbortController();
  const viewers: Promise<void>[] = [];
  const statuses = new Map<string, number>();
  const asked = new Set<string>();
  const view = async (number: number, until: AbortSignal, pauseMs = VIEWER_PAUSE_MS) => {
    while (!until.aborted) {
      const edges = pods.map(({ id }) => id);
      const edge = edges[number % edges.length]!;
      asked.add(edge);
      const answer = await fetch(`${edge}/live/cam/index.m3u8`).then(
        (response) => response.arrayBuffer().then(() => String(response.status)),
        (error: Error) => `${edge}: ${error.cause ?? error}`,
      );
      statuses.set(answer, (statuses.get(answer) ?? 0) + 1);
      await sleep(pauseMs);
    }
  };
  try {
    await until('there is an edge', () => pods.length === 1);
    await until('there are so many viewers that there are two', () => {
      if (viewers.length < 200) viewers.push(view(viewers.length, crowd.signal));
      return pods.length > 1;
    });
    await until('viewers are at both', () => asked.size > 1);
    // All but two leave; these are served while edges drain.
    viewers.push(...[0, 1].map((number) => view(number, steady.signal, STEADY_PAUSE_MS)));
    crowd.abort();
    await until('one is left', () => pods.length === 1 && ended.length > 0);
  } finally {
    crowd.abort();
    steady.abort();
    stop.abort();
    await Promise.all(viewers);
    await loop;
  }
  assert.deepEqual([...statuses.keys()], ['200']);
  assert.deepEqual(ended, Array(ended.length).fill(0));
});
