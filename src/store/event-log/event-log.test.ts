import { openTemporaryStore } from '../store.fixture.ts';
import { eventLogContract } from './event-log.contract.ts';

eventLogContract('SQLite', openTemporaryStore);
