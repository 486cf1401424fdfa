import { matrixSuite } from '../fixtures/publishers/matrix-suite.ts';

matrixSuite('recordings of publishers over SRT have the pictures and the sound of their films', ['srt', 'srts']);
