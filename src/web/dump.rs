//! Snapshots as one JSON object in the original service's form: `GET /snapshots/{id}/export` and
//! `POST /snapshots/import`, both streamed.

use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::Pin;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use futures_core::Stream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::damaged::{self, Before};
use super::download;
use super::error::Failure;
use super::extract::{Query, RawId};
use super::links::SnapshotLinks;
use super::negotiate::Wants;
use super::snapshots::means;
use super::state::{AppState, blocking};
use crate::snapshot::SnapshotId;

/// Pieces of a body that wait to be read.
const AHEAD: usize = 16;

/// `GET /snapshots/{id}/export?kind=`.
pub(super) async fn export(
    State(state): State<AppState>,
    wants: Wants,
    RawId(id): RawId,
    Query(fields): Query,
) -> Result<Response, Failure> {
    let (kind, id) = (fields.kind()?, id.parse::<SnapshotId>()?);
    let exported = id.clone();
    // Written whole before the first byte is sent: what cannot be said in this form, or is damaged,
    // is told as an error and not as half a file.
    match blocking(&state, move |engine| engine.export(kind, &exported)).await {
        Ok(file) => Ok(download::send(file, "application/json", &format!("backstitch-{id}.json"))?),
        Err(error) if wants == Wants::Page => damaged::answer(&state, kind, &id, error, Before::Nothing).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /snapshots/import?kind=`: the body is the dump.
pub(super) async fn import(
    State(state): State<AppState>,
    wants: Wants,
    Query(fields): Query,
    body: Body,
) -> Result<Response, Failure> {
    let kind = fields.kind()?;
    let (sender, receiver) = channel(AHEAD);
    let feeding = tokio::spawn(feed(body, sender));
    let reader = BodyReader { receiver, piece: Bytes::new() };
    let means = means(wants);
    let imported = blocking(&state, move |engine| engine.import(kind, reader, means)).await;
    // What was refused is not read to its end.
    feeding.abort();
    let snapshot = imported?;
    if wants.json() {
        return Ok((StatusCode::CREATED, Json(snapshot)).into_response());
    }
    Ok(Redirect::to(&SnapshotLinks::new(&snapshot.snapshot_id, kind).plan()).into_response())
}

/// Hands the pieces of a body on as they come, no faster than they are read.
async fn feed(body: Body, sender: Sender<io::Result<Bytes>>) {
    let mut pieces = body.into_data_stream();
    while let Some(piece) = poll_fn(|context| Pin::new(&mut pieces).poll_next(context)).await {
        let piece = piece.map_err(io::Error::other);
        let broken = piece.is_err();
        if sender.send(piece).await.is_err() || broken {
            return;
        }
    }
}

/// A body, read where blocking is allowed.
struct BodyReader {
    receiver: Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let read = self.piece.len().min(into.len());
        into[..read].copy_from_slice(&self.piece.split_to(read));
        Ok(read)
    }
}
