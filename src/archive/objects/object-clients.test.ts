import { objectClientContract } from './object-client.contract.ts';
import { startAzure, startS3 } from './object-servers.fixture.ts';

objectClientContract('s3rver', startS3);
objectClientContract('Azurite', startAzure);
