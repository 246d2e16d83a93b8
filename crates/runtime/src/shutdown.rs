//! Shutdown by signals, and tasks that stop together.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

mod stages;

pub use stages::{Stages, StagesError};

/// What signals ask for.
#[derive(Clone, Debug)]
pub struct Signals {
    /// The first SIGTERM or SIGINT cancels it: stop in order.
    pub shutdown: CancellationToken,
    /// The second one cancels it: stop at once, and clean up only.
    pub at_once: CancellationToken,
}

impl Signals {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// If the signals cannot be listened to.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let signals = Self { shutdown: CancellationToken::new(), at_once: CancellationToken::new() };
        let Self { shutdown, at_once } = signals.clone();
        tokio::spawn(async move {
            let name = next(&mut terminate, &mut interrupt).await;
            tracing::info!(signal = name, "shutting down");
            shutdown.cancel();
            let name = next(&mut terminate, &mut interrupt).await;
            tracing::warn!(signal = name, "exiting at once, unfinished work is abandoned");
            at_once.cancel();
        });
        Ok(signals)
    }
}

/// Returns a token that SIGTERM or SIGINT cancels. A second signal exits the process at once, with status 130.
///
/// # Errors
/// If the signals cannot be listened to.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn on_signals() -> io::Result<CancellationToken> {
    let Signals { shutdown, at_once } = Signals::listen()?;
    tokio::spawn(async move {
        at_once.cancelled().await;
        std::process::exit(STATUS_INTERRUPTED.into());
    });
    Ok(shutdown)
}

/// The exit code after a second signal: 128 + SIGINT, as shells report it.
pub const STATUS_INTERRUPTED: u8 = 130;

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
        assert_eq!(child.wait().unwrap().code(), Some(STATUS_INTERRUPTED.into()));
    }
}
