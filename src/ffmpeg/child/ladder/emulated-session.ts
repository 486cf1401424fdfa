/**
 * One session of an emulated video device, in front of the software encoder: it fails as the file of the
 * device says.
 * In: the name of a device, each picture. Out: errors, hangs, pictures that never come out. Child processes
 * only.
 */
import { closeSync, mkdirSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isProcess } from '../../../lib/platform.ts';
import { emulatedFolder, readBehaviour } from '../../encoders/emulated-devices.ts';

/** Sessions of this process, for names of their files. */
let opened = 0;

/** A session; disposing frees its place. */
export class EmulatedSession implements Disposable {
  readonly #device: string;
  readonly #file: string;
  #pictures = 0;

  /** @throws Error as FFmpeg does where the device is full or does not open */
  constructor(device: string) {
    this.#device = device;
    const { sessions, open } = readBehaviour(device);
    if (open === 'hang') hang();
    if (open === 'fail') throw new Error('opening the emulated device: No such device');
    const folder = join(emulatedFolder(device), 'sessions');
    mkdirSync(folder, { recursive: true });
    // An empty file for each session, which this process may create although it may write nothing.
    this.#file = join(folder, `${process.pid}-${opened++}`);
    closeSync(openSync(this.#file, 'wx'));
    const running = readdirSync(folder).filter((name) => isProcess(Number.parseInt(name, 10)));
    if (sessions !== undefined && running.length > sessions) {
      this[Symbol.dispose]();
      closeSync(openSync(join(emulatedFolder(device), 'refused'), 'w'));
      throw new Error('opening the emulated device: Cannot allocate memory');
    }
  }

  /**
   * A picture goes in.
   *
   * @returns whether it will come out
   * @throws Error where the device fails
   */
  enter(): boolean {
    const { failAfter, hangAfter, silentAfter, delayMs = 0 } = readBehaviour(this.#device);
    const number = this.#pictures++;
    if (hangAfter !== undefined && number >= hangAfter) hang();
    if (failAfter !== undefined && number >= failAfter) throw new Error('the emulated device was lost');
    if (delayMs > 0) pause(delayMs);
    return silentAfter === undefined || number < silentAfter;
  }

  [Symbol.dispose](): void {
    try {
      unlinkSync(this.#file);
    } catch {
      // Disposed before.
    }
  }
}

/** Blocks the process as a native call does. */
function pause(ms?: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Never returns: the process is killed. */
function hang(): void {
  pause();
}
