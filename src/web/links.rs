//! Where things are: every address that a page or a redirect names is made here.

use super::filters::encoded;
use crate::snapshot::{Kind, Scope, SnapshotId};

/// The overview.
pub(super) const OVERVIEW: &str = "/";
/// The list of snapshots.
pub(super) const SNAPSHOTS: &str = "/snapshots";
/// The log.
pub(super) const EVENTS: &str = "/events";
/// The list of tables.
pub(super) const TABLES: &str = "/state";
/// Where the form goes that takes a snapshot.
pub(super) const TAKE: &str = "/snapshots/take";
/// Where the form goes that applies what waits.
pub(super) const REPLAY: &str = "/projection/replay";
/// Where the form goes that loads the sample story.
pub(super) const SAMPLE: &str = "/sample";
/// Where the form goes that continues it.
pub(super) const SAMPLE_CONTINUE: &str = "/sample/continue";

/// One event.
pub(super) fn event(id: i64) -> String {
    format!("{EVENTS}/{id}")
}

/// The rows of one table.
pub(super) fn table(name: &str) -> String {
    format!("{TABLES}/{}", encoded(name))
}

/// The list with the result box of an operation.
pub(super) fn done(operation: i64) -> String {
    done_on(SNAPSHOTS, operation)
}

/// A page with the result box of an operation.
pub(super) fn done_on(page: &str, operation: i64) -> String {
    format!("{page}?done={operation}#result")
}

/// A page with a result box of which the history has no line.
pub(super) fn told_on(page: &str, word: &str) -> String {
    format!("{page}?told={word}#result")
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

    /// The plan that says what was just done with the snapshot, by one of the words of `About`.
    pub(super) fn plan_told(&self, word: &str) -> String {
        format!("{}&done={word}#about", self.plan())
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

    /// Where the form goes that pins it.
    pub(super) fn pin(&self) -> String {
        format!("/snapshots/{}/pin", self.id)
    }

    /// Where the form goes that unpins it.
    pub(super) fn unpin(&self) -> String {
        format!("/snapshots/{}/unpin", self.id)
    }

    /// Where the form goes that names it.
    pub(super) fn label(&self) -> String {
        format!("/snapshots/{}/label", self.id)
    }

    /// Where the form goes that reads it whole and compares every hash.
    pub(super) fn verify(&self) -> String {
        format!("/snapshots/{}/verify", self.id)
    }

    /// Where the form goes that deletes it.
    pub(super) fn delete(&self) -> String {
        format!("/snapshots/{}/delete", self.id)
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
