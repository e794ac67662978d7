//! Where things are: every address that a page or a redirect names is made here.

use super::filters::encoded;
use crate::backup::Stamp;
use crate::entity::EntityKey;
use crate::snapshot::{Kind, Scope, SnapshotId};

/// The overview.
pub(super) const OVERVIEW: &str = "/";
/// The list of snapshots.
pub(super) const SNAPSHOTS: &str = "/snapshots";
/// The list of snapshots, the largest first.
pub(super) const SNAPSHOTS_BY_SIZE: &str = "/snapshots?sort=size";
/// The log.
pub(super) const EVENTS: &str = "/events";
/// The list of tables.
pub(super) const TABLES: &str = "/state";
/// What has been done to the store.
pub(super) const HISTORY: &str = "/history";
/// The entities.
pub(super) const ENTITIES: &str = "/entities";
/// Where a snapshot of an entity is posted that comes from elsewhere.
pub(super) const ENTITY_IMPORT: &str = "/entities/import";
/// The backups, and where the form goes that makes one.
pub(super) const BACKUPS: &str = "/backups";
/// The plan of going back to an event, and where its form goes.
pub(super) const REWIND: &str = "/rewind";
/// Where the form goes that takes a snapshot.
pub(super) const TAKE: &str = "/snapshots/take";
/// Where the tables stand, and whether they are what the log gives.
pub(super) const PROJECTION: &str = "/projection";
/// Where the form goes that compares the tables with the log.
pub(super) const COMPARE: &str = "/projection/verify";
/// Where the form goes that makes the tables anew from the log.
pub(super) const REBUILD: &str = "/projection/rebuild";
/// The store as a SQLite file.
pub(super) const STATE_FILE: &str = "/state.db";
/// Where the form goes that applies what waits.
pub(super) const REPLAY: &str = "/projection/replay";
/// What runs now.
pub(super) const PROGRESS: &str = "/progress";
/// Settings, words, and how a terminal does what pages do.
pub(super) const HELP: &str = "/help";
/// Every component of the pages in every state.
pub(super) const COMPONENTS: &str = "/help/components";
/// Where the form goes that loads the sample story.
pub(super) const SAMPLE: &str = "/sample";
/// Where the form goes that continues it.
pub(super) const SAMPLE_CONTINUE: &str = "/sample/continue";

/// The overview with a timeline that goes so far back.
pub(super) fn overview_of(span: &str) -> String {
    format!("{OVERVIEW}?show={span}")
}

/// The history from one operation on, the newest first.
pub(super) fn history_from(operation: i64) -> String {
    format!("{HISTORY}?before={}", operation.saturating_add(1))
}

/// One event.
pub(super) fn event(id: i64) -> String {
    format!("{EVENTS}/{id}")
}

/// Where the form goes that hides an event.
pub(super) fn hide(event: i64) -> String {
    format!("{EVENTS}/{event}/hide")
}

/// Where the form goes that shows it again.
pub(super) fn unhide(event: i64) -> String {
    format!("{EVENTS}/{event}/unhide")
}

/// The plan of going back to an event.
pub(super) fn rewind(event: i64) -> String {
    PlanLinks::of_rewind(event).plan()
}

/// The plan of undoing an operation, and where its form goes.
pub(super) fn undo(operation: i64) -> String {
    format!("{HISTORY}/{operation}/undo")
}

/// The entities of a type: those with a text in their ids, after an id.
pub(super) fn entities(kind: &str, q: &str, after: Option<&str>) -> String {
    let mut url = format!("{ENTITIES}?type={}", encoded(kind));
    if !q.is_empty() {
        url.push_str(&format!("&q={}", encoded(q)));
    }
    if let Some(after) = after {
        url.push_str(&format!("&after={}", encoded(after)));
    }
    url
}

/// One entity, now.
pub(super) fn entity(key: &EntityKey) -> String {
    format!("{ENTITIES}/{}/{}", encoded(&key.kind), encoded(&key.id))
}

/// One entity at a version.
pub(super) fn entity_version(key: &EntityKey, version: u64) -> String {
    format!("{}?version={version}", entity(key))
}

/// One entity as of an event.
pub(super) fn entity_as_of(key: &EntityKey, event: i64) -> String {
    format!("{}?at={event}", entity(key))
}

/// Where the form goes that takes a snapshot of an entity.
pub(super) fn entity_snapshots(key: &EntityKey) -> String {
    format!("{}/snapshots", entity(key))
}

/// A snapshot of an entity.
pub(super) fn entity_snapshot(key: &EntityKey, version: u64) -> String {
    format!("{}/{version}", entity_snapshots(key))
}

/// One backup, and the plan of restoring it. A stamp needs no encoding, as no id does.
pub(super) fn backup(stamp: &Stamp) -> String {
    format!("{BACKUPS}/{stamp}")
}

/// Where the form goes that checks it.
pub(super) fn check_backup(stamp: &Stamp) -> String {
    format!("{BACKUPS}/{stamp}/validate")
}

/// Where the form goes that restores it.
pub(super) fn restore_backup(stamp: &Stamp) -> String {
    format!("{BACKUPS}/{stamp}/restore")
}

/// The rows of one table.
pub(super) fn table(name: &str) -> String {
    format!("{TABLES}/{}", encoded(name))
}

/// The rows of one table as of an event, or now.
pub(super) fn table_at(name: &str, at: Option<i64>) -> String {
    as_of(table(name), at)
}

/// The events that changed one row, perhaps only those before one; `key` is a JSON array.
pub(super) fn row(table: &str, key: &str, before: Option<i64>) -> String {
    let before = before.map(|before| format!("&before={before}")).unwrap_or_default();
    format!("{TABLES}/{}/row?key={}{before}", encoded(table), encoded(key))
}

/// A place of the log: the list from one event on, turned to it.
pub(super) fn place(event: i64) -> String {
    format!("{EVENTS}?after={}#e{event}", event.saturating_sub(1))
}

/// The list of tables as of an event, or now.
pub(super) fn tables(at: Option<i64>) -> String {
    as_of(TABLES.to_owned(), at)
}

/// The store as of an event, or now, as a file.
pub(super) fn state_file(at: Option<i64>) -> String {
    as_of(STATE_FILE.to_owned(), at)
}

fn as_of(path: String, at: Option<i64>) -> String {
    match at {
        Some(at) => format!("{path}?at={at}"),
        None => path,
    }
}

/// The rows of one table that differ from the log.
pub(super) fn drift(table: &str) -> String {
    format!("{PROJECTION}?table={}#rows", encoded(table))
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

    /// The plan of one choice with its rows.
    pub(super) fn of_scope(&self, scope: Scope) -> PlanLinks {
        let fields = vec![("kind", self.kind.to_string()), ("scope", scope.to_string())];
        let (path, rows_path) = (format!("/snapshots/{}/preview", self.id), format!("/snapshots/{}/diff", self.id));
        PlanLinks { path, rows_path, fields, on_page: Vec::new() }
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

    /// Where the form goes that rehearses a restore of it.
    pub(super) fn drill(&self) -> String {
        format!("/snapshots/{}/drill", self.id)
    }

    /// Where the form goes that deletes it.
    pub(super) fn delete(&self) -> String {
        format!("/snapshots/{}/delete", self.id)
    }
}

/// The addresses of a plan of any sort and of its rows.
#[derive(Debug, Clone)]
pub(super) struct PlanLinks {
    /// Without its query, for forms that send GET.
    pub(super) path: String,
    /// The same of the page of rows.
    pub(super) rows_path: String,
    /// What the plan is of.
    pub(super) fields: Vec<(&'static str, String)>,
    /// What tells the page of rows from the plan, where both have one path.
    pub(super) on_page: Vec<(&'static str, String)>,
}

impl PlanLinks {
    /// The plan of going back to an event.
    pub(super) fn of_rewind(event: i64) -> Self {
        Self::on_one_path(REWIND.to_owned(), vec![("after_event_id", event.to_string())])
    }

    /// The plan of undoing an operation.
    pub(super) fn of_undo(operation: i64) -> Self {
        Self::on_one_path(undo(operation), Vec::new())
    }

    /// The plan of restoring a backup.
    pub(super) fn of_backup(stamp: &Stamp) -> Self {
        Self::on_one_path(backup(stamp), Vec::new())
    }

    fn on_one_path(path: String, fields: Vec<(&'static str, String)>) -> Self {
        Self { rows_path: path.clone(), path, fields, on_page: vec![("view", "rows".to_owned())] }
    }

    /// The plan.
    pub(super) fn plan(&self) -> String {
        asking(&self.path, &self.fields)
    }

    /// The plan with the rows of one table beside it.
    pub(super) fn beside(&self, table: &str) -> String {
        let table = [("table", table.to_owned())];
        format!("{}#rows", asking(&self.path, self.fields.iter().chain(&table)))
    }

    /// The same from a place of the rows on, found with a text.
    pub(super) fn beside_at(&self, table: &str, q: &str, after: Option<&str>) -> String {
        let mut more = vec![("table", table.to_owned())];
        more.extend(Some(("q", q.to_owned())).filter(|_| !q.is_empty()));
        more.extend(after.map(|after| ("after", after.to_owned())));
        format!("{}#rows", asking(&self.path, self.fields.iter().chain(&more)))
    }

    /// The page with the rows of one table.
    pub(super) fn rows(&self, table: &str) -> String {
        let table = [("table", table.to_owned())];
        asking(&self.rows_path, self.fields.iter().chain(&table).chain(&self.on_page))
    }
}

fn asking<'a>(path: &str, fields: impl IntoIterator<Item = &'a (&'static str, String)>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if fields.is_empty() { path.to_owned() } else { format!("{path}?{}", fields.join("&")) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn a_table_of_any_name_can_be_linked() {
        let links = SnapshotLinks::new(&"20261120T180201Z".parse().unwrap(), Kind::Periodic);
        assert_eq!(
            links.of_scope(Scope::Everything).rows("a&b"),
            "/snapshots/20261120T180201Z/diff?kind=periodic&scope=everything&table=a%26b"
        );
    }

    #[test]
    fn a_plan_and_its_rows_on_one_path_are_told_apart() {
        assert_eq!(PlanLinks::of_undo(7).plan(), "/history/7/undo");
        assert_eq!(PlanLinks::of_undo(7).beside("bots"), "/history/7/undo?table=bots#rows");
        assert_eq!(PlanLinks::of_rewind(9).rows("bots"), "/rewind?after_event_id=9&table=bots&view=rows");
    }
}
