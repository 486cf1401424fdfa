/**
 * The queue of all storyboards before the media engine: one picture is made at a time, so that a still waits
 * for one of them at most.
 * In: tasks with their bytes. Out: they run in order. At its bounds the newest task is refused; its stream
 * offers the next key frame.
 */

import { PictureShares } from './picture-distance.ts';

/** Most tasks that wait. */
const MAX_TASKS = 256;
/** Most bytes of media that wait. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Pause after the third failure in a row, and the longest, ms: the engine may not start at all. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [5_000, 300_000];
const FAILURES = 3;

/** A picture to be made. */
interface StoryboardTask {
  /** Bytes of media that it keeps in memory. */
  readonly bytes: number;
  /** Makes and stores it; rejects if that failed. */
  run(): Promise<void>;
}

/** What the queue needs. */
interface StoryboardQueueOptions {
  readonly monotonicMs: () => number;
  /** Called with the error of a task. */
  readonly failed: (error: unknown) => void;
  /** Processes of this server; default 1. */
  readonly processes?: number | undefined;
  readonly maxTasks?: number;
  readonly maxBytes?: number;
}

/** Runs the tasks of all streams. */
export class StoryboardQueue {
  readonly #options: StoryboardQueueOptions;
  readonly #shares: PictureShares;
  #tasks: StoryboardTask[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  /** Failures in a row. */
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: StoryboardQueueOptions) {
    this.#options = options;
    this.#shares = new PictureShares(options.processes);
  }

  /** Tasks that wait or run. */
  get length(): number {
    return this.#tasks.length;
  }

  /**
   * Adds a task. Never waits.
   * @returns false if it was refused: the queue is full, or pauses after failures
   */
  offer(task: StoryboardTask): boolean {
    const { monotonicMs, maxTasks = MAX_TASKS, maxBytes = MAX_BYTES } = this.#options;
    const isFull = this.#tasks.length >= maxTasks || this.#bytes + task.bytes > maxBytes;
    if (isFull || monotonicMs() < this.#notBeforeMs) return false;
    this.#tasks.push(task);
    this.#bytes += task.bytes;
    this.#running ??= this.#run();
    return true;
  }

  /** A stream has a picture. Returns the share of a core that its pictures may take. */
  made(streamId: string): number {
    return this.#shares.made(streamId, this.#options.monotonicMs());
  }

  /** Resolves when no task waits or runs. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    for (let task = this.#tasks[0]; task; task = this.#tasks[0]) {
      try {
        await task.run();
        this.#failures = 0;
      } catch (error) {
        this.#options.failed(error);
        this.#pause();
      }
      this.#tasks.shift();
      this.#bytes -= task.bytes;
    }
    this.#running = undefined;
  }

  #pause(): void {
    this.#failures++;
    if (this.#failures < FAILURES) return;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - FAILURES));
    this.#notBeforeMs = this.#options.monotonicMs() + pauseMs;
  }
}
