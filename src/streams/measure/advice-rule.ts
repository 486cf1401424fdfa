/**
 * One rule of the advice to a publisher.
 * In: figures. Out: a judgement. Types, and the judgement that all is well.
 */
import type { Finding } from '../../api/advice.ts';
import type { PublishFigures } from './figures.ts';

/** A finding without its code and unit. `hint` is only given where something is to be changed. */
export interface Judgement {
  readonly severity: Finding['severity'];
  readonly value: number | null;
  readonly target: number | null;
  readonly text: string;
  readonly hint?: string;
}

/** How a finding is made. */
export interface Rule {
  readonly unit: Finding['unit'];
  /** Undefined: the rule does not apply, or its figures are not known yet. */
  readonly judge: (figures: PublishFigures) => Judgement | undefined;
}

/** A judgement without anything to change. */
export const good = (value: number | null, target: number | null, text: string): Judgement => ({
  severity: 'good',
  value,
  target,
  text,
});
