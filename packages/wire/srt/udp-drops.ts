/**
 * Datagrams that the system dropped because the receive buffer of a socket was full.
 * In: a local port. Out: their number, from Linux' /proc/net/udp and /proc/net/udp6; proc(5).
 */
import { readFile } from 'node:fs/promises';

const TABLES = ['/proc/net/udp', '/proc/net/udp6'] as const;

/**
 * Datagrams dropped by the sockets of a port since they were opened; undefined on systems without these
 * files.
 */
export async function readUdpDrops(port: number): Promise<number | undefined> {
  const contents = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => undefined)));
  const texts = contents.filter((text) => text !== undefined);
  return texts.length === 0 ? undefined : texts.reduce((sum, text) => sum + parseUdpDrops(text, port), 0);
}

/** Sum of the column `drops` over the sockets of a port. */
export function parseUdpDrops(text: string, port: number): number {
  let drops = 0;
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const local = columns[1]?.split(':')[1];
    if (local === undefined || Number.parseInt(local, 16) !== port) continue;
    drops += Number(columns.at(-1)) || 0;
  }
  return drops;
}
