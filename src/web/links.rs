//! Where things are: every address that a page or a redirect names is made here.

use super::filters::encoded;
use crate::snapshot::{Kind, Scope, SnapshotId};

/// The list of snapshots.
pub(super) const SNAPSHOTS: &str = "/snapshots";

/// The list with the result box of an operation.
pub(super) fn done(operation: i64) -> String {
    format!("{SNAPSHOTS}?done={operation}#result")
}

/// The addresses of one snapshot. An id needs no encoding: its form allows no such character.
#[derive(Debug, Clone)]
pub(super) struct SnapshotLinks {
    id: SnapshotId,
    kind: Kind,
}

impl SnapshotLinks {
    pub(super) fn new(id: &SnapshotId, kind: Kind) -> Self {
        Self { id: id.clone(), kind }
    }

    /// The plan of going back to it.
    pub(super) fn plan(&self) -> String {
        format!("/snapshots/{}/preview?kind={}", self.id, self.kind)
    }

    /// The plan with the rows of one table beside it.
    pub(super) fn plan_with(&self, scope: Scope, table: &str) -> String {
        format!("{}&scope={scope}&table={}#rows", self.plan(), encoded(table))
    }

    /// The path of the plan without its query, for forms that send GET.
    pub(super) fn plan_path(&self) -> String {
        format!("/snapshots/{}/preview", self.id)
    }

    /// The path of the row differences, for forms that send GET.
    pub(super) fn rows_path(&self) -> String {
        format!("/snapshots/{}/diff", self.id)
    }

    /// The row differences of one table.
    pub(super) fn rows(&self, scope: Scope, table: &str) -> String {
        format!("{}?kind={}&scope={scope}&table={}", self.rows_path(), self.kind, encoded(table))
    }

    /// Where the restore form goes.
    pub(super) fn restore(&self) -> String {
        format!("/snapshots/restore/{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn a_table_of_any_name_can_be_linked() {
        let links = SnapshotLinks::new(&"20261120T180201Z".parse().unwrap(), Kind::Periodic);
        assert_eq!(
            links.rows(Scope::Everything, "a&b"),
            "/snapshots/20261120T180201Z/diff?kind=periodic&scope=everything&table=a%26b"
        );
    }
}
