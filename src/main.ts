/**
 * The start of oxbow: runs the command line it was given and ends with its exit code.
 * In: arguments. Out: exit code. Started by bin/oxbow.
 */
import { runCommandLine } from './cli/program.ts';

process.exit(await runCommandLine(process.argv.slice(2)));
