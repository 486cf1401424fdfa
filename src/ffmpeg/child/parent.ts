/**
 * Ends a media engine process when its parent has ended or closed the pipes.
 * In: the state of stdin and stdout. Out: exit. Child processes only.
 */
import { rmdirSync } from 'node:fs';

/** Ends this process and removes its empty folder when stdin ends or stdout is closed. */
export function leaveWithParent(): void {
  const leave = () => {
    try {
      rmdirSync(process.cwd());
    } catch {} // The parent removed it, or it is not empty; the system clears its temporary folder.
    process.exit(0);
  };
  process.stdin.on('end', leave);
  process.stdout.on('error', leave);
}
