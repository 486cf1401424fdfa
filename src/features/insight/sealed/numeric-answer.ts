/**
 * Sums of databases arrive as texts where they may be longer than 53 bits.
 * In: rows of a database. Out: the answer of a question, with numbers. Pure.
 */
import type { Answer, Cell, Question } from './question.ts';

/** Columns that are texts. */
function isText({ ask, ...question }: Question, column: number): boolean {
  if (ask === 'begun') return column === 1;
  if (ask === 'sessions') return column <= 1 || column >= 13;
  return column === 0 && 'by' in question && question.by !== 'hour';
}

/** The rows with numbers in place of texts. */
export function numericAnswer(question: Question, rows: readonly (readonly Cell[])[]): Answer {
  return rows.map((row) =>
    row.map((cell, column) => (typeof cell === 'string' && !isText(question, column) ? Number(cell) : cell)),
  );
}
