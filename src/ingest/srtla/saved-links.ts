/**
 * The links of bonded senders, kept while one server ends and the next one starts, as in `oxbow upgrade`. A
 * sender would notice only after four seconds of silence that its links are unknown.
 * In: the data folder, groups at the end of a server. Out: the same at the start of the next one, if that is
 * soon.
 */
import { isIP } from 'node:net';
import { join } from 'node:path';
import { MAX_LINKS } from '@oxbow/wire/srtla/group-members';
import { GROUP_ID_BYTES } from '@oxbow/wire/srtla/packet';
import type { SavedGroup } from '@oxbow/wire/srtla/receiver';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { BONDED_FILE } from '../../store/file-names.ts';
import { readStateFile, removeStateFile, writeStateFile } from '../../store/state-file.ts';

/** Later, the senders have begun again, ms. */
const FRESH_MS = 30_000;
/** Groups that are taken: more than a server with the default settings has. */
const MAX_GROUPS = 256;

/** What both need. */
interface SavingDeps {
  /** Wall clock, ms. */
  readonly nowMs: () => number;
  readonly log: Pick<Log, 'warn'>;
}

/** Writes the groups, if there are any. A failure is a line of the log: their senders begin again. */
export function saveLinks(folder: string, groups: readonly SavedGroup[], { nowMs, log }: SavingDeps): void {
  if (groups.length === 0) return;
  try {
    writeStateFile(join(folder, BONDED_FILE), { atMs: nowMs(), groups: groups.slice(0, MAX_GROUPS) });
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'the links of bonded senders were not kept; they register again');
  }
}

/** Reads the groups and deletes the file; none if it is old or is not as it was written. */
export function takeLinks(folder: string, { nowMs, log }: SavingDeps): readonly SavedGroup[] {
  const file = join(folder, BONDED_FILE);
  try {
    const state = readStateFile(file) as { readonly atMs?: unknown; readonly groups?: unknown } | null | undefined;
    if (state === undefined) return [];
    removeStateFile(file);
    if (!state || !Array.isArray(state.groups) || state.groups.length > MAX_GROUPS) return [];
    const isFresh = typeof state.atMs === 'number' && Math.abs(nowMs() - state.atMs) < FRESH_MS;
    return isFresh ? state.groups.filter(isGroup) : [];
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'the links of bonded senders cannot be read; they register again');
    return [];
  }
}

function isGroup(value: unknown): value is SavedGroup {
  const { id, links } = (value ?? {}) as Partial<SavedGroup>;
  if (typeof id !== 'string' || Buffer.from(id, 'base64').length !== GROUP_ID_BYTES || !isPlace(value)) return false;
  if (!Array.isArray(links) || links.length > MAX_LINKS) return false;
  return links.every((link) => isPlace(link) && isNumber(link.number, MAX_LINKS));
}

function isPlace(value: unknown): value is SavedGroup['links'][number] {
  const { address, port } = (value ?? {}) as { readonly address?: unknown; readonly port?: unknown };
  return typeof address === 'string' && isIP(address) !== 0 && isNumber(port, 65_535);
}

function isNumber(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}
