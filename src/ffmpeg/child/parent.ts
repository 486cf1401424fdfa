/**
 * The end of a media engine process when the one that started it is gone or let go.
 * In: the state of stdin and stdout. Out: exit. Child processes only.
 */
import { rmdirSync } from 'node:fs';

/** Ends this process, and its empty folder, once stdin ends or nobody reads stdout any more. */
export function leaveWithParent(): void {
  const leave = () => {
    try {
      rmdirSync(process.cwd());
    } catch {} // The parent did it, or it is not empty; the system clears its temporary folder.
    process.exit(0);
  };
  process.stdin.on('end', leave);
  process.stdout.on('error', leave);
}
