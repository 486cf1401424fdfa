import { matrixSuite } from '../fixtures/publishers/matrix-suite.ts';

matrixSuite('recordings of publishers over RTMP have the pictures and the sound of their films', ['rtmp', 'rtmps']);
