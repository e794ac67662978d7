//! Progress on a terminal: one bar on standard error, and nothing on a pipe.

use std::io::IsTerminal;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::{Progress, Report};

/// A bar where standard error is a terminal.
pub(super) fn on_terminal() -> Progress {
    if !std::io::stderr().is_terminal() {
        return Progress::default();
    }
    let bar = ProgressBar::no_length();
    Progress::new(Arc::new(Bar(bar)))
}

struct Bar(ProgressBar);

impl Report for Bar {
    fn begin(&self, what: &str, total: Option<u64>) {
        let form = match total {
            Some(_) => "{msg}  {bar:32} {human_pos} of {human_len}, {eta} left",
            None => "{msg}  {spinner} {human_pos}",
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            self.0.set_style(style);
        }
        self.0.reset();
        match total {
            Some(total) => self.0.set_length(total),
            None => self.0.unset_length(),
        }
        self.0.set_message(what.to_owned());
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
