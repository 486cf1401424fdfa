/**
 * `oxbow man`: the manual page.
 * In: the verbs of the command line. Out: roff for man(1), on stdout.
 */
import type { Command } from 'commander';
import { version } from '../../lib/version.ts';
import { type ExitCode, say } from '../terminal.ts';
import { type Verb, verbTree } from './verb-tree.ts';

/** Adds the verb. */
export function addManual(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('man')
    .summary('the manual page')
    .description('Prints the manual page.')
    .addHelpText('after', examples)
    .action(() => {
      say(manualPage(verbTree(program)).trimEnd());
      exit(0);
    });
}

const examples = `
Examples:
  oxbow man | man -l -
  oxbow man > /usr/local/share/man/man1/oxbow.1`;

/** A verb that has more settings than this names the page of them instead. */
const MOST_SETTINGS = 30;

export function manualPage(verbs: readonly Verb[]): string {
  const [program, ...others] = verbs;
  return `.TH OXBOW 1 "" "oxbow ${roff(version)}" "User Commands"
.SH NAME
oxbow \\- live video that remembers
.SH SYNOPSIS
.B oxbow
[\\fIVERB\\fR] [\\fIOPTIONS\\fR]
.SH DESCRIPTION
${roff(program!.description)}
Each setting is a flag, a variable (OXBOW_\\fINAME\\fR) and a key of oxbow.yaml.
.SH VERBS
${others
  .filter(({ verbs: within }) => within.length === 0)
  .map(sectionOf)
  .join('')}.SH EXIT STATUS
0 done, 1 failed, 2 wrong usage or settings, 130 interrupted. \\fBoxbow record\\fR ends with 3 where a track was left out.
`;
}

function sectionOf({ path, usage, description, options }: Verb): string {
  const takesAll = options.filter(({ isSetting }) => isSetting).length > MOST_SETTINGS;
  const shown = options.filter(({ isSetting, long }) => long !== '--help' && !(takesAll && isSetting));
  const more = takesAll ? ` Takes every setting; see \\fBoxbow ${path.join(' ')} \\-\\-help\\fR.` : '';
  return `.SS "oxbow ${path.join(' ')} ${roff(usage).replaceAll('"', '""')}"
${roff(description)}${more}
${shown.map(({ flags, description: text }) => `.TP\n\\fB${roff(flags)}\\fR\n${roff(text)}\n`).join('')}`;
}

/**
 * Text without meaning for roff: backslashes and hyphens are escaped, a line does not begin with a control
 * character.
 */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => line.replace(/^(?=[.'])/, '\\&'))
    .join('\n');
}
