//! Events as pages show them: turns as speech, everything else as its kind and its payload in short.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::filters::{self, Moment, cut};
use super::links;
use super::words::visible;
use crate::domain::Domain;
use crate::engine::SpeakerNames;
use crate::log::Event;

/// Characters of a turn in a list; the event's own page has all of it.
const TURN: usize = 280;
/// Characters of one value, and how many values, of a payload in short.
const VALUE: usize = 80;
const VALUES: usize = 4;

/// When an event happened: as a moment where its `ts` can be read as one, else as it stands.
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) at: Option<Moment>,
    pub(super) raw: String,
}

impl Stamp {
    pub(super) fn new(ts: &str, now: OffsetDateTime) -> Self {
        let at = OffsetDateTime::parse(ts, &Rfc3339).ok().map(|at| Moment::new(at, now));
        Self { at, raw: visible(ts) }
    }
}

/// One event as lists show it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) url: String,
    pub(super) stamp: Stamp,
    /// Its kind in words.
    pub(super) kind: String,
    pub(super) said: Said,
    pub(super) hidden: bool,
    pub(super) superseded_by: Option<(i64, String)>,
    /// The plan of going back to it, where the list offers that.
    pub(super) rewind: Option<String>,
    /// Its payload as it was sent, where the list shows that.
    pub(super) raw: Option<String>,
}

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Somebody says something.
    Turn { speaker: Option<String>, text: String },
    /// Its fields in short, and whether there are more.
    Fields(Vec<(String, String)>, bool),
}

impl Line {
    pub(super) fn new(event: &Event, domain: &Domain, names: &SpeakerNames, now: OffsetDateTime) -> Self {
        Self {
            id: event.id,
            url: links::event(event.id),
            stamp: Stamp::new(&event.ts, now),
            kind: filters::spoken(&event.kind),
            said: Said::of(event, domain, names, TURN),
            hidden: event.hidden,
            superseded_by: event.superseded_by.map(|id| (id, links::event(id))),
            rewind: None,
            raw: None,
        }
    }

    /// With the plan of going back to it; there is none for the log's last event.
    #[must_use]
    pub(super) fn offering_rewind(mut self, head: i64) -> Self {
        self.rewind = (self.id < head).then(|| links::rewind(self.id));
        self
    }

    /// With its payload as it was sent, in short, in the place of what it says.
    #[must_use]
    pub(super) fn raw(mut self, event: &Event) -> Self {
        self.raw = Some(visible(&cut(event.payload.get(), TURN).0));
        self
    }

    /// Whether somebody says something in it.
    pub(super) fn is_turn(&self) -> bool {
        matches!(self.said, Said::Turn { .. })
    }

    /// Whether it counts for the tables.
    pub(super) fn counts(&self) -> bool {
        !self.hidden && self.superseded_by.is_none()
    }
}

impl Said {
    /// A turn is cut at `most` characters.
    pub(super) fn of(event: &Event, domain: &Domain, names: &SpeakerNames, most: usize) -> Self {
        // What other programs wrote may nest deeper than can be read here; then it is shown as text.
        let payload: Value =
            serde_json::from_str(event.payload.get()).unwrap_or_else(|_| Value::String(event.payload.get().to_owned()));
        let turn = domain.turns.iter().find(|turn| turn.kind == event.kind);
        match turn.and_then(|turn| Some((turn.speaker_of(&payload), turn.text_of(&payload)?))) {
            Some((speaker, text)) => {
                let speaker = speaker.map(|speaker| visible(names.name(&event.kind, &speaker)));
                Self::Turn { speaker, text: visible(&cut(&text, most).0) }
            }
            None => Self::in_short(&payload),
        }
    }

    fn in_short(payload: &Value) -> Self {
        match payload {
            Value::Object(fields) => {
                let shown = fields.iter().filter(|(_, value)| !value.is_null());
                let shown = shown.take(VALUES).map(|(name, value)| (visible(name), short(value)));
                Self::Fields(shown.collect(), fields.len() > VALUES)
            }
            other => Self::Fields(vec![(String::new(), short(other))], false),
        }
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => visible(&cut(text, VALUE).0),
        other => visible(&cut(&other.to_string(), VALUE).0),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use serde_json::json;
    use serde_json::value::to_raw_value;
    use time::macros::datetime;

    use super::*;

    fn event(kind: &str, payload: &Value) -> Event {
        let payload = to_raw_value(payload).unwrap();
        let (ts, kind) = ("2026-11-20T20:41:12Z".to_owned(), kind.to_owned());
        Event { id: 7, branch_id: 1, ts, kind, payload, superseded_by: None, hidden: false }
    }

    #[test]
    fn a_turn_is_speech_and_the_rest_are_fields() {
        let domain = Domain::companion().unwrap();
        let turn = event("user_turn", &json!({"chat_id": "c", "text": "To be"}));
        let said = Said::Turn { speaker: Some("You".into()), text: "To be".into() };
        assert_eq!(Said::of(&turn, &domain, &SpeakerNames::default(), 280), said);
        let other = event("you_updated", &json!({"name": "Ada", "persona": "", "gone": null, "n": [1, 2]}));
        let fields = [("name", "Ada"), ("persona", "\"\""), ("n", "[1,2]")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(Said::of(&other, &domain, &SpeakerNames::default(), 280), Said::Fields(fields.to_vec(), false));
    }

    #[test]
    fn a_turn_without_its_text_is_not_lost() {
        let domain = Domain::companion().unwrap();
        let said = Said::of(&event("user_turn", &json!([1])), &domain, &SpeakerNames::default(), 280);
        assert_eq!(said, Said::Fields(vec![(String::new(), "[1]".into())], false));
    }

    #[test]
    fn a_ts_that_is_no_moment_is_shown_as_it_is() {
        let now = datetime!(2026-11-20 20:55 UTC);
        assert!(Stamp::new("yesterday", now).at.is_none());
        assert_eq!(Stamp::new("2026-11-20T20:41:12Z", now).at.unwrap().ago, "13 min ago");
    }
}
