/**
 * The quarantine: where a repair puts damaged files, so that it deletes nothing.
 * In: files of the data folder. Out: `quarantine/DATE/…` with the same names below it, and a line for each in
 * `manifest.jsonl`.
 */
import { appendFileSync, constants, copyFileSync, linkSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { QUARANTINE } from '../../store/file-names.ts';
import type { SegmentLocation } from '../segment-store.ts';

/** What a file was put there for. */
interface QuarantineNote {
  /** Relative to the data folder. */
  readonly file: string;
  /** Name of its stream, or its id. */
  readonly stream: string;
  readonly problem: string;
  readonly detail: string;
  /** MSNs of the segments that are lost. */
  readonly lost: readonly number[];
  /** Segments that stay. */
  readonly kept: number;
}

/** The folder of one repair; created with the first file. */
export class Quarantine {
  /** Relative to the data folder. */
  readonly folder: string;
  /** Whether a file is there. */
  isUsed = false;
  readonly #dataFolder: string;
  readonly #nowMs: () => number;

  constructor(dataFolder: string, nowMs: () => number) {
    this.#dataFolder = dataFolder;
    this.#nowMs = nowMs;
    this.folder = `${QUARANTINE}/${new Date(nowMs()).toISOString().replaceAll(/[-:.]/g, '')}`;
  }

  /**
   * Puts a file there; the file itself stays where it is until the caller replaces or deletes it.
   * @throws the system's error
   */
  keep(location: SegmentLocation, note: Omit<QuarantineNote, 'file'>): void {
    const from = path.join(this.#dataFolder, location);
    const to = path.join(this.#dataFolder, this.folder, location);
    this.isUsed = true;
    mkdirSync(path.dirname(to), { recursive: true });
    try {
      linkSync(from, to);
    } catch (error) {
      // Another disk, by a link of the operator, or a file system without links.
      if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      copyFileSync(from, to, constants.COPYFILE_EXCL);
    }
    const line = { at: new Date(this.#nowMs()).toISOString(), file: location, ...note };
    appendFileSync(path.join(this.#dataFolder, this.folder, 'manifest.jsonl'), `${JSON.stringify(line)}\n`);
  }
}
