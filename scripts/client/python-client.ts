/**
 * Writes the client for Python: the hand-written half (python/runtime.py), then the shapes and a method for
 * each operation.
 * In: the model of the API. Out: the text of oxbow.py.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiModel, ApiOperation, Field, Shape, Type } from './api-model.ts';

const KEYWORDS = new Set(
  'False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield'.split(
    ' ',
  ),
);
/** Names of the options of every method, and of its body. */
const TAKEN = new Set(['self', 'body', 'content_type', 'idempotency_key', 'if_match', 'on_headers', 'timeout']);

const snake = (name: string): string => {
  const word = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/\W+/g, '_')
    .toLowerCase();
  return KEYWORDS.has(word) || TAKEN.has(word) ? `${word}_` : word;
};
const quote = (text: string): string => JSON.stringify(text).replaceAll(/[^\x20-\x7e]/g, escaped);
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
/** A sentence in a docstring or a comment of one line. */
const line = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"""', "'''").replaceAll(/\s+/g, ' ').trim();

/**
 * A type as an annotation.
 *
 * @param isEvaluated at run time: names of shapes are texts, which may follow later
 */
function typeOf(type: Type, isEvaluated = false): string {
  switch (type.kind) {
    case 'string':
      return 'str';
    case 'integer':
      return 'int';
    case 'number':
      return 'float';
    case 'boolean':
      return 'bool';
    case 'null':
      return 'None';
    case 'literals':
      return `Literal[${[...new Set(type.values)].map(quote).join(', ')}]`;
    case 'list':
      return `List[${typeOf(type.of, isEvaluated)}]`;
    case 'map':
      return `Dict[str, ${typeOf(type.of, isEvaluated)}]`;
    case 'shape':
      return isEvaluated ? quote(type.name) : type.name;
    case 'union':
      return `Union[${type.of.map((each) => typeOf(each, isEvaluated)).join(', ')}]`;
    default:
      return 'Any';
  }
}

/** Types of shapes are texts: they may name each other, and are not evaluated at run time. */
function shapeText(shape: Shape): string {
  const comment = shape.description ? `#: ${line(shape.description)}\n` : '';
  if (shape.kind === 'alias') return `${comment}${shape.name} = ${typeOf(shape.type, true)}\n`;
  const rows = shape.fields.map(({ name, type, required, description }) => {
    const annotation = required ? typeOf(type) : `NotRequired[${typeOf(type)}]`;
    const note = description ? `        # ${line(description)}\n` : '';
    return `${note}        ${quote(name)}: '${annotation.replaceAll("'", "\\'")}',\n`;
  });
  return `${comment}${shape.name} = TypedDict(\n    ${quote(shape.name)},\n    {\n${rows.join('')}    },\n)\n`;
}

/** Texts of an address may be numbers and truth values too. */
function parameterType(type: Type): string {
  const text = typeOf(type);
  if (type.kind === 'string') return 'Union[str, int]';
  return text.includes('"true"') ? `Union[${text}, bool]` : text;
}

function methodText(operation: ApiOperation): string {
  const { id, method, path, summary, inPath, query, body, answer } = operation;
  const [required, optional] = [query.filter((field) => field.required), query.filter((field) => !field.required)];
  const parameter = (field: Field) => `${snake(field.name)}: ${parameterType(field.type)}`;
  const bodyType = body && ('type' in body ? typeOf(body.type) : 'Union[bytes, IO[bytes]]');
  const taken = [
    'self',
    ...inPath.map(parameter),
    ...(bodyType ? [`body: ${bodyType}`] : []),
    '*',
    ...required.map(parameter),
    ...optional.map((field) => `${snake(field.name)}: Optional[${parameterType(field.type)}] = None`),
    ...(body && 'types' in body ? [`content_type: str = ${quote(body.types[0]!)}`] : []),
    ...(method === 'POST' ? ['idempotency_key: Optional[str] = None'] : []),
    ...(method === 'GET' ? [] : ['if_match: Optional[str] = None']),
    'on_headers: Optional[Callable[[http.client.HTTPMessage], None]] = None',
    'timeout: Optional[float] = None',
  ];
  const result = answer === 'file' ? 'File' : answer ? typeOf(answer.type) : 'None';
  const dict = (fields: readonly Field[]) =>
    `{${fields.map(({ name }) => `${quote(name)}: ${snake(name)}`).join(', ')}}`;
  const sent = [
    quote(method),
    quote(path),
    dict(inPath),
    dict(query),
    ...(body ? ['body=body'] : []),
    ...(body && 'types' in body ? ['content_type=content_type'] : []),
    ...(answer === 'file' ? ['is_file=True'] : []),
    ...(method === 'POST' ? ['idempotency_key=idempotency_key'] : []),
    ...(method === 'GET' ? [] : ['if_match=if_match']),
    'on_headers=on_headers',
    'timeout=timeout',
  ];
  const notes = [
    ...[...inPath, ...query]
      .filter(({ description }) => description)
      .map((field) => `${snake(field.name)}: ${line(field.description)}`),
    ...(body && 'types' in body ? [`content_type: ${body.types.join(', ')}`] : []),
  ];
  const doc = notes.length > 0 ? `\n\n${notes.map((note) => `        ${note}\n`).join('')}        ` : '';
  return `    def ${snake(id)}(
${taken.map((each) => `        ${each},\n`).join('')}    ) -> ${quote(result)}:
        """${line(summary)}${doc}"""
        return self._call(
${sent.map((each) => `            ${each},\n`).join('')}        )
`;
}

/** The text of oxbow.py. */
export function pythonClient({ shapes, operations }: ApiModel): string {
  const runtime = readFileSync(join(import.meta.dirname, 'python', 'runtime.py'), 'utf8');
  return `# Made by \`npm run generate\` from the sources; do not edit.
# SPDX-License-Identifier: Apache-2.0
${runtime}

# The shapes of requests and answers. At run time they are dictionaries.

${shapes.map(shapeText).join('\n')}

class Client(_Requests):
    """A client of one server: \`Client("https://tv.example", token)\`.

    Path parameters come first, then the body; everything else is passed by name. Every method raises OxbowProblem.
    \`on_headers\` gets the headers of the answer, e.g. for its ETag; \`if_match\` is an ETag: if the resource has another
    one, the request fails with \`precondition-failed\`. With the same \`idempotency_key\` the first answer is returned again.
    """

${operations.map(methodText).join('\n')}`;
}
