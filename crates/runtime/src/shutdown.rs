//! Shutdown by signals, and tasks that stop together.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

mod stages;

pub use stages::{Stages, StagesError};

/// Returns a token that SIGTERM or SIGINT cancels. A second signal exits the process at once, with status 130.
///
/// # Errors
/// If the signals cannot be listened to.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let name = next(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "shutting down");
        cancelled.cancel();
        let name = next(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "exiting at once, unfinished work is abandoned");
        std::process::exit(STATUS_INTERRUPTED);
    });
    Ok(token)
}

/// 128 + SIGINT, as shells report it.
const STATUS_INTERRUPTED: i32 = 130;

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    const CHILD: &str = "RUNTIME_TEST_SIGNALS";

    /// Not a test itself: `signals_stop_a_process` runs it in a child process.
    #[test]
    fn process_that_waits_for_signals() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        crate::run::block_on(async {
            let token = on_signals().unwrap();
            eprintln!("ready");
            token.cancelled().await;
            eprintln!("cancelled");
            std::future::pending::<()>().await;
        })
        .unwrap();
    }

    #[test]
    fn signals_stop_a_process() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shutdown::tests::process_that_waits_for_signals", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let process = child.id().to_string();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        assert_eq!(lines.next().unwrap().unwrap(), "cancelled");
        assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(STATUS_INTERRUPTED));
    }
}
