/**
 * The media engine process that all streams share.
 * In: requests of ffmpeg/engine, a test picture. Out: their client.
 */
import { EngineClient } from './engine-client.ts';

/** Its client. */
export const sharedEngine: EngineClient = new EngineClient();
