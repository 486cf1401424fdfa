/**
 * Why something of a call is not possible.
 * In: refusals of the server, problems of devices. Out: the reasons that the page shows.
 */
import type { CallSource } from '../../../../src/api/room/call-shapes.ts';
import type { DeviceProblem } from '../../studio/devices.ts';

/** A code of the server, a device, or the end by the server. */
export type CallFailure =
  | { readonly of: 'server'; readonly code: string }
  | { readonly of: 'device'; readonly source: CallSource; readonly problem: DeviceProblem }
  | { readonly of: 'ended'; readonly reason: 'muted' | 'stopped' };
