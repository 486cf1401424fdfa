import { openTemporaryStore } from '../../store/store.fixture.ts';
import { insightContract } from './insight.contract.ts';

insightContract('SQLite', openTemporaryStore);
