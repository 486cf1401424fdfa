/**
 * What the real program does while it is killed: how it is begun, and what must hold after the next start.
 * In: folders. Out: Activity, which each file of this folder makes one of; moments.ts kills them.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolvePath } from '../../fixtures/playlists.ts';
import type { Server } from '../../fixtures/server.ts';

/** Something that a kill may interrupt. */
export interface Activity {
  readonly name: string;
  /** The changes at which the short form kills it; kill-at.mjs names them. */
  readonly steps: readonly string[];
  /** Makes what every trial begins with. @param folder exists, and is empty */
  prepare(folder: string): Promise<Scene>;
}

/** What trials begin with. Disposing ends what they share. */
export interface Scene extends AsyncDisposable {
  /** A trial in a new folder. @param number from 0: of several forms of the activity one is taken */
  trial(folder: string, number: number): Promise<Trial>;
}

/** One run of the program that may be killed, and the look at what it left. */
export interface Trial {
  /**
   * Starts the program, and ends it when it has done everything. Rejects when it is killed.
   *
   * @param env for the program
   * @param began called when the activity begins: a kill after a time counts from there
   */
  run(env: NodeJS.ProcessEnv, began: () => void): Promise<void>;
  /** Starts the program again, lets it end what it began, and compares. Holds without a kill, too. */
  check(): Promise<void>;
}

/** SHA-256 in hexadecimal. */
export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Paths of all files below a folder, in order; none if it is missing. */
export async function filesBelow(folder: string): Promise<string[]> {
  for (;;) {
    try {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      return entries.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : [])).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // Otherwise one of the folders in it was removed meanwhile.
      if (!existsSync(folder)) return [];
    }
  }
}

/** Hashes of the files below a folder whose names end so, by the end of their path from `recordings/` on. */
export async function chunkHashes(folder: string): Promise<Map<string, string>> {
  const files = (await filesBelow(folder)).filter((path) => path.endsWith('.mp4'));
  const entries = files.map(
    async (path) => [path.slice(path.indexOf('recordings/')), hashOf(await readFile(path))] as const,
  );
  return new Map(await Promise.all(entries));
}

/** A segment that a list names. */
export interface Seen {
  readonly path: string;
  /** SHA-256. */
  readonly hash: string;
}

/**
 * The segments of a range of a stream, as a viewer gets them: every address that a list names is answered.
 * Seconds since 1970.
 */
export async function segmentsOf(server: Server, name: string, fromS: number, toS: number): Promise<Seen[]> {
  const index = `/vod/${name}/${fromS}/${toS}/index.m3u8`;
  const [media] = await urisOf(server, index);
  const paths = (await urisOf(server, media!)).filter((path) => path.includes('.m4s'));
  return Promise.all(paths.map(async (path) => ({ path, hash: hashOf(await server.bytes(path)) })));
}

/** Fails where a segment has other bytes than before, or is not answered. */
export async function assertSame(server: Server, segments: readonly Seen[]): Promise<void> {
  const now = await Promise.all(segments.map(async ({ path }) => ({ path, hash: hashOf(await server.bytes(path)) })));
  assert.deepEqual(now, segments);
}

async function urisOf(server: Server, path: string): Promise<string[]> {
  const lines = Buffer.from(await server.bytes(path))
    .toString()
    .split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((uri) => resolvePath(uri, path));
}
