import { openTemporaryStore } from '../../../store/store.fixture.ts';
import { messageTableContract } from './message-table.contract.ts';

messageTableContract('SQLite', openTemporaryStore);
