/**
 * `bench cluster`, the end of a node: SIGKILL while rooms, a stream and a job are on it.
 * In: repetitions. Out: times until rooms, the stream and the job are back, of what they are made, and
 * whether anything is doubled.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { RoomMessage } from '../../src/api/room/messages.ts';
import { nodeOfWorker } from '../../src/jobs/worker-table.ts';
import type { TestNode } from '../../test/cluster/cluster.fixture.ts';
import { Member } from '../../test/cluster/member.fixture.ts';
import { makeFilm } from '../../test/fixtures/library/film.ts';
import { createRoom } from '../../test/fixtures/rooms/rooms.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import type { SendResult } from '../../web/src/rooms/session/outbox.ts';
import { median, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { type BenchCluster, openNodes, TINY_PICTURE } from './nodes.ts';

/** Seconds within which it must be back. */
const LIMITS_S = { rooms: 5, stream: 10, job: 15 } as const;
/** Only these have workers: one of them runs the job and is killed. The third one has the film. */
const WORKERS = ['a', 'b'] as const;
const OWNER_OF_FILMS = 'c';
/** Rooms of each of the two, with a member at each node. */
const ROOMS = orTiny(5, 1);
/** Each member writes this often, ms. */
const WRITE_EVERY_MS = 200;
/** A film whose encoding takes a few seconds. */
const FILM = { seconds: 12, size: '640x360' } as const;
const LOOK_MS = 20;
/** All members are one person. */
const ARGS = [...TINY_PICTURE, '--rooms-message-rate', '1000', '--rooms-connections-per-user', '1000'];
const json = { 'content-type': 'application/json' };

/** One repetition, times in ms after the kill. */
interface Killed {
  /** Its lease has ended, and its things have another owner. */
  readonly leaseMs: number;
  readonly ownerMs: number;
  /** The last member was welcomed again, and its first message was acknowledged. */
  readonly roomsMs: number;
  readonly writtenMs: number;
  /** A playlist has a new part. */
  readonly streamMs: number;
  /** Another worker has it. */
  readonly jobMs: number;
  /** Doubled and lost messages; empty if there are none. */
  readonly problems: readonly string[];
}

/**
 * Kills a node `rounds` times and returns the report.
 * @param takeoverMs undefined: the default of the setting
 */
export async function benchKills(rounds: number, takeoverMs?: number): Promise<string> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('bench-kill'));
  const film = join(folder.path, 'film.mp4');
  await makeFilm(film, FILM);
  const more = { [OWNER_OF_FILMS]: ['--roles', 'ingest,serve,rooms'] };
  const bench = await openNodes(opened, { args: ARGS, more, ...(takeoverMs !== undefined && { takeoverMs }) });
  const database = new pg.Client({ connectionString: bench.cluster.database });
  await database.connect();
  opened.defer(() => database.end());
  const kills: Killed[] = [];
  for (let round = 0; round < rounds; round++) {
    const killed = await kill(bench, database, film, round);
    say(`kill ${round + 1} of ${rounds}: ${JSON.stringify(killed)}`);
    kills.push(killed);
  }
  const seconds = (of: (killed: Killed) => number, limitS?: number) => {
    const values = kills.map(of);
    const cells = [median(values), Math.max(...values)].map((ms) => (ms / 1000).toFixed(2));
    return [...cells, limitS === undefined ? '' : String(limitS)];
  };
  const rows = [
    ['the lease of the node has ended', ...seconds(({ leaseMs }) => leaseMs)],
    ['its things have another owner', ...seconds(({ ownerMs }) => ownerMs)],
    ['all members of its rooms are back', ...seconds(({ roomsMs }) => roomsMs, LIMITS_S.rooms)],
    ['and have written again', ...seconds(({ writtenMs }) => writtenMs)],
    ['its stream is live', ...seconds(({ streamMs }) => streamMs, LIMITS_S.stream)],
    ['its job runs', ...seconds(({ jobMs }) => jobMs, LIMITS_S.job)],
  ];
  const problems = kills.flatMap((killed) => killed.problems);
  return [
    `A node killed ${rounds} times, takeover ${takeoverMs === undefined ? 'by default' : `${takeoverMs} ms`}; s after SIGKILL:`,
    printTable(['until', 'median', 'worst', 'limit'], rows),
    problems.length === 0 ? 'Nothing was doubled or lost.' : problems.join('\n'),
  ].join('\n\n');
}

async function kill(
  { cluster, nodes, node }: BenchCluster,
  database: pg.Client,
  film: string,
  round: number,
): Promise<Killed> {
  await using opened = new AsyncDisposableStack();
  const survivor = node(OWNER_OF_FILMS).server;
  const rooms = new Map<string, Awaited<ReturnType<typeof openRoom>>[]>();
  const streams = new Map(WORKERS.map((name) => [name as string, `cam-${name}${round}`]));
  const urls = () => [...nodes.values()].map(({ server }) => server.url);
  for (const name of WORKERS) {
    const { server } = node(name);
    const body = JSON.stringify({ name: streams.get(name), source: { type: 'test' }, visibility: 'public' });
    const made = await server.fetch('/api/v1/streams', { method: 'POST', headers: json, body });
    assert.equal(made.status, 201, await made.text());
    const made2 = Array.from({ length: ROOMS }, () => openRoom(node(name), urls, opened));
    rooms.set(name, await Promise.all(made2));
  }
  for (const name of WORKERS) await survivor.stream(streams.get(name)!);
  const problems: string[] = [];
  const heads = new Map<string, number>();
  for (const [name, stream] of streams)
    heads.set(name, await until('it has parts', async () => newestMsn(survivor.url, stream)));

  const target = '/api/v1/uploads/file?filename=film.mp4&title=Film&visibility=public';
  const sent = await survivor.fetch(target, { method: 'PUT', body: readFileSync(film) });
  assert.equal(sent.status, 201, await sent.clone().text());
  const { asset } = (await sent.json()) as { asset: string };
  const jobOf = async () => {
    const text = `SELECT state, lease_worker AS worker, lease_token AS token, error FROM job WHERE kind = 'encode' AND subject = $1`;
    const { rows } = await database.query(text, [asset]);
    return rows as { state: string; worker: string | null; token: number; error: string | null }[];
  };
  const first = await until('the job runs', async () => (await jobOf()).find(({ state }) => state === 'running'));
  const victim = nodeOfWorker(first.worker!);
  assert.ok(rooms.has(victim), first.worker!);
  heads.set(victim, await newestMsn(survivor.url, streams.get(victim)!));

  const members = rooms.get(victim)!.flatMap((room) => room.members);
  const takeovers = () =>
    [...nodes.values()]
      .flatMap(({ server }) => server.log('warn'))
      .filter(({ msg }) => /not renew its lease/.test(msg));
  const { server: killed } = node(victim);
  nodes.delete(victim);
  const before = takeovers().length;
  const killedMs = Date.now();
  const ended = killed.stop('SIGKILL');
  const sinceKill = () => Date.now() - killedMs;
  const lease = await database.query('SELECT expires_us FROM lease WHERE name = $1', [`node/${victim}`]);
  const leaseMs = Number(lease.rows[0].expires_us) / 1000 - killedMs;
  const watch = async (condition: string, isBack: () => Promise<unknown> | unknown) => {
    await until(condition, isBack, { everyMs: LOOK_MS });
    return sinceKill();
  };
  const [roomsMs, writtenMs, streamMs, jobMs] = await Promise.all([
    watch('all members are back', () => members.every(({ welcomes }) => welcomes.at(-1)! > killedMs)).then(
      () => Math.max(...members.map(({ welcomes }) => welcomes.find((ms) => ms > killedMs)!)) - killedMs,
    ),
    watch('all have written', () =>
      rooms.get(victim)!.every((room) => room.written.every((ms) => ms > killedMs + leaseMs)),
    ),
    watch('the stream is live', async () => (await newestMsn(survivor.url, streams.get(victim)!)) > heads.get(victim)!),
    watch('the job runs', async () =>
      (await jobOf()).some(({ token, state }) => Number(token) > Number(first.token) && state !== 'queued'),
    ),
  ]);
  await ended;
  const { rows: changed } = await database.query(
    `SELECT changed_us FROM placement WHERE kind = 'stream' AND key = $1`,
    [streams.get(victim)],
  );
  const ownerMs = Number(changed[0].changed_us) / 1000 - killedMs;

  const took = takeovers().length - before;
  if (took !== 1) problems.push(`${took} takeovers`);
  for (const room of rooms.get(victim)!) problems.push(...(await room.end(survivor.url)));
  await until('the job has ended', async () => (await jobOf()).every(({ state }) => !/queued|running/.test(state)));
  const jobs = await jobOf();
  if (jobs.length !== 1 || jobs[0]!.state !== 'done') problems.push(`jobs of the film: ${JSON.stringify(jobs)}`);
  const { items } = await survivor.json<{ items: { cause: string }[] }>(`/api/v1/streams/${streams.get(victim)}/gaps`);
  if (items.length !== 1 || items[0]!.cause !== 'crash') problems.push(`gaps: ${JSON.stringify(items)}`);
  const msns = await listedMsns(survivor.url, streams.get(victim)!);
  if (new Set(msns).size < msns.length || Math.min(...msns) <= heads.get(victim)!) problems.push(`MSNs ${msns}`);
  for (const stream of streams.values()) await survivor.fetch(`/api/v1/streams/${stream}`, { method: 'DELETE' });
  nodes.set(victim, await cluster.start(victim, { args: ARGS, sample: false }));
  // It is known as alive everywhere before something is created on it.
  await pause(2500);
  return { leaseMs, ownerMs, roomsMs, writtenMs, streamMs, jobMs, problems };
}

/** A room with a member at each node, who write all the time. */
async function openRoom(node: TestNode, urls: () => readonly string[], opened: AsyncDisposableStack) {
  const id = await createRoom(node.server, { visibility: 'public' });
  const count = urls().length;
  const members = Array.from({ length: count }, (_, at) =>
    opened.use(new Member(id, () => [...urls().slice(at), ...urls().slice(0, at)])),
  );
  await until('all are in', () => members.every(({ welcomes }) => welcomes.length > 0));
  /** When each wrote its last acknowledged message, ms. */
  const written = members.map(() => 0);
  const results: Promise<SendResult>[] = [];
  let number = 0;
  const writing = setInterval(() => {
    for (const [at, member] of members.entries()) {
      const sentMs = Date.now();
      const result = member.write(`${id} ${number++}`);
      results.push(result);
      void result.then(({ ok }) => {
        if (ok) written[at] = sentMs;
      });
    }
  }, WRITE_EVERY_MS);
  opened.defer(() => clearInterval(writing));
  return {
    members,
    written,
    /** Compares acknowledged with stored messages. Returns the differences. */
    async end(url: string): Promise<readonly string[]> {
      clearInterval(writing);
      const numbers = (await Promise.all(results)).map((result) => (result.ok ? result.seq! : -1));
      const refused = numbers.filter((seq) => seq < 0).length;
      const stored = await readMessages(url, id);
      const seqs = stored.map(({ seq }) => seq);
      const texts = new Set(stored.map(({ text }) => text));
      const wrong: string[] = [];
      if (refused > 0) wrong.push(`${refused} messages were refused`);
      if (new Set(seqs).size < seqs.length || texts.size < stored.length) wrong.push(`doubled messages in room ${id}`);
      const storedSeqs = new Set(seqs);
      const lost = numbers.filter((seq) => seq >= 0 && !storedSeqs.has(seq)).length;
      if (lost > 0) wrong.push(`${lost} acknowledged messages of room ${id} are gone`);
      if (stored.length !== numbers.length - refused) wrong.push(`${stored.length} of ${numbers.length} are stored`);
      const areShown = ({ shown }: Member) => stored.every(({ id, seq }) => shown.get(id) === seq);
      await until('all have got all', () => members.every(areShown), { withinMs: 10_000 }).catch(() =>
        wrong.push(`members have not got everything of room ${id}`),
      );
      // One that the dead node delivered and did not commit has come again, under another number and the same
      // id.
      if (members.some(({ shown }) => shown.size !== stored.length)) wrong.push(`too many messages in room ${id}`);
      if (members.some(({ ids }) => [...ids.values()].some(({ size }) => size > 1)))
        wrong.push(`a number of room ${id} was used twice`);
      for (const member of members) member[Symbol.dispose]();
      return wrong;
    },
  };
}

/** All messages of a room, oldest first. */
async function readMessages(url: string, room: string): Promise<readonly RoomMessage[]> {
  const messages: RoomMessage[] = [];
  for (let before: number | undefined; ; before = messages[0]!.seq) {
    const query = before === undefined ? '' : `&before=${before}`;
    const response = await fetch(`${url}/api/v1/rooms/${room}/messages?limit=200${query}`, {
      headers: { authorization: 'Bearer let-me-in-please' },
    });
    assert.ok(response.ok, await response.clone().text());
    const { items } = (await response.json()) as { items: RoomMessage[] };
    if (items.length === 0) return messages;
    messages.unshift(...items);
  }
}

async function mediaPlaylist(url: string, stream: string): Promise<string> {
  const textOf = async (path: string) => {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(1000) });
    const text = await response.text();
    return response.ok ? text : '';
  };
  const index = await textOf(`/live/${stream}/index.m3u8`).catch(() => '');
  const name = /^[^#\n].*\.m3u8$/m.exec(index)?.[0];
  return name === undefined ? '' : textOf(`/live/${stream}/${name}`).catch(() => '');
}

/** The newest MSN of a segment or part that is listed; 0: there is none. */
async function newestMsn(url: string, stream: string): Promise<number> {
  const text = await mediaPlaylist(url, stream);
  const matches = text.matchAll(/^(?:#EXT-X-PART:.*URI="(\d+)\.\d+\.m4s"|(?:.*\/)?(\d+)\.m4s$)/gm);
  return Math.max(0, ...Array.from(matches, ([, part, segment]) => Number(part ?? segment)));
}

async function listedMsns(url: string, stream: string): Promise<number[]> {
  const text = await mediaPlaylist(url, stream);
  return Array.from(text.matchAll(/^(?:.*\/)?(\d+)\.m4s$/gm), ([, msn]) => Number(msn));
}
