import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listClasses } from '../../scripts/check-classes.ts';
import { listRepetitions, listWide } from '../../scripts/check-comments.ts';
import { checkConnections, opensConnections } from '../../scripts/check-connections.ts';
import { checkPackage, checkSource, findCycles, findPairs, pageFolderOf } from '../../scripts/check-layers.ts';
import { findUnportable } from '../../scripts/check-portable.ts';
import { findCaseTwins, findFullFolders, findOtherForm, findUnlisted } from '../../scripts/check-tree.ts';
import { findWrites } from '../../scripts/check-writes.ts';
import { listImports } from '../../scripts/source-files.ts';

test('imports are found in every form, and not in comments', () => {
  const text = `/** import { a } from './no.ts'; */
import { b } from './b.ts';
import type { C } from './c.ts';
import {
  d,
} from './d.ts';
// import './no.ts';
export * from './e.ts';
export type { F } from './f.ts';
const g = await import('./g.ts');
import './h.ts';
`;
  assert.deepEqual(
    listImports(text).map(({ specifier, isType, line }) => [specifier, isType, line]),
    [
      ['./b.ts', false, 2],
      ['./c.ts', true, 3],
      ['./d.ts', false, 6],
      ['./e.ts', false, 8],
      ['./f.ts', true, 9],
      ['./g.ts', false, 10],
      ['./h.ts', false, 11],
    ],
  );
});

test('an import from above, from a sibling folder or of a type is a problem; from below and from the own folder it is not', () => {
  const line = (specifier: string) => checkSource('live/stream.ts', `import type { A } from '${specifier}';\n`);
  assert.deepEqual(line('../packager/packager.ts'), ['src/live/stream.ts:1: live may not import packager']);
  assert.deepEqual(line('../store/store.ts'), ['src/live/stream.ts:1: live may not import store']);
  assert.deepEqual(line('@oxbow/media/frame'), []);
  assert.deepEqual(line('./sink.ts'), []);
  assert.match(line('../../scripts/check.ts')[0]!, /from outside src/);
});

test('the writers of formats import no adapter', () => {
  const line = (specifier: string) => checkSource('delivery/format/dash.ts', `import { a } from '${specifier}';\n`);
  assert.match(line('../past-presentation.ts')[0]!, /delivery\/format imports only @oxbow\/media, api, lib/);
  assert.match(line('../../packager/live-segment.ts')[0]!, /not packager\/live-segment\.ts/);
  assert.deepEqual(line('@oxbow/media/presentation'), []);
  assert.match(line('@oxbow/wire/srt/srt')[0]!, /not @oxbow\/wire/);
  assert.deepEqual(line('./hls-media.ts'), []);
});

test('a feature imports the core and no other feature; its rows of a table of the core import what that layer may', () => {
  const line = (path: string, specifier: string) => checkSource(path, `import { a } from '${specifier}';\n`);
  assert.deepEqual(line('features/alarms/a.ts', '../clips/feature.ts'), [
    'src/features/alarms/a.ts:1: the feature alarms may not import the feature clips',
  ]);
  assert.deepEqual(line('features/alarms/a.ts', '../feature.ts'), []);
  assert.deepEqual(line('features/alarms/a.ts', '../../streams/catalog.ts'), []);
  assert.deepEqual(line('streams/catalog.ts', '../features/alarms/a.ts'), [
    'src/streams/catalog.ts:1: streams may not import features',
  ]);
  assert.deepEqual(line('lib/errors.ts', '../features/alarms/refusals.ts'), []);
  assert.deepEqual(line('features/alarms/refusals.ts', '../../config/option.ts'), [
    'src/features/alarms/refusals.ts:1: lib may not import config',
  ]);
});

test('a library has one place', () => {
  assert.match(
    checkSource('http/a.ts', `import { pino } from 'pino';\n`)[0]!,
    /pino is imported in observe\/log\.ts only/,
  );
  assert.match(checkSource('http/a.ts', `import x from 'left-pad';\n`)[0]!, /left-pad has no place yet/);
  assert.deepEqual(checkSource('http/a.ts', `import f from 'fastify';\nimport { join } from 'node:path';\n`), []);
});

test('a package imports nothing of src; media has no modules of Node and no clock', () => {
  const line = (path: string, specifier: string) => checkPackage(path, `import { a } from '${specifier}';\n`);
  assert.deepEqual(line('packages/wire/srt/a.ts', '../../../src/lib/errors.ts'), [
    'packages/wire/srt/a.ts:1: imports ../../../src/lib/errors.ts from outside its package',
  ]);
  assert.match(line('packages/wire/srt/a.test.ts', '../../../src/lib/errors.ts')[0]!, /from outside its package/);
  assert.match(line('packages/media/a.ts', '../../test/fixtures/need.ts')[0]!, /from outside its package/);
  assert.deepEqual(line('packages/media/a.test.ts', '../../test/fixtures/need.ts'), []);
  assert.match(line('packages/media/a.ts', '@oxbow/wire/srt/srt')[0]!, /packages\/media may not import @oxbow\/wire/);
  assert.deepEqual(line('packages/wire/a.ts', '@oxbow/media/frame'), []);
  assert.match(line('packages/wire/a.ts', 'ws')[0]!, /packages\/wire imports no ws/);
  assert.deepEqual(line('packages/wire/a.ts', 'node:net'), []);
  assert.match(line('packages/media/a.ts', 'node:fs')[0]!, /packages\/media imports no node:fs/);
  assert.match(checkPackage('packages/media/a.ts', `const t = Date.now();\n`)[0]!, /is pure and has no Date\.now/);
  assert.deepEqual(checkPackage('packages/media/a.ts', `// Date.now() would be wrong here\n`), []);
  assert.match(checkPackage('packages/else/a.ts', '')[0]!, /"else" is no package yet/);
});

test('media is stored through the segment store; what the API shares has no clock', () => {
  const files = `import { rm } from 'node:fs/promises';\n`;
  assert.match(checkSource('recording/retention.ts', files)[0]!, /recording stores media through SegmentStore/);
  for (const path of ['archive/local-segment-store.ts', 'streams/disk.ts', 'cli/export.ts', 'recording/a.test.ts']) {
    assert.deepEqual(checkSource(path, files), [], path);
  }
  assert.match(checkSource('api/a.ts', `const t = Date.now();\n`)[0]!, /api is pure and has no Date\.now/);
});

test('a docblock that only repeats the name is found; one that says more is not', () => {
  const repeated = [
    '/** The rows. */\nreadonly rows: Row[];',
    '/** Opens a library. */\nexport async function openLibrary() {}',
    '/**\n * One RTSP request.\n */\nexport class RtspRequest {}',
    '  /** Frees it. */\n  #freed = 0;',
  ];
  assert.deepEqual(
    repeated.map((text) => listRepetitions(text).length),
    [1, 1, 1, 1],
  );
  assert.deepEqual(listRepetitions(`const a = 1;\n\n${repeated[1]}\n`), [{ line: 3, name: 'openLibrary' }]);
  for (const text of [
    '/** The rows, newest first. */\nreadonly rows: Row[];',
    '/** Frames/s. */\nreadonly rate: number;',
    '/** `rows` */\nreadonly rows: Row[];',
    '/** The rows. */\n',
  ])
    assert.deepEqual(listRepetitions(text), [], text);
});

test('a comment ends by column 110, unless it is one word or for a linter', () => {
  const words = 'a '.repeat(60);
  for (const text of [`// ${words}`, ` * ${words}`, `/** ${words}*/`]) assert.deepEqual(listWide(`\n${text}\n`), [2]);
  for (const text of [`// biome-ignore ${words}`, `// https://example/${'a'.repeat(120)}`, `f('${words}'); // a`])
    assert.deepEqual(listWide(text), [], text);
});

test('the members of a class are those that others see; overloads and a getter with its setter count once', () => {
  const text = `export class A<T> extends B {
  readonly a: number;
  #hidden = 1;
  constructor(
    readonly: boolean,
  ) {
    super();
  }
  get b(): number {
    return this.a;
  }
  set b(value: number) {
    this.c(value);
  }
  c(a: string): void;
  c(a: number): void;
  async *[Symbol.asyncIterator]() {}
}
class C {}
`;
  assert.deepEqual(listClasses(text), [{ name: 'A', members: 4 }]);
});

test('two paths that differ only in case are found, folders too', () => {
  assert.deepEqual(findCaseTwins(['src/a.ts', 'src/A.ts']), ['src/a.ts and src/A.ts differ only in case']);
  assert.deepEqual(findCaseTwins(['Src/a.ts', 'src/b.ts']), ['Src and src differ only in case']);
  assert.deepEqual(findCaseTwins(['src/a.ts', 'src/b.ts']), []);
});

test('a folder has at most 25 files side by side, tests not counted', () => {
  const files = (count: number) => Array.from({ length: count }, (_, i) => `src/a/${i}.ts`);
  assert.deepEqual(findFullFolders([...files(25), 'src/a/0.test.ts', 'src/a/b/c.ts']), []);
  assert.equal(findFullFolders(files(26)).length, 1);
});

test('a decision has the sections of the template, in its order', () => {
  const form = (...sections: string[]) => findOtherForm('d.md', sections.map((name) => `## ${name}\n\na\n`).join('\n'));
  assert.deepEqual(form('Question', 'Decision', 'Why', 'Consequences'), []);
  assert.deepEqual(form('Question', 'Decision', 'Consequences'), []);
  for (const sections of [['Context', 'Decision', 'Consequences'], ['Decision', 'Question', 'Consequences'], []])
    assert.equal(form(...sections).length, 1, sections.join(' '));
});

test('the page of files lists every file of the media path, tests not counted', () => {
  const files = ['src/live/sink.ts', 'src/live/sink.test.ts', 'src/live/new.ts', 'src/store/db.ts'];
  const page = '- [sink.ts](../src/live/sink.ts): what a sink receives';
  assert.deepEqual(findUnlisted(files, page), ['docs/files.md does not list src/live/new.ts']);
});

test('files that import each other are a cycle, by type imports too', () => {
  const sources: Record<string, string> = {
    'src/a.ts': "import type { B } from './b.ts';",
    'src/b.ts': "import { c } from './c.ts';",
    'src/c.ts': "import type { A } from './a.ts';",
    'src/d.ts': "import { c } from './c.ts';",
  };
  const read = (path: string) => sources[path]!;
  assert.deepEqual(findCycles(Object.keys(sources), read), [
    'src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts: a cycle of imports',
  ]);
  assert.deepEqual(
    findCycles(['src/b.ts', 'src/c.ts', 'src/d.ts'], (path) => (path === 'src/c.ts' ? '' : read(path))),
    [],
  );
});

test('folders that import each other are found, unless one is inside the other', () => {
  const sources: Record<string, string> = {
    'src/a/a.ts': `import '../b/b.ts';\n`,
    'src/b/c.ts': `import type { A } from '../a/other.ts';\n`,
    'src/b/inner/d.ts': `import '../b.ts';\n`,
    'src/b/b.ts': `import './inner/d.ts';\n`,
  };
  assert.deepEqual(findPairs(Object.keys(sources), { read: (path) => sources[path]! }), [
    'src/a and src/b import each other: src/a/a.ts imports src/b/b.ts, src/b/c.ts imports src/a/other.ts',
  ]);
  assert.deepEqual(findPairs(['src/a/a.ts', 'src/b/b.ts', 'src/b/inner/d.ts'], { read: (path) => sources[path]! }), []);
});

test('features of the pages that import each other through other folders are found too', () => {
  const sources: Record<string, string> = {
    'web/src/a/x/a.ts': `import '../../b/y/b.ts';\n`,
    'web/src/b/z/c.ts': `import '../../a/w/d.ts';\n`,
  };
  const read = (path: string) => sources[path] ?? '';
  assert.deepEqual(findPairs(Object.keys(sources), { read }), []);
  assert.equal(findPairs(Object.keys(sources), { read, folderOf: pageFolderOf }).length, 1);
});

test('a part of a folder has a separate layer, and a test may use the fixtures of the layers above', () => {
  const gateway = `import { a } from '../../http/fixture.ts';\n`;
  assert.deepEqual(checkSource('serve/hot/a.test.ts', gateway), []);
  assert.match(checkSource('serve/hot/a.ts', gateway)[0]!, /serve may not import http/);
  assert.match(
    checkSource('serve/hot/a.test.ts', `import { a } from '../../http/server.ts';\n`)[0]!,
    /serve may not import http/,
  );
  const placement = `import { b } from '../placement/b.ts';\n`;
  assert.deepEqual(checkSource('cluster/gateway/a.ts', placement), []);
  assert.match(checkSource('cluster/bus/a.ts', placement)[0]!, /cluster may not import cluster\/placement/);
});

test('platform-specific code is found outside its file, and not in comments', () => {
  for (const line of [
    `if (process.platform === 'win32') a();`,
    'process.kill(-pid, "SIGTERM");',
    `child.kill('SIGSTOP');`,
    `readFile('/proc/meminfo');`,
    'await chmod(file, 0o755);',
    'await symlink(a, b);',
    `execSync('rm -rf x');`,
    `await open(\`\${folder}/oxbow.db\`);`,
    `const here = new URL('.', import.meta.url).pathname;`,
  ]) {
    assert.equal(findUnportable('src/net/a.ts', `\n${line}\n`).length, 1, line);
    assert.deepEqual(findUnportable('src/lib/platform.ts', line), []);
    assert.deepEqual(findUnportable('src/net/a.ts', `// ${line}\n`), []);
  }
  for (const line of [
    `child.kill('SIGKILL');`,
    'await open(join(folder, name));',
    `response.open(\`\${base}/a\`);`,
    `db.exec('BEGIN IMMEDIATE');`,
    `route('/live/x');`,
  ]) {
    assert.deepEqual(findUnportable('src/net/a.ts', line), [], line);
  }
});

test('every file that opens connections says what bounds them', () => {
  assert.deepEqual(checkConnections(), []);
  const connecting = [
    `import { connect as dial, type Socket } from 'node:tls';`,
    `const { createClient } = await import('redis');`,
    `const answer = await fetch(url, { signal });`,
    'using answer = await this.#net.fetch(url, { signal });',
    'const outgoing = (secure ? https : http).request(url);',
    'http.get(url, (answer) => answer.resume());',
    'const socket = net.createConnection({ host, port });',
    'const socket = new WebSocket(url);',
  ];
  for (const text of connecting) assert.ok(opensConnections(text), text);
  const others = [
    `import { createServer, type Socket } from 'node:net';`,
    `import type { Pool } from 'pg';`,
    'await this.#fetch(key);',
    '// fetch(url)',
    `span('http.request.method');`,
  ];
  for (const text of others) assert.ok(!opensConnections(text), text);
});

test('an import that writes files is a problem outside of the file layer; one that reads, and a type, is not', () => {
  const find = (text: string, path = 'src/store/marks.ts') => findWrites(path, text);
  const sentence = (what: string) =>
    `src/store/marks.ts:1: ${what} of node:fs: write through Files (src/lib/files/files.ts)`;
  assert.deepEqual(find(`import { readFile, rename as move } from 'node:fs/promises';\n`), [sentence('rename')]);
  assert.deepEqual(find(`import {\n  writeFileSync,\n} from 'node:fs';\n`), [sentence('writeFileSync')]);
  assert.deepEqual(find(`import * as fs from 'fs';\n`), [sentence('the module')]);
  assert.deepEqual(find(`const { rm } = await import('node:fs/promises');\n`), [sentence('the module')]);
  assert.deepEqual(find(`import { existsSync, statSync, type WriteStream } from 'node:fs';\n`), []);
  assert.deepEqual(find(`import type { FileHandle } from 'node:fs/promises';\n`), []);
  assert.deepEqual(find(`import { rename } from 'node:fs/promises';\n`, 'src/lib/files/files.ts'), []);
});
