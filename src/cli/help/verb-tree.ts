/**
 * The command line as plain values: its verbs, their options and summaries.
 * In: the program of commander. Out: a list for completion and the manual page. Pure.
 */
import type { Command } from 'commander';

interface VerbOption {
  /** `-o, --output <FILE>`. */
  readonly flags: string;
  /** With its dashes; undefined for one that has only a letter. */
  readonly long: string | undefined;
  readonly short: string | undefined;
  readonly takesValue: boolean;
  readonly description: string;
  /** It is one of the table of settings. */
  readonly isSetting: boolean;
}

/** A verb, or the program itself. */
export interface Verb {
  /** Words after the program's name; empty for the program. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  /** Arguments and options as its help writes them. */
  readonly usage: string;
  readonly options: readonly VerbOption[];
  /** Names of the verbs within it. */
  readonly verbs: readonly string[];
}

/** The program, then each verb followed by those within it. */
export function verbTree(program: Command): Verb[] {
  return verbsOf(program, []);
}

function verbsOf(command: Command, path: readonly string[]): Verb[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).map(({ flags, long, short, required, optional, ...option }) => ({
    flags,
    long: long ?? undefined,
    short: short ?? undefined,
    takesValue: required || optional,
    description: option.description,
    isSetting: option.helpGroupHeading === 'Settings:',
  }));
  const verb = {
    path,
    options,
    usage: command.usage(),
    description: command.description(),
    summary: command.summary() || command.description().split('. ')[0]!,
    verbs: command.commands.map((each) => each.name()),
  };
  return [verb, ...command.commands.flatMap((each) => verbsOf(each, [...path, each.name()]))];
}
