import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { openTemporaryStore } from '../store/store.fixture.ts';
import { sharedWebhooksContract } from './shared-webhooks.contract.ts';

sharedWebhooksContract('SQLite', openTemporaryStore, openVirtualTime);
