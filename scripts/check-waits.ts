/**
 * Tests next to the code wait for no wall time, and no test asserts that something took less, or more, than a
 * part of a second: a busy machine would fail them, and pauses are most of the time of a suite.
 * In: tests, contracts and fixtures. Out: sentences about waits without virtual time or a reason, and about
 * compared times.
 */
import ts from 'typescript';
import { isTest, listFiles, readSource } from './source-files.ts';

/** Timers of such a file follow the test. */
const VIRTUAL = /\bopenVirtualTime\(|\bnew VirtualTime\(|\bmock\.timers\.enable\(/;
/** Before the first statement, followed by why. */
const REASON = /Waits for wall time: *[^\s*]/;
/** Times below it depend on the machine, ms. */
const LEAST_MS = 1000;
/** Files that may wait: others are not parsed. */
const CANDIDATE = /\bset(?:Timeout|Interval)\b|\bscheduler\b|\/(?:abort|wait)\.ts'/;
const TIMERS = /^(?:node:)?timers(?:\/promises)?$/;
/** Functions that wait, by the module that has them. */
const waits: readonly (readonly [module: RegExp, names: readonly string[]])[] = [
  [TIMERS, ['setTimeout', 'setInterval', 'scheduler']],
  [/(?:^|\/)lib\/abort\.ts$|^\.\/abort\.ts$/, ['sleep']],
  [/(?:^|\/)fixtures\/wait\.ts$/, ['until']],
];

/** Everything wrong, one sentence each. */
export function checkWaits(): readonly string[] {
  return listFiles().flatMap((path) => {
    const isBeside = /^(?:packages|src|web\/src)\//.test(path) && isTest(path);
    const isOfTests = path.startsWith('test/') && path.endsWith('.ts');
    if (!isBeside && !isOfTests) return [];
    const text = readSource(path);
    return [...(isBeside ? findWaits(path, text) : []), ...findComparedTimes(path, text)];
  });
}

/**
 * Where a file of tests next to the code waits for wall time without virtual time or a reason; and a reason
 * of a file that does not wait.
 *
 * @param path from the root, e.g. `src/net/net.test.ts`
 */
export function findWaits(path: string, text: string): readonly string[] {
  const isExplained = REASON.test(text);
  if (!CANDIDATE.test(text) && !isExplained) return [];
  const file = parse(path, text);
  const names = waitingNames(file);
  const lines: string[] = [];
  visit(file, (node) => {
    if (!ts.isCallExpression(node)) return;
    const name = names(node.expression);
    if (name === undefined || !isPause(name, node)) return;
    lines.push(`${path}:${lineOf(file, node)}: ${node.expression.getText(file)} waits for wall time`);
  });
  if (isExplained && REASON.test(text.slice(0, file.statements[0]?.getStart(file) ?? 0))) {
    return lines.length > 0 ? [] : [`${path} says «Waits for wall time», but does not wait`];
  }
  if (VIRTUAL.test(text)) return [];
  return lines.map(
    (line) => `${line}: move time with openVirtualTime, or say why in the first comment: «Waits for wall time: …»`,
  );
}

/** The timer of a called expression: `setTimeout` and so on, or undefined. */
function waitingNames(file: ts.SourceFile): (called: ts.Expression) => string | undefined {
  const names = new Map([
    ['setTimeout', 'timer'],
    ['setInterval', 'timer'],
  ]);
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const specifier = (statement.moduleSpecifier as ts.StringLiteral).text;
    const module = waits.find(([pattern]) => pattern.test(specifier));
    const kind = specifier.endsWith('timers') ? 'timer' : 'pause';
    const { name, namedBindings } = statement.importClause ?? {};
    // `timersPromises.setTimeout(ms)` of a whole module.
    if (module && TIMERS.test(specifier)) {
      if (name) names.set(`${name.text}.setTimeout`, kind);
      if (namedBindings && ts.isNamespaceImport(namedBindings))
        names.set(`${namedBindings.name.text}.setTimeout`, kind);
    }
    if (!namedBindings || !ts.isNamedImports(namedBindings)) continue;
    for (const { name: local, propertyName } of namedBindings.elements) {
      const isWait = module?.[1].includes((propertyName ?? local).text) ?? false;
      // Another function of that name, e.g. of a virtual time.
      if (isWait) names.set(local.text === 'scheduler' ? 'scheduler.wait' : local.text, kind);
      else names.delete(local.text);
    }
  }
  return (called) => names.get(called.getText(file).replace(/^(?:globalThis|window|self)\./, ''));
}

/** Whether the call waits longer than for the next turn of the event loop. */
function isPause(kind: string, { arguments: args }: ts.CallExpression): boolean {
  const delay = args[kind === 'timer' ? 1 : 0];
  return delay !== undefined && !(ts.isNumericLiteral(delay) && Number(delay.text) === 0);
}

/**
 * Where an assertion of a test compares measured wall time with less than a second.
 *
 * @param path from the root
 */
export function findComparedTimes(path: string, text: string): readonly string[] {
  if (!/\b(?:performance|Date)\.now\b|\bhrtime\b/.test(text) || VIRTUAL.test(text)) return [];
  const file = parse(path, text);
  const scales = timeScales(file);
  const numbers = constantsOf(file);
  const problems = new Map<number, string>();
  const isBelow = (time: ts.Expression, limit: ts.Expression) => {
    const scale = scales(time) ?? (/\b(?:performance|Date)\.now\(/.test(time.getText(file)) ? 1 : 0);
    const ms = Math.abs((numbers(limit) ?? 0) * scale);
    return ms > 0 && ms < LEAST_MS;
  };
  /** `Date.now() + 20` */
  const isMoved = (side: ts.Expression) =>
    ts.isBinaryExpression(side) && MOVES.has(side.operatorToken.kind) && isBelow(side.left, side.right);
  visit(file, (node) => {
    if (!ts.isCallExpression(node) || !/^assert\b/.test(node.expression.getText(file))) return;
    for (const argument of node.arguments) {
      visit(argument, (compared) => {
        if (!ts.isBinaryExpression(compared) || !COMPARISONS.has(compared.operatorToken.kind)) return;
        const { left, right } = compared;
        const isShort = isBelow(left, right) || isBelow(right, left) || isMoved(left) || isMoved(right);
        const line = lineOf(file, compared);
        if (isShort)
          problems.set(line, `${path}:${line}: «${compared.getText(file)}» compares wall time with less than a second`);
      });
    }
  });
  return [...problems.values()];
}

const MOVES: ReadonlySet<ts.SyntaxKind> = new Set([ts.SyntaxKind.PlusToken, ts.SyntaxKind.MinusToken]);
const COMPARISONS: ReadonlySet<ts.SyntaxKind> = new Set([
  ...[ts.SyntaxKind.LessThanToken, ts.SyntaxKind.LessThanEqualsToken],
  ...[ts.SyntaxKind.GreaterThanToken, ts.SyntaxKind.GreaterThanEqualsToken],
]);

/** How many ms one of an expression's units is, where it is computed from wall time; else undefined. */
type Scales = (expression: ts.Node) => number | undefined;

/** Follows wall time through variables and functions of one file, by their names. */
function timeScales(file: ts.SourceFile): Scales {
  const named = new Map<string, number>();
  const scaleOf: Scales = (node) => {
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText(file);
      if (/^(?:globalThis\.)?(?:performance|Date)\.now$/.test(called)) return 1;
      if (/^(?:process\.)?hrtime\.bigint$/.test(called)) return 1e-6;
      if (/^(?:Math\.\w+|Number)$/.test(called)) return first(node.arguments);
      if (named.has(called)) return named.get(called);
      // `times.at(-1)`, `durations.toSorted()[0]`, `each.map(() => performance.now() - began)`
      if (!ts.isPropertyAccessExpression(node.expression)) return undefined;
      return scaleOf(node.expression.expression) ?? first(node.arguments.filter(ts.isArrowFunction));
    }
    if (ts.isBinaryExpression(node)) {
      const scale = scaleOf(node.left) ?? scaleOf(node.right);
      const divided =
        node.operatorToken.kind === ts.SyntaxKind.SlashToken && Number(node.right.getText(file).replaceAll('_', ''));
      return scale !== undefined && divided ? scale * divided : scale;
    }
    if (ts.isIdentifier(node)) return named.get(node.text);
    if (ts.isArrowFunction(node)) return ts.isBlock(node.body) ? undefined : scaleOf(node.body);
    if (ts.isArrayLiteralExpression(node)) return first(node.elements);
    if (ts.isConditionalExpression(node)) return scaleOf(node.whenTrue) ?? scaleOf(node.whenFalse);
    if (
      ts.isParenthesizedExpression(node) ||
      ts.isAwaitExpression(node) ||
      ts.isAsExpression(node) ||
      ts.isNonNullExpression(node) ||
      ts.isSpreadElement(node) ||
      ts.isElementAccessExpression(node)
    ) {
      return scaleOf(node.expression);
    }
    return ts.isPrefixUnaryExpression(node) ? scaleOf(node.operand) : undefined;
  };
  const first = (nodes: readonly ts.Node[]) => nodes.map(scaleOf).find((scale) => scale !== undefined);
  for (let size = -1; size < named.size; ) {
    size = named.size;
    visit(file, (node) => nameTimes(node, file, scaleOf, (name, scale) => named.set(name, scale)));
  }
  return scaleOf;
}

/** Reports which name gets wall time at this node. */
function nameTimes(
  node: ts.Node,
  file: ts.SourceFile,
  scaleOf: Scales,
  set: (name: string, scale: number) => void,
): void {
  const give = (name: ts.Node | undefined, value: ts.Node | undefined) => {
    const scale = value && name && ts.isIdentifier(name) ? scaleOf(value) : undefined;
    if (scale !== undefined) set(name!.getText(file), scale);
  };
  if (ts.isVariableDeclaration(node)) give(node.name, node.initializer);
  else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken)
    give(node.left, node.right);
  else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    if (node.expression.name.text === 'push') give(node.expression.expression, node.arguments[0]);
  } else if (ts.isReturnStatement(node)) give(functionNameOf(node), node.expression);
}

/** The name of the function that a statement is in. */
function functionNameOf(node: ts.Node): ts.Node | undefined {
  let outer = node.parent;
  while (!ts.isFunctionLike(outer) && !ts.isSourceFile(outer)) outer = outer.parent;
  if (ts.isFunctionDeclaration(outer)) return outer.name;
  return ts.isVariableDeclaration(outer.parent) ? outer.parent.name : undefined;
}

/** The value of a number, of a constant of this file, and of results of them; otherwise undefined. */
function constantsOf(file: ts.SourceFile): (expression: ts.Expression) => number | undefined {
  const named = new Map<string, ts.Expression>();
  visit(file, (node) => {
    if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name) || !node.initializer) return;
    if (ts.getCombinedNodeFlags(node) & ts.NodeFlags.Const) named.set(node.name.text, node.initializer);
  });
  const numberOf = (node: ts.Expression, depth = 0): number | undefined => {
    if (ts.isNumericLiteral(node)) return Number(node.text);
    if (ts.isBigIntLiteral(node)) return Number(node.text.replace('n', ''));
    if (ts.isParenthesizedExpression(node)) return numberOf(node.expression, depth);
    if (ts.isPrefixUnaryExpression(node)) return numberOf(node.operand, depth);
    if (ts.isIdentifier(node)) {
      const value = depth < 5 ? named.get(node.text) : undefined;
      return value && numberOf(value, depth + 1);
    }
    if (!ts.isBinaryExpression(node)) return undefined;
    const [a, b] = [numberOf(node.left, depth), numberOf(node.right, depth)];
    if (a === undefined || b === undefined) return undefined;
    switch (node.operatorToken.kind) {
      case ts.SyntaxKind.PlusToken:
        return a + b;
      case ts.SyntaxKind.MinusToken:
        return a - b;
      case ts.SyntaxKind.AsteriskToken:
        return a * b;
      case ts.SyntaxKind.SlashToken:
        return a / b;
      default:
        return undefined;
    }
  };
  return numberOf;
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

function lineOf(file: ts.SourceFile, node: ts.Node): number {
  return file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
}
