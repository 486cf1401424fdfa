/**
 * What a shell may complete on a command line of oxbow, taken from the same table as the command line itself.
 * In: the program as commander holds it. Out: verbs with their words, flags and values.
 */
import type { Command } from 'commander';

/** One flag. */
export interface FlagWords {
  /** With its dashes, e.g. `--keep`. */
  readonly flag: string;
  readonly sentence: string;
  /** Words that it takes; empty where it takes no value, or any. */
  readonly choices: readonly string[];
  /** What its value is: none, one of `choices` or free text, a file, a folder. */
  readonly takes: 'nothing' | 'text' | 'file' | 'folder';
}

/** One verb, or a part of one. */
export interface VerbWords {
  /** E.g. `['config', 'print']`; empty for the program. */
  readonly path: readonly string[];
  readonly sentence: string;
  /** Names of the verbs below it with a sentence each. */
  readonly verbs: readonly (readonly [name: string, sentence: string])[];
  /** Words of its argument, e.g. the names of shells. */
  readonly words: readonly string[];
  readonly flags: readonly FlagWords[];
}

/** The program and everything below it. A verb that runs when none is named gives its flags to the program too. */
export function completionTable(program: Command): readonly VerbWords[] {
  const all: VerbWords[] = [];
  const walk = (command: Command, path: readonly string[]) => {
    const below = command.commands;
    const isProgram = path.length === 0;
    const byDefault = isProgram ? below.find((each) => each.name() === 'serve') : undefined;
    all.push({
      path,
      sentence: firstSentence(command.summary() || command.description()),
      verbs: below.map((each) => [each.name(), firstSentence(each.summary() || each.description())]),
      words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      flags: [...flagsOf(command), ...(byDefault ? flagsOf(byDefault) : [])].filter(
        ({ flag }, at, flags) => flags.findIndex((other) => other.flag === flag) === at,
      ),
    });
    for (const each of below) walk(each, [...path, each.name()]);
  };
  walk(program, []);
  return all;
}

function flagsOf(command: Command): readonly FlagWords[] {
  const options = command.createHelp().visibleOptions(command);
  return options.flatMap(({ long, description, required, optional, flags, argChoices }) => {
    if (!long) return [];
    const placeholder = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '';
    const isChoice = /^[a-z]+(\|[a-z]+)+$/.test(placeholder);
    const takes = !required && !optional ? 'nothing' : kindOf(placeholder);
    return [
      {
        flag: long,
        sentence: firstSentence(description),
        choices: argChoices ?? (isChoice ? placeholder.split('|') : []),
        takes,
      },
    ];
  });
}

function kindOf(placeholder: string): FlagWords['takes'] {
  if (/FILE|PROGRAM/.test(placeholder)) return 'file';
  return placeholder === 'DIR' ? 'folder' : 'text';
}

/** Shells show one line: up to the first full stop, colon or semicolon, without what a shell would read as its own. */
function firstSentence(text: string): string {
  return (/^[^.;:(]*/.exec(text)?.[0] ?? '').replace(/[`'"\\$[\]]/g, '').trim();
}
