//! A form that is sent twice is answered twice alike: the second time nothing is done, and the
//! result is that of the first.

use super::extract::Fields;
use super::state::{AppState, blocking};
use crate::history::Operation;

/// The operation that this very form has done already, where nothing has changed since: the newest
/// one, as `is_it` knows it, done where the form says that the store stood.
pub(super) async fn done_already(
    state: &AppState,
    fields: &Fields,
    is_it: impl FnOnce(&Operation) -> bool + Send + 'static,
) -> Option<i64> {
    let head: i64 = fields.number("expected_head", "").ok()??;
    let epoch: u64 = fields.number("expected_epoch", "").ok()??;
    let found = blocking(state, move |engine| {
        let (status, newest) = (engine.status()?, engine.operations(1)?.pop());
        Ok(newest.filter(|one| {
            let detail = &one.detail;
            let from = (detail["from_head"].as_i64(), detail["from_epoch"].as_u64());
            let to = (detail["head"].as_i64(), detail["epoch"].as_u64());
            from == (Some(head), Some(epoch)) && to == (Some(status.head), Some(status.epoch)) && is_it(one)
        }))
    });
    found.await.ok()?.map(|one| one.operation)
}
