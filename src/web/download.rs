//! Sending a file that was written to be sent, and then goes.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::Result;

/// Bytes that are read and sent at once.
const PIECE: u64 = 64 * 1024;

/// Sends a file as an attachment of a name; the file goes with the answer. One that a crash leaves
/// is swept at the next start.
///
/// # Errors
///
/// Where the file cannot be read.
pub(super) fn send(file: NamedTempFile, content_type: &'static str, name: &str) -> Result<Response> {
    let going = Going { file: file.reopen()?, _gone_after: file };
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_LENGTH, going.file.metadata()?.len().to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(Sent::Idle(Some(going)))).into_response())
}

/// A file on its way; removed after it.
struct Going {
    file: File,
    _gone_after: NamedTempFile,
}

impl Going {
    fn read(mut self) -> (Self, io::Result<Bytes>) {
        let mut piece = Vec::new();
        let read = (&mut self.file).take(PIECE).read_to_end(&mut piece);
        (self, read.map(|_| Bytes::from(piece)))
    }
}

/// Each piece is read when it is wanted, so a slow reader holds no thread.
enum Sent {
    Idle(Option<Going>),
    Reading(JoinHandle<(Going, io::Result<Bytes>)>),
}

impl Stream for Sent {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Idle(going) => {
                    let Some(going) = going.take() else { return Poll::Ready(None) };
                    *self = Self::Reading(spawn_blocking(move || going.read()));
                }
                Self::Reading(work) => {
                    let (going, piece) = match ready!(Pin::new(work).poll(context)) {
                        Ok((going, piece)) => (Some(going), piece),
                        Err(panic) => (None, Err(io::Error::other(panic))),
                    };
                    let at_end = piece.as_ref().is_ok_and(Bytes::is_empty);
                    *self = Self::Idle(going.filter(|_| piece.is_ok() && !at_end));
                    return Poll::Ready(Some(piece).filter(|_| !at_end));
                }
            }
        }
    }
}
