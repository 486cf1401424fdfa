import { openTemporaryStore } from '../../store/store.fixture.ts';
import { channelTableContract } from './channel-table.contract.ts';

channelTableContract('SQLite', openTemporaryStore);
