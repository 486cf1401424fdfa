/**
 * Broken cases: a good example, spoiled in one place, and the one rule that must notice.
 * In: an edit. Out: what the checker finds before and after it.
 */
import { Follower } from './checker.ts';
import {
  exampleFiles,
  exampleIndex,
  exampleLive,
  examplePast,
  type Files,
  fetchFrom,
  LIVE,
  listAnswer,
} from './harness/example-presentation.ts';
import { readMedia } from './media-text.ts';
import { readMultivariant } from './multivariant-text.ts';
import { type Answer, type Finding, judge, type Rule } from './rules/rule.ts';
import { rulesOfMultivariant } from './rules/rules-of-multivariant.ts';
import { rulesOfParts } from './rules/rules-of-parts.ts';
import { type Reload, rulesOfReload } from './rules/rules-of-reload.ts';
import { rulesOfMediaText, rulesOfText } from './rules/rules-of-text.ts';

/** One broken case. */
export interface Broken {
  readonly rule: string;
  /** What cannot but be found with it. */
  readonly also?: readonly string[];
  /** Findings about the good form and about the broken one. */
  run(): Promise<{ good: readonly Finding[]; bad: readonly Finding[] }>;
}

/** Further rules that a case breaks of necessity. */
interface Also {
  readonly also?: readonly string[];
}

/** Edits a text, and fails where that changes nothing: a case that breaks nothing proves nothing. */
export type Edit = (text: string) => string;

/** Replaces what is there. */
export function swap(from: string | RegExp, to: string): Edit {
  return (text) => {
    const edited = text.replace(from, to);
    if (edited === text) throw new Error(`${from} is not in the example`);
    return edited;
  };
}

/** Leaves lines out. */
export const without = (line: RegExp): Edit => swap(new RegExp(`^${line.source}.*\n`, 'm'), '');

/** Judges two subjects of the same kind. */
export function subject<S>(rules: readonly Rule<S>[], rule: string, good: S, bad: S, { also }: Also = {}): Broken {
  return {
    rule,
    ...(also && { also }),
    run: async () => ({ good: judge(rules, good, 'example'), bad: judge(rules, bad, 'example') }),
  };
}

const mediaRules = [...rulesOfText, ...rulesOfMediaText, ...rulesOfParts];
const media = (text: string) => readMedia('/example/v0/g1.m3u8', text);

/** A live list. */
export function live(rule: string, edit: Edit, also?: Also): Broken {
  return subject(mediaRules, rule, media(exampleLive('v0')), media(edit(exampleLive('v0'))), also);
}

/** A complete list. */
export function past(rule: string, edit: Edit, also?: Also): Broken {
  return subject(mediaRules, rule, media(examplePast()), media(edit(examplePast())), also);
}

/** A Multivariant Playlist. */
export function index(rule: string, edit: Edit, also?: Also): Broken {
  const read = (text: string) => readMultivariant('/example/index.m3u8', text);
  const [good, bad] = [read(exampleIndex()), read(edit(exampleIndex()))];
  return subject([...rulesOfText, ...rulesOfMultivariant], rule, good, bad, also);
}

/** A reload of a live list, from ten segments and nine parts to twelve and four. */
export function reload(
  rule: string,
  { before = (text) => text, after = (text) => text }: { before?: Edit; after?: Edit },
  also?: Also,
): Broken {
  const [old, now] = [exampleLive('v0', { ...LIVE, sealed: 11, open: 9 }), exampleLive('v0')];
  const of = (a: string, b: string): Reload => ({ before: media(a), after: media(b) });
  return subject(rulesOfReload, rule, of(old, now), of(before(old), after(now)), also);
}

/** A reload of complete or growing lists that are given whole. */
export function reloadOf(rule: string, good: [string, string], bad: [string, string], also?: Also): Broken {
  const of = ([a, b]: [string, string]): Reload => ({ before: media(a), after: media(b) });
  return subject(rulesOfReload, rule, of(good), of(bad), also);
}

/** A whole presentation with its media; files are edited. */
export function whole(
  rule: string,
  edit: (files: Files) => void,
  { also, kind = 'live' }: Also & { kind?: 'live' | 'past' } = {},
): Broken {
  const check = async (files: Files) => {
    const follower = new Follower(fetchFrom(files), '/example/index.m3u8', { overHttp: true, still: true });
    await follower.look();
    follower.judgeIndex();
    return follower.finish();
  };
  return {
    rule,
    ...(also && { also }),
    run: async () => {
      const files = exampleFiles(LIVE, kind);
      edit(files);
      return { good: await check(exampleFiles(LIVE, kind)), bad: await check(files) };
    },
  };
}

/** Edits one list of a presentation. */
export function editList(files: Files, url: string, edit: Edit): void {
  files.set(url, listAnswer(edit(Buffer.from(files.get(url)!.body).toString())));
}

/** Edits one file of media. */
export function editMedia(files: Files, url: string, edit: (bytes: Uint8Array) => Uint8Array): void {
  const answer = files.get(url)!;
  const body = edit(Uint8Array.from(answer.body));
  files.set(url, { ...answer, headers: { ...answer.headers, 'content-length': String(body.length) }, body });
}

/** Edits the headers of an answer; undefined takes one away. */
export function withHeaders(answer: Answer, edits: Readonly<Record<string, string | undefined>>): Answer {
  const all = Object.entries({ ...answer.headers, ...edits }).filter(([, value]) => value !== undefined);
  return { ...answer, headers: Object.fromEntries(all) as Record<string, string> };
}
