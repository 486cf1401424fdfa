/**
 * The messages of errors that users read are sentences (CONTRIBUTING.md, Language): they begin with a capital
 * letter or a name and end with a full stop.
 * In: the sources of `packages` and `src`, the table of refusals. Out: problems, one sentence each.
 */
import ts from 'typescript';
import { refusals } from '../src/lib/errors.ts';
import { isTest, listFiles, readSource } from './source-files.ts';

/** A capital letter, a number, a quoted name, or a name as it is written: `storage.target`, `--data`. */
const START = /^(?:[A-Z\d`"'(]|--?[a-z]|[a-z]+(?:[A-Z._]|:\/\/)|(?:oxbow|yt-dlp)\b)/;

/** Everything wrong in the tree, one sentence each. */
export function checkErrors(): readonly string[] {
  const sources = listFiles()
    .filter((path) => /^(?:packages|src)\/.*\.ts$/.test(path) && !isTest(path) && !path.endsWith('/fixture.ts'))
    .map((path) => new Messages(path, readSource(path)));
  const passing = new Map(sources.flatMap((source) => [...source.exported]));
  return [...sources.flatMap((source) => source.check(passing)), ...findRows(refusals)];
}

/**
 * Problems of the messages of `OxbowError` in one file, with their lines.
 *
 * @param path from the root
 */
export function findMessages(path: string, text: string): readonly string[] {
  return new Messages(path, text).check(new Map());
}

/**
 * Problems of rows of refusals.
 *
 * @param rows by code
 */
export function findRows(rows: Record<string, { readonly title: string; readonly hint: string }>): readonly string[] {
  return Object.entries(rows).flatMap(([code, { title, hint }]) => [
    ...(START.test(title) && !title.endsWith('.') ? [] : [`${code}: the title has no capital letter, or a full stop`]),
    ...faultsOf([hint]).map((fault) => `${code}: the hint ${fault}`),
  ]);
}

/** A message is texts and expressions between them. */
type Piece = string | ts.Expression;

/** The messages of one file. A function that passes a parameter on as a message is followed to its calls. */
class Messages {
  readonly #path: string;
  readonly #file: ts.SourceFile;
  /** Functions that pass a parameter on, with its index. */
  readonly #passing = new Map<string, number>();
  readonly #messages: { readonly message: ts.Expression; readonly code: ts.Expression | undefined }[] = [];
  /** The exported ones. */
  readonly exported = new Map<string, number>();

  constructor(path: string, text: string) {
    this.#path = path;
    this.#file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    if (!text.includes('OxbowError')) return;
    visit(this.#file, (node) => {
      const [code, message] = isRefusal(node) ? (node.arguments ?? []) : [];
      if (message) this.#add(message, code);
    });
  }

  check(passing: ReadonlyMap<string, number>): readonly string[] {
    for (const statement of this.#file.statements) {
      if (!ts.isImportDeclaration(statement)) continue;
      const names = statement.importClause?.namedBindings;
      for (const { name } of names && ts.isNamedImports(names) ? names.elements : []) {
        const index = passing.get(name.text);
        if (index !== undefined) this.#follow(name.text, index);
      }
    }
    return this.#messages.flatMap(({ message, code }) => {
      const faults = variantsOf(message).flatMap((pieces) => faultsOf(pieces, code));
      const { line } = this.#file.getLineAndCharacterOfPosition(message.getStart());
      return [...new Set(faults)].map((fault) => `${this.#path}:${line + 1}: the message ${fault}`);
    });
  }

  #add(message: ts.Expression, code?: ts.Expression): void {
    this.#messages.push({ message, code });
    for (const [only, ...more] of variantsOf(message)) {
      const value =
        typeof only === 'object' && ts.isIdentifier(only) && more.length === 0 ? declarationOf(only) : undefined;
      if (!value || !ts.isParameter(value)) continue;
      const passes = value.parent;
      const name = nameOf(passes);
      if (name === undefined) continue;
      const index = passes.parameters.indexOf(value);
      const { modifiers } = ts.isFunctionDeclaration(passes) ? passes : {};
      if (modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) this.exported.set(name, index);
      this.#follow(name, index);
    }
  }

  /** Adds the arguments of the calls of a function. */
  #follow(name: string, index: number): void {
    if (this.#passing.has(name)) return;
    this.#passing.set(name, index);
    visit(this.#file, (node) => {
      if (!ts.isCallExpression(node) || !node.arguments[index]) return;
      if (node.expression.getText() === name || node.expression.getText() === `this.${name}`)
        this.#add(node.arguments[index]);
    });
  }
}

/** `new OxbowError(…)`, or `super(…)` of a class that extends it. */
function isRefusal(node: ts.Node): node is ts.NewExpression | ts.CallExpression {
  if (ts.isNewExpression(node)) return node.expression.getText() === 'OxbowError';
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.SuperKeyword) return false;
  let outer: ts.Node = node;
  while (!ts.isClassLike(outer)) outer = outer.parent;
  return outer.heritageClauses?.some((clause) => /^extends OxbowError$/.test(clause.getText())) ?? false;
}

/** Problems of a message. */
function faultsOf(pieces: readonly Piece[], code?: ts.Expression): readonly string[] {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (typeof first !== 'string' && pieces.length === 1)
    return isForeign(first, code) ? ['is of another error: use sentenceOf(error)'] : [];
  const isEnded = typeof last === 'string' ? last.endsWith('.') : /^sentenceOf\(/.test(last.getText());
  const text = pieces.map((piece) => (typeof piece === 'string' ? piece : '…')).join('');
  return [
    ...(typeof first !== 'string' || START.test(first) ? [] : ['does not begin with a capital letter']),
    ...(isEnded ? [] : ['does not end with a full stop']),
    ...(text.includes('\n') ? ['has several lines'] : []),
    ...(/!(?=[\s"']|$)/.test(text) ? ['has an exclamation mark'] : []),
    ...(/\bplease\b/i.test(text) ? ['says please'] : []),
  ].map((fault) => `${fault}: «${text}»`);
}

/** Whether a message is that of any other error, which may be a fragment. */
function isForeign(message: ts.Expression, code: ts.Expression | undefined): boolean {
  if (ts.isCallExpression(message)) return message.expression.getText() === 'messageOf';
  if (!ts.isPropertyAccessExpression(message) || message.name.text !== 'message') return false;
  // `new OxbowError(error.code, error.message)` repeats a refusal.
  return code?.getText() !== `${message.expression.getText()}.code`;
}

/** Every text that an expression can be. */
function variantsOf(node: ts.Expression): readonly (readonly Piece[])[] {
  if (ts.isStringLiteralLike(node)) return [[node.text]];
  if (ts.isParenthesizedExpression(node)) return variantsOf(node.expression);
  if (ts.isConditionalExpression(node)) return [...variantsOf(node.whenTrue), ...variantsOf(node.whenFalse)];
  // A cut message may have lost its full stop.
  if (ts.isCallExpression(node) && /\.slice$/.test(node.expression.getText()))
    return join(variantsOf((node.expression as ts.PropertyAccessExpression).expression), [[node]]);
  if (ts.isTemplateExpression(node)) {
    return node.templateSpans.reduce<readonly (readonly Piece[])[]>(
      (before, { expression, literal }) => join(join(before, variantsOf(expression)), textOf(literal.text)),
      textOf(node.head.text),
    );
  }
  if (ts.isBinaryExpression(node)) {
    const kind = node.operatorToken.kind;
    if (kind === ts.SyntaxKind.PlusToken) return join(variantsOf(node.left), variantsOf(node.right));
    if (kind === ts.SyntaxKind.QuestionQuestionToken || kind === ts.SyntaxKind.BarBarToken)
      return [...variantsOf(node.left), ...variantsOf(node.right)];
  }
  const value = ts.isIdentifier(node) ? declarationOf(node) : undefined;
  return value && ts.isVariableDeclaration(value) && isText(value.initializer)
    ? variantsOf(value.initializer)
    : [[node]];
}

function isText(node: ts.Expression | undefined): node is ts.Expression {
  if (!node) return false;
  if (ts.isConditionalExpression(node)) return isText(node.whenTrue) || isText(node.whenFalse);
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

const textOf = (text: string): readonly (readonly Piece[])[] => [text === '' ? [] : [text]];

function join(
  before: readonly (readonly Piece[])[],
  after: readonly (readonly Piece[])[],
): readonly (readonly Piece[])[] {
  return before.flatMap((start) => after.map((end) => [...start, ...end]));
}

/** The constant or the parameter that a name refers to. */
function declarationOf({ text, parent }: ts.Identifier): ts.VariableDeclaration | ts.ParameterDeclaration | undefined {
  for (let outer: ts.Node | undefined = parent; outer; outer = outer.parent) {
    const declared = ts.isFunctionLike(outer)
      ? outer.parameters
      : ts.isBlock(outer) || ts.isSourceFile(outer) || ts.isCaseClause(outer)
        ? outer.statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => declarationList.declarations)
        : [];
    const value = declared.find(({ name }) => ts.isIdentifier(name) && name.text === text);
    if (value) return value;
  }
  return undefined;
}

/** The name by which a function of a file is called. */
function nameOf(node: ts.SignatureDeclaration): string | undefined {
  if (node.name) return node.name.getText();
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText() : undefined;
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}
