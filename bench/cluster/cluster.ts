/**
 * `npm run bench -- cluster`: three nodes with PostgreSQL and Redis on this machine.
 * In: options. Out: rooms over the nodes and what they cost, a node that is killed, the hop to another node,
 * as tables.
 */
import { loadavg } from 'node:os';
import { describeMachine } from '../process-tree.ts';
import { benchHop } from './hop.ts';
import { benchKills } from './kill.ts';
import { benchClusterRooms } from './rooms.ts';

/** Options of `bench cluster`. */
interface ClusterBenchOptions {
  readonly members: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Kills. */
  readonly rounds: number;
  /** Some of `rooms`, `kill`, `hop`. */
  readonly only: readonly string[];
}

/** Measures and returns the report. */
export async function benchCluster({ members, seconds, rounds, only }: ClusterBenchOptions): Promise<string> {
  const wanted = (name: string) => only.length === 0 || only.includes(name);
  const loads = () =>
    loadavg()
      .map((load) => load.toFixed(1))
      .join(' ');
  const parts = [`${describeMachine()}; load before: ${loads()}`];
  if (wanted('rooms')) parts.push(await benchClusterRooms(members, seconds));
  if (wanted('kill')) parts.push(await benchKills(rounds));
  if (wanted('hop')) parts.push(await benchHop(seconds));
  parts.push(`load after: ${loads()}`);
  return parts.join('\n\n');
}
