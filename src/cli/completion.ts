/**
 * `oxbow completion bash|zsh|fish`: the script by which a shell completes verbs, flags and values.
 * In: the name of a shell. Out: the script on stdout.
 */
import { Argument, type Command } from 'commander';
import { printCompletion, type Shell, shells } from './completion-scripts.ts';
import { completionTable } from './completion-table.ts';
import { type ExitCode, say } from './terminal.ts';

/** Adds the verb. */
export function addCompletion(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('completion')
    .summary('completion for bash, zsh or fish')
    .description('Prints the script by which a shell completes what is typed.')
    .addArgument(new Argument('<SHELL>', 'the shell').choices(shells))
    .addHelpText('after', '\nFor this shell:  source <(oxbow completion bash)')
    .action((shell: Shell) => {
      say(printCompletion(shell, completionTable(program)).trimEnd());
      exit(0);
    });
}
