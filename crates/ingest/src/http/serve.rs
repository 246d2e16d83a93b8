//! The server of pushes: its connections, and their limits of time and number.

use super::answer::Refusal;
use super::connections::Connection;
use super::{Push, router};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes of a connection's buffer, which also bound the head of a request. A choice.
const BUFFER: usize = 32 << 10;
/// The most refused connections that wait for their client to read the answer; further ones are closed at once. A choice.
const MAX_REFUSED: usize = 256;
/// How long a refused connection waits for that, and how many bytes of the client it discards meanwhile. A choice.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 << 10;
/// How long to wait before the next connection is accepted, when the process has too many open files.
const BREATH: Duration = Duration::from_millis(500);

/// Accepts connections until `shutdown`, then waits until the requests that are under way are answered.
pub(crate) async fn serve(listener: TcpListener, push: Arc<Push>, shutdown: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(push.header_wait).max_buf_size(BUFFER);
    let router = router(Arc::clone(&push));
    let refused = Arc::new(Semaphore::new(MAX_REFUSED));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let Some((stream, opened)) = accepted.map(|(stream, address)| (stream, push.connections.open(address))) else {
            continue;
        };
        match opened {
            Ok(connection) => {
                tasks.spawn(keep(http.clone(), stream, router.clone(), connection, shutdown.clone()));
            }
            Err(refusal) => {
                push.meter.refused(refusal.label());
                // Where answering fails, the client has gone.
                if let Ok(permit) = Arc::clone(&refused).try_acquire_owned() {
                    tasks.spawn(async move {
                        drop(tokio::time::timeout(LINGER, refuse(stream, &refusal)).await);
                        drop(permit);
                    });
                } else {
                    drop(stream.into_std().and_then(|mut stream| stream.write_all(refusal.raw().as_bytes())));
                }
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, std::net::IpAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer.ip())),
        Err(error) => {
            let is_of_client = matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
            );
            if !is_of_client {
                tracing::warn!(%error, "a connection cannot be accepted, trying again");
                tokio::time::sleep(BREATH).await;
            }
            None
        }
    }
}

/// Serves one connection until it ends.
async fn keep(
    http: http1::Builder,
    stream: TcpStream,
    router: Router,
    connection: Connection,
    shutdown: CancellationToken,
) {
    let connection = Arc::new(connection);
    let closing = from_fn_with_state(Arc::clone(&connection), close_unauthenticated);
    let service = TowerToHyperService::new(router.layer(closing).layer(Extension(connection)));
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}

/// Ends a connection with its first answer, whatever that is, unless a valid token has arrived.
async fn close_unauthenticated(State(connection): State<Arc<Connection>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if !connection.is_authenticated() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Answers without reading a request. The client's bytes are discarded until it has seen the answer: a connection that is
/// closed before they are read loses what was written.
async fn refuse(mut stream: TcpStream, refusal: &Refusal) -> io::Result<()> {
    stream.write_all(refusal.raw().as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests;
