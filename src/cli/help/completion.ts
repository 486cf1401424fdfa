/**
 * `oxbow completion SHELL`: a script that completes verbs and options in bash, zsh or fish.
 * In: the verbs of the command line. Out: the script, on stdout. It calls no program while someone types.
 */
import { Argument, type Command } from 'commander';
import { type ExitCode, say } from '../terminal.ts';
import { type Verb, verbTree } from './verb-tree.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

/** Shells with a script. */
type Shell = (typeof shells)[number];

/** Adds the verb. */
export function addCompletion(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('completion')
    .summary('verbs and options completed by the shell')
    .description('Prints a script that completes verbs and options with the Tab key.')
    .addArgument(new Argument('<SHELL>', 'the shell').choices(shells))
    .addHelpText('after', examples)
    .action((shell: Shell) => {
      say(completionScript(shell, verbTree(program)).trimEnd());
      exit(0);
    });
}

const examples = `
Examples:
  source <(oxbow completion bash)                              in ~/.bashrc
  source <(oxbow completion zsh)                               in ~/.zshrc, after compinit
  oxbow completion fish > ~/.config/fish/completions/oxbow.fish`;

/** The script of a shell. */
export function completionScript(shell: Shell, verbs: readonly Verb[]): string {
  if (shell === 'fish') return fishScript(verbs);
  const script = bashScript(verbs);
  return shell === 'bash' ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`;
}

/**
 * A verb is found by the words before the cursor; a word that is neither a verb nor an option is completed
 * as a file.
 */
function bashScript(verbs: readonly Verb[]): string {
  const paths = verbs.slice(1).map(({ path }) => path.join('/'));
  const cases = verbs.map(({ path, options, verbs: within }) => {
    const words = [
      ...within,
      ...options.flatMap(({ long, short }) => [long, short].filter((name) => name !== undefined)),
    ];
    return `    '${path.join('/')}') words='${words.join(' ')}' ;;`;
  });
  return `# bash completion for oxbow
_oxbow() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path= words= next i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path/}\${COMP_WORDS[i]}"
    case "$next" in
      ${paths.join('|')}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _oxbow oxbow
`;
}

function fishScript(verbs: readonly Verb[]): string {
  const lines = ['# fish completion for oxbow'];
  const [, ...others] = verbs;
  for (const verb of verbs) {
    const condition = conditionOf(verb);
    for (const name of verb.verbs) {
      const { summary } = others.find(({ path }) => path.join(' ') === [...verb.path, name].join(' '))!;
      lines.push(`complete -c oxbow -f -n ${quoted(condition)} -a ${name} -d ${quoted(summary)}`);
    }
    for (const { long, short, takesValue, description } of verb.options) {
      const names = [...(long ? ['-l', long.slice(2)] : []), ...(short ? ['-s', short.slice(1)] : [])];
      const text = description.split('. ')[0]!;
      lines.push(
        `complete -c oxbow -n ${quoted(condition)} ${names.join(' ')}${takesValue ? ' -r' : ''} -d ${quoted(text)}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Where a verb is the one that is typed: its words are there, and none of the verbs within it is. */
function conditionOf({ path, verbs }: Verb): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  if (path.length === 0) return '__fish_use_subcommand';
  return [...seen, ...(verbs.length > 0 ? [`not __fish_seen_subcommand_from ${verbs.join(' ')}`] : [])].join('; and ');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
