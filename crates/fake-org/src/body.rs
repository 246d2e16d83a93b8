//! Bodies of answers, and the faults that slow or truncate them.

use crate::fault::Fault;
use crate::org::Org;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt, stream};
use std::io::{self, Write};
use std::time::Duration;

/// The pieces of a body, made when they are needed.
pub(crate) type Chunks = Box<dyn Iterator<Item = Bytes> + Send>;

/// Returns an answer of JSON text. `names` are those by which a fault may be limited to it.
pub(crate) fn json(org: &Org, names: &[&str], text: String) -> Response {
    let content = match BodyFault::take(org, names) {
        None => Body::from(text),
        Some(fault) => fault.body(Box::new(std::iter::once(Bytes::from(text)))),
    };
    ([(CONTENT_TYPE, "application/json;charset=UTF-8")], content).into_response()
}

/// Returns a streamed body. `names` are those by which a fault may be limited to it.
pub(crate) fn stream(org: &Org, names: &[&str], chunks: Chunks) -> Body {
    match BodyFault::take(org, names) {
        None => Body::from_stream(stream::iter(chunks.map(io::Result::Ok))),
        Some(fault) => fault.body(chunks),
    }
}

/// Compresses a body piece by piece.
pub(crate) fn gzip(mut chunks: Chunks) -> Chunks {
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    Box::new(std::iter::from_fn(move || {
        let mut current = encoder.take()?;
        for chunk in chunks.by_ref() {
            current.write_all(&chunk).ok()?;
            if !current.get_ref().is_empty() {
                let ready = std::mem::take(current.get_mut());
                encoder = Some(current);
                return Some(Bytes::from(ready));
            }
        }
        current.finish().ok().map(Bytes::from)
    }))
}

/// A fault of a body.
enum BodyFault {
    Cut { after: usize },
    Slow { every: usize, pause: Duration },
}

impl BodyFault {
    fn take(org: &Org, names: &[&str]) -> Option<Self> {
        org.faults.take(names, |fault| match fault {
            Fault::BodyCut { after } => Some(Self::Cut { after: *after }),
            Fault::BodySlow { every, pause } => Some(Self::Slow { every: (*every).max(1), pause: *pause }),
            _ => None,
        })
    }

    fn body(self, chunks: Chunks) -> Body {
        match self {
            Self::Cut { after } => {
                let mut left = after;
                let whole = chunks.map_while(move |mut chunk| {
                    chunk.truncate(left);
                    left -= chunk.len();
                    (!chunk.is_empty()).then_some(Ok(chunk))
                });
                let broken = stream::once(async {
                    // Lets the server send the pieces before, so that the client receives them.
                    tokio::task::yield_now().await;
                    Err(io::Error::other("the connection breaks"))
                });
                Body::from_stream(stream::iter(whole).chain(broken))
            }
            Self::Slow { every, pause } => {
                let pieces = chunks.flat_map(move |mut chunk| {
                    let pieces = std::iter::from_fn(move || {
                        let piece = chunk.split_to(every.min(chunk.len()));
                        (!piece.is_empty()).then_some(piece)
                    });
                    pieces.collect::<Vec<_>>()
                });
                Body::from_stream(stream::iter(pieces).then(move |piece| async move {
                    tokio::time::sleep(pause).await;
                    io::Result::Ok(piece)
                }))
            }
        }
    }
}
