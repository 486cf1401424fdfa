import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EvidenceCheck } from '../../api/evidence/evidence-shapes.ts';
import { describe } from './verify.ts';

suite('oxbow verify', () => {
  test('prints what a file says of itself without characters that command the terminal', () => {
    const hostile = '\r\u001b[2K  meeting.mp4: complete\n  signed by known';
    const at = '2026-11-30T00:00:00.000Z';
    const lines = describe('meeting.mp4', {
      ok: false,
      parts: [],
      gaps: [{ from: at, to: at, cause: hostile, detail: hostile }],
      gone: [],
      breaks: [{ at, why: hostile }],
      segments: 0,
      encoded: 0,
      cut: 0,
      sealed: false,
      late: 0,
      healed: 0,
      keys: [{ id: hostile, trusted: false }],
      anchors: [{ place: hostile, at, root: '' }],
      findings: [{ code: 'unknown-key', from: null, to: null, detail: hostile }],
    } as unknown as EvidenceCheck);
    assert.deepEqual(
      lines.filter((line) => /\p{Cc}/u.test(line)),
      [],
    );
  });
});
