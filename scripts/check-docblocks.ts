/**
 * Every file of src and scripts opens with a comment, every exported name of src has a docblock.
 * In: the sources. Out: sentences about what is missing.
 */
import { listSources, readSource } from './source-files.ts';

const EXPORT =
  /^export (?:declare )?(?:default )?(?:async )?(?:abstract )?(?:function\*?|class|const|let|interface|type)\s+([A-Za-z_$][\w$]*)/;

/** Everything that lacks its comment, one sentence each. */
export function checkDocblocks(): readonly string[] {
  const opening = [...listSources('src'), ...listSources('scripts')].filter(
    (path) => !opensWithComment(readSource(path)),
  );
  const undocumented = listSources('src')
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) =>
      listUndocumented(readSource(path)).map(
        ({ name, line }) => `src${path.slice(3)}:${line}: ${name} has no docblock`,
      ),
    );
  return [...opening.map((path) => `${path}:1: the file has no opening comment`), ...undocumented];
}

function opensWithComment(text: string): boolean {
  return /^(#![^\n]*\n)?\s*(\/\*\*|\/\/|<!--)/.test(text);
}

/** Exported names without a docblock above; a type or overload beside a documented name of the same spelling shares its docblock. */
export function listUndocumented(text: string): readonly { readonly name: string; readonly line: number }[] {
  const lines = text.split('\n');
  const documented = new Set<string>();
  const missing: { name: string; line: number }[] = [];
  for (const [index, line] of lines.entries()) {
    const name = EXPORT.exec(line)?.[1];
    if (name === undefined) continue;
    let above = index - 1;
    while (above >= 0 && /^\s*\/\/ biome-ignore/.test(lines[above]!)) above--;
    if (above >= 0 && /\*\/\s*$/.test(lines[above]!)) documented.add(name);
    else if (!documented.has(name)) missing.push({ name, line: index + 1 });
  }
  return missing;
}
