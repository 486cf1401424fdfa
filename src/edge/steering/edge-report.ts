/**
 * What an edge reports to its origin about itself, and the signature by which the origin knows it.
 * In: figures of an edge, the token that it shares with the origin. Out: a signed report. Pure. RFC 2104.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Figures of an edge at one moment. */
export interface EdgeReport {
  /** Id of the edge in `steering.pathways` of the origin. */
  readonly pathway: string;
  /** When it was made, ms since 1970; rises with each report. */
  readonly at: number;
  /** Share of the processor time of its thread that it has used since the report before, 0 to 1. */
  readonly load: number;
  /** Open connections of clients. */
  readonly connections: number;
  /** It is about to end, and should get no viewers. */
  readonly draining: boolean;
}

/** A report with its signature. */
export interface SignedReport extends EdgeReport {
  /** HMAC-SHA-256 of the fields, in base64url. */
  readonly signature: string;
}

/** Address of reports at the origin. */
export const REPORTS_PATH = '/api/v1/edge-reports';

/** @param token of 16 characters or more, also at the origin */
export function signReport(report: EdgeReport, token: string): SignedReport {
  return { ...report, signature: signatureOf(report, token) };
}

/** Whether a report was signed with the token. */
export function isSigned(report: SignedReport, token: string): boolean {
  const signature = Buffer.from(report.signature);
  const expected = Buffer.from(signatureOf(report, token));
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}

function signatureOf({ pathway, at, load, connections, draining }: EdgeReport, token: string): string {
  const fields = ['oxbow-edge-report', pathway, at, load, connections, draining];
  return createHmac('sha256', token).update(fields.join('\n')).digest('base64url');
}
