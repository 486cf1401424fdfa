/**
 * Memory of a process that shows its program file, unchanged.
 * In: the text of /proc/PID/smaps (proc(5)). Out: address ranges whose pages the system can read from the
 * file again.
 */

/** A range of addresses. */
interface PageRange {
  readonly start: bigint;
  /** Bytes. */
  readonly length: bigint;
}

/** START-END PERMISSIONS OFFSET DEVICE INODE FILE, the first line of each range; numbers are hexadecimal. */
const FIRST_LINE = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ +(.+)$/m;

/**
 * Only ranges that cannot be written and have no page of their own are unchanged, and only the program and
 * modules of Node (`.node`) stay where they are until the process ends. Of a library, another range could be
 * in its place when the caller uses the address.
 *
 * @param program path of the program
 */
export function programPages(program: string, smaps: string): PageRange[] {
  const ranges: PageRange[] = [];
  for (const text of smaps.split(/^(?=[0-9a-f]+-)/m)) {
    const [, start, end, permissions, file] = FIRST_LINE.exec(text) ?? [];
    const name = file?.replace(/ \(deleted\)$/, ''); // replaced on disk since the start
    if (name !== program && !name?.endsWith('.node')) continue;
    if (permissions!.includes('w') || !/^Anonymous: +0 kB$/m.test(text)) continue;
    ranges.push({ start: BigInt(`0x${start}`), length: BigInt(`0x${end}`) - BigInt(`0x${start}`) });
  }
  return ranges;
}
