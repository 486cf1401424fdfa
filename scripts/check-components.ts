/**
 * Checks that the components of the interface name nothing that does not exist: the type checker does not read them.
 * In: the Svelte files. Out: sentences about what is wrong.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { compile } from 'svelte/compiler';
import { listFiles, readSource, root } from './source-files.ts';

const RULE = 'noUndeclaredVariables';
/** Biome knows the names that browsers define. */
const CONFIG = { linter: { rules: { correctness: { [RULE]: 'error' } } } };

/**
 * Finds names that a component uses and does not declare.
 *
 * @param components source text by path
 */
export function findUndeclared(components: ReadonlyMap<string, string>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-components-'));
  try {
    writeFileSync(join(folder, 'biome.json'), JSON.stringify(CONFIG));
    const paths = [...components.keys()];
    for (const [index, path] of paths.entries()) {
      mkdirSync(join(folder, String(index)));
      const { js } = compile(components.get(path)!, { filename: path, generate: 'client' });
      writeFileSync(join(folder, String(index), `${basename(path)}.js`), js.code);
    }
    const biome = join(root, 'node_modules', '.bin', 'biome');
    const args = ['lint', `--only=correctness/${RULE}`, '--reporter=json', '--max-diagnostics=none', folder];
    const { stdout } = spawnSync(biome, args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' });
    const report = JSON.parse(stdout) as {
      diagnostics: { message: string | { content: string }[]; location: { path: string | { file: string } } }[];
    };
    return report.diagnostics.map(({ message, location }) => {
      const file = typeof location.path === 'string' ? location.path : location.path.file;
      const index = Number(/(\d+)[\\/][^\\/]+$/.exec(file)?.[1]);
      const text = typeof message === 'string' ? message : message.map(({ content }) => content).join('');
      return `${paths[index]}: ${text}`;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `import { a, type B as C } from './file.ts'`: the names, and the file. */
const IMPORT = /import (?:type )?(?:\w+, )?\{([^}]*)\} from '(\.[^']+)'/g;

/**
 * Finds names that a component imports from a file of the tree that does not export them.
 *
 * @param components source text by path
 * @param read returns the source text of a file, by its path from the root
 */
export function findMissingExports(
  components: ReadonlyMap<string, string>,
  read: (path: string) => string,
): readonly string[] {
  return [...components].flatMap(([path, text]) =>
    [...text.matchAll(IMPORT)].flatMap(([, names, from]) => {
      const source = read(join(dirname(path), from!));
      return names!
        .split(',')
        .map((name) =>
          name
            .trim()
            .replace(/^type /, '')
            .replace(/ as .*/, ''),
        )
        .filter((name) => name !== '' && !new RegExp(`\\bexport\\b[^=;(]*\\b${name}\\b`).test(source))
        .map((name) => `${path}: ${from} does not export ${name}.`);
    }),
  );
}

/** Everything wrong in web/src, one sentence each. */
export function checkComponents(): readonly string[] {
  const files = listFiles().filter((path) => path.startsWith('web/src/') && path.endsWith('.svelte'));
  const components = new Map(files.map((path) => [path, readSource(path)]));
  return [...findUndeclared(components), ...findMissingExports(components, readSource)];
}
