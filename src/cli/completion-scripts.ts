/**
 * Completion for bash, zsh and fish.
 * In: the table of verbs and flags. Out: the text of a script that the shell reads. Pure.
 */
import type { FlagWords, VerbWords } from './completion-table.ts';

/** Shells that can be served. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** A shell. */
export type Shell = (typeof shells)[number];

/** The script of a shell. */
export function printCompletion(shell: Shell, table: readonly VerbWords[]): string {
  return { bash: printBash, zsh: printZsh, fish: printFish }[shell](table);
}

const pathOf = ({ path }: VerbWords): string => path.join(' ');
const wordsOf = ({ verbs, words }: VerbWords): readonly string[] => [...verbs.map(([name]) => name), ...words];

/** Flags with the same answer share a line. */
function valueCases(flags: readonly FlagWords[], answer: (flag: FlagWords) => string | undefined): readonly string[] {
  const byAnswer = new Map<string, Set<string>>();
  for (const each of flags) {
    const text = answer(each);
    if (text === undefined) continue;
    byAnswer.set(text, (byAnswer.get(text) ?? new Set()).add(each.flag));
  }
  return [...byAnswer].map(([text, names]) => `    ${[...names].join('|')}) ${text} ;;`);
}

function printBash(table: readonly VerbWords[]): string {
  const values = valueCases(
    table.flatMap(({ flags }) => flags),
    ({ choices, takes }) => {
      if (choices.length > 0) return `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word")); return`;
      // With no answer of ours bash offers files.
      return takes === 'nothing' ? undefined : 'return';
    },
  );
  const paths = table.filter(({ path }) => path.length > 0).map((verb) => `'${pathOf(verb)}'`);
  const verbs = table.map(
    (verb) =>
      `    '${pathOf(verb)}') words='${wordsOf(verb).join(' ')}' flags='${verb.flags.map(({ flag }) => flag).join(' ')}' ;;`,
  );
  return `# bash completion for oxbow: source <(oxbow completion bash)
_oxbow() {
  COMPREPLY=()
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" verb='' next words flags i
  case "$before" in
${values.join('\n')}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${verb:+$verb }\${COMP_WORDS[i]}"
    case "$next" in
    ${paths.join('|')}) verb="$next" ;;
    esac
  done
  case "$verb" in
${verbs.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  esac
}
complete -o default -F _oxbow oxbow
`;
}

function printZsh(table: readonly VerbWords[]): string {
  const functionOf = (path: readonly string[]) => ['_oxbow', ...path].join('_');
  const functions = table.map((verb) => {
    const flags = verb.flags.map((flag) => `    '${zshFlag(flag)}'`);
    const below = verb.verbs.map(([name, sentence]) => `      '${name}:${sentence}'`);
    const words = verb.words.length > 0 ? `    '1:word:(${verb.words.join(' ')})'` : "    '*:file:_files'";
    if (below.length === 0) {
      return `${functionOf(verb.path)}() {\n  _arguments \\\n${[...flags, words].join(' \\\n')}\n}`;
    }
    const cases = verb.verbs.map(([name]) => `      ${name}) ${functionOf([...verb.path, name])} ;;`);
    return `${functionOf(verb.path)}() {
  local state line
  _arguments -C \\
${[...flags, "    '1: :->verb'", "    '*:: :->rest'"].join(' \\\n')}
  case $state in
  verb)
    local -a verbs=(
${below.join('\n')}
    )
    _describe verb verbs
    _files
    ;;
  rest)
    case $line[1] in
${cases.join('\n')}
    esac
    ;;
  esac
}`;
  });
  return `#compdef oxbow
# zsh completion for oxbow: oxbow completion zsh > "\${fpath[1]}/_oxbow"
${functions.join('\n\n')}

compdef _oxbow oxbow
`;
}

function zshFlag({ flag, sentence, choices, takes }: FlagWords): string {
  const value = {
    nothing: '',
    text: choices.length > 0 ? `:value:(${choices.join(' ')})` : ':value: ',
    file: ':file:_files',
    folder: ':folder:_files -/',
  };
  return `*${flag}[${sentence}]${value[takes]}`;
}

function printFish(table: readonly VerbWords[]): string {
  const lines = table.flatMap((verb) => {
    const seen = verb.path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    const none =
      verb.verbs.length > 0 ? `not __fish_seen_subcommand_from ${verb.verbs.map(([name]) => name).join(' ')}` : '';
    const when = [seen, none].filter((part) => part !== '').join('; and ');
    const condition = when === '' ? '' : ` -n '${when}'`;
    return [
      ...verb.verbs.map(([name, sentence]) => `complete -c oxbow${condition} -a ${name} -d '${sentence}'`),
      ...verb.words.map((word) => `complete -c oxbow${condition} -f -a ${word}`),
      ...verb.flags.map((flag) => `complete -c oxbow${condition} ${fishFlag(flag)}`),
    ];
  });
  return `# fish completion for oxbow: oxbow completion fish > ~/.config/fish/completions/oxbow.fish\n${lines.join('\n')}\n`;
}

function fishFlag({ flag, sentence, choices, takes }: FlagWords): string {
  const value = {
    nothing: '',
    text: choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : ' -x',
    file: ' -r -F',
    folder: " -x -a '(__fish_complete_directories)'",
  };
  return `-l ${flag.slice(2)} -d '${sentence}'${value[takes]}`;
}
