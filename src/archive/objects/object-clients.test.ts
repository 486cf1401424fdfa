import { need } from '../../../test/fixtures/need.ts';
import { objectClientContract } from './object-client.contract.ts';
import { startAzure, startFolder, startS3 } from './object-servers.fixture.ts';
import { startSwift } from './swift-server.fixture.ts';

objectClientContract('s3rver', startS3, { tagsParts: false });
objectClientContract('OpenStack Swift', startSwift, { skip: need('swift-proxy-server') });
objectClientContract('Azurite', startAzure, { sendsParts: false });
objectClientContract('a folder', startFolder, { tagsParts: false, hasNetwork: false, sendsParts: false });
