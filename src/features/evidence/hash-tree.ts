/**
 * A hash tree over the blocks of a minute (RFC 9162, 2.1.1), with the path of each block to the root.
 * In: hashes of blocks. Out: a root, paths. Pure.
 */
import { hash } from 'node:crypto';

export interface HashTree {
  readonly root: Uint8Array;
  /** Of each leaf: the other child at each level, base64url; `<` in front: it is the left one. */
  readonly paths: readonly (readonly string[])[];
}

/** @param blocks at least one hash of 32 bytes */
export function hashTree(blocks: readonly Uint8Array[]): HashTree {
  const paths: string[][] = blocks.map(() => []);
  const join = (from: number, to: number): Uint8Array => {
    if (to - from === 1) return node(0, blocks[from]!);
    let split = 1;
    while (split * 2 < to - from) split *= 2;
    const left = join(from, from + split);
    const right = join(from + split, to);
    const [leftText, rightText] = [left, right].map((bytes) => Buffer.from(bytes).toString('base64url'));
    for (let i = from; i < from + split; i++) paths[i]!.push(rightText!);
    for (let i = from + split; i < to; i++) paths[i]!.push(`<${leftText}`);
    return node(1, left, right);
  };
  return { root: join(0, blocks.length), paths };
}

function node(tag: 0 | 1, ...children: readonly Uint8Array[]): Uint8Array {
  return hash('sha256', Buffer.concat([Uint8Array.of(tag), ...children]), 'buffer');
}
