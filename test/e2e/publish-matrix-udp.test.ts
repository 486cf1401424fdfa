import { matrixSuite } from '../fixtures/publishers/matrix-suite.ts';

matrixSuite('recordings of MPEG-TS over UDP have the pictures and the sound of their films', [
  'udp',
  'rtp',
  'multicast',
]);
