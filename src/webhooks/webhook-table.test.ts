import { openTemporaryStore } from '../store/store.fixture.ts';
import { webhookTableContract } from './webhook-table.contract.ts';

webhookTableContract('SQLite', openTemporaryStore);
