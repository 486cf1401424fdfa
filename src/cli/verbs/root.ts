/**
 * What all verbs of the command line share: help, errors, and how they inherit both.
 * In: nothing. Out: a command line without verbs. Only this folder imports commander.
 */
import { Command } from 'commander';
import { sentenceOf } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import { addHiddenFlags, shortenHelp } from '../setting-flags.ts';

/** Names of flags in other servers. */
const otherNames: Readonly<Record<string, string>> = { '--port': '--http', '--bind': '--listen' };

/** An error of the library in the form of oxbow, with the flag that was meant. */
function asSentences(text: string): string {
  const unknown = /unknown option '(--[a-z-]+)/.exec(text)?.[1] ?? '';
  const meant = otherNames[unknown];
  const hinted = meant === undefined ? text : text.replace(/(?:\n\(.*\))?\n/, `\n(Did you mean ${meant}?)\n`);
  return hinted
    .replace(/^error: (.*)$/m, (_, message: string) => `oxbow: ${sentenceOf(message)}`)
    .replace(/\n\(Did you mean (.*)\?\)/, '\n  Did you mean $1?');
}

/** Creates the command line without verbs. */
export function createRoot(): Command {
  const program = new Command('oxbow');
  program
    .description('Live video that remembers. Without a verb, oxbow serves.')
    .version(version, '--version', 'Print the version.')
    .helpOption('--help', 'Print this, or the help of a verb.')
    .helpCommand(false)
    .addHelpText('after', '\nSettings and examples: oxbow serve --help')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(asSentences(text)),
    })
    .showHelpAfterError('  See oxbow --help.');
  return program;
}

/** Gives every verb that was added the options of the root. */
export function finishVerbs(program: Command): Command {
  for (const command of program.commands) {
    for (const each of [command, ...command.commands]) {
      inherit(each);
      shortenHelp(each);
    }
  }
  for (const each of [program, ...program.commands]) each.hook('preSubcommand', (_, verb) => addHiddenFlags(verb));
  return program;
}

/** Options of commander for every verb. */
function inherit(command: Command): void {
  command
    .copyInheritedSettings(command.parent ?? command)
    .helpOption('--help', 'Print this.')
    .helpCommand(false);
  const parents = [command.parent?.parent?.name(), command.parent?.name(), command.name()];
  command.showHelpAfterError(`  See ${parents.filter(Boolean).join(' ')} --help.`);
}
