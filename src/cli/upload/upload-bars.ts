/**
 * The bars of `oxbow upload`: the file that is being sent, all files, speed, time left, and why it waits.
 * In: progress. Out: lines on the terminal.
 */
import type { UploadProgress } from '../../client/upload/chunked-upload.ts';
import { TransferRate } from '../../client/upload/transfer-rate.ts';
import { openProgressLine, type ProgressLine, sayBytes, sayClock, shareBar } from '../progress.ts';

/** Bars for several files that are sent one after the other. Disposing clears them. */
export class UploadBars implements Disposable {
  readonly #sizes: readonly number[];
  readonly #totalBytes: number;
  readonly #rate = new TransferRate();
  #index = -1;
  #line: ProgressLine | undefined;

  /** @param sizes bytes of each file */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    this.#totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Shows the progress of a file. */
  show(index: number, name: string, { bytes, trouble }: UploadProgress): void {
    const before = this.#sizes.slice(0, index).reduce((sum, each) => sum + each, 0);
    const nowMs = performance.now();
    // Bytes of an earlier run are not speed.
    if (index !== this.#index) this.#rate.reset();
    this.#index = index;
    this.#rate.record(before + bytes, nowMs);
    this.showText(() =>
      uploadLines(name, {
        bytes,
        of: this.#sizes[index]!,
        allBytes: before + bytes,
        allOf: this.#totalBytes,
        files: this.#sizes.length,
        index,
        speed: this.#rate.speed(nowMs),
        secondsLeft: this.#rate.secondsLeft(this.#totalBytes - before - bytes, nowMs),
        trouble: trouble === null ? '' : trouble.detail || trouble.title || 'no connection',
      }),
    );
  }

  /** Shows another text instead. */
  showText(text: () => string): void {
    this.#line ??= openProgressLine();
    this.#line.show(text);
  }

  /** Clears the lines, before a result is printed. */
  clear(): void {
    this.#line?.[Symbol.dispose]();
    this.#line = undefined;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

/** Values of the lines; bytes, bytes per second, seconds. */
interface UploadFigures {
  readonly bytes: number;
  readonly of: number;
  readonly allBytes: number;
  readonly allOf: number;
  readonly files: number;
  /** From 0. */
  readonly index: number;
  readonly speed: number | null;
  readonly secondsLeft: number | null;
  /** Why it waits; empty if it does not. */
  readonly trouble: string;
}

/** The lines as text: one for the file, and one for all if there are several. */
export function uploadLines(name: string, figures: UploadFigures): string {
  const { bytes, of, allBytes, allOf, files, index, speed, secondsLeft, trouble } = figures;
  const rate = speed === null ? '' : `  ${sayBytes(speed)}/s`;
  const left = secondsLeft === null || allBytes === allOf ? '' : `  ${sayClock(Math.ceil(secondsLeft))} left`;
  const file = `${shareBar(of === 0 ? 1 : bytes / of)}  ${name}  ${sayBytes(bytes)} of ${sayBytes(of)}`;
  const state = trouble === '' ? `${rate}${left}` : `  waiting: ${trouble}`;
  if (files === 1)
    return `${shareBar(of === 0 ? 1 : bytes / of)}${state}  ${sayBytes(bytes)} of ${sayBytes(of)}  ${name}`;
  return `${file}\n${shareBar(allOf === 0 ? 1 : allBytes / allOf)}  file ${index + 1} of ${files}${state}`;
}
