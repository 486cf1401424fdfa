import { openTemporaryStore } from '../../store/store.fixture.ts';
import { clusterNodesContract } from './cluster-nodes.contract.ts';

clusterNodesContract('SQLite', openTemporaryStore);
