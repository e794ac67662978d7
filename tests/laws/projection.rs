//! Events applied as they come, with bases in between, give what a replay of the whole log gives.

use super::check;
use super::stream::{found, go, same_log, steps, store};
use crate::support::TestStore;

#[test]
fn incremental_projection_equals_full_replay() {
    check(1, &steps(12), |steps| {
        let store = store();
        go(&store, &steps);
        let fresh = TestStore::in_memory(|_| {});
        fresh.append(same_log(&store));
        assert_eq!(store.content(), fresh.content());
        assert_eq!(found(&store.other_program()), found(&fresh.other_program()));
        let (status, of_fresh) = (store.engine.status().unwrap(), fresh.engine.status().unwrap());
        assert_eq!((status.position, status.held), (of_fresh.position, of_fresh.held));
    });
}
