/**
 * A tag with bytes at the end of a Matroska file. An attachment would be in its place, but ffmpeg shows each
 * as a stream, and complains about those that are no picture and no font.
 * In: its name, its length. Out: the elements in front of its bytes, which end the Segment. Pure.
 * RFC 9559, 5.1.8.
 */
import { concatBytes } from '../bytes.ts';
import { element, elementHead, textElement } from './ebml.ts';

/** Element ID of Tags. */
export const TAGS = 0x1254c367;
const TAG = 0x7373;
const TARGETS = 0x63c0;
const SIMPLE_TAG = 0x67c8;
const TAG_NAME = 0x45a3;
const TAG_BINARY = 0x4485;

/**
 * Writes Tags with one tag of the whole file, all but its bytes, which follow. Lengths take 8 bytes, so that
 * it is as long whatever theirs is.
 *
 * @param length bytes
 */
export function printBinaryTagHead(name: string, length: number): Uint8Array {
  const targets = element(TARGETS);
  const facts = textElement(TAG_NAME, name);
  const data = elementHead(TAG_BINARY, length, 8);
  const simpleBytes = facts.length + data.length + length;
  const simple = elementHead(SIMPLE_TAG, simpleBytes, 8);
  const tagBytes = targets.length + simple.length + simpleBytes;
  const tag = elementHead(TAG, tagBytes, 8);
  return concatBytes([elementHead(TAGS, tag.length + tagBytes, 8), tag, targets, simple, facts, data]);
}
