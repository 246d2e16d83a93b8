//! The tokio runtime and the TLS provider of an executable.

use std::io;
use std::num::NonZero;
use std::sync::Once;
use std::thread;

/// Runs `main` on a multi-threaded runtime, after [`install_tls`].
///
/// There are at least two workers, even on one core, because exporters of telemetry block one while they need another.
///
/// # Errors
/// If the threads cannot be started.
pub fn block_on<F: Future>(main: F) -> io::Result<F::Output> {
    install_tls();
    let workers = thread::available_parallelism().map_or(LEAST_WORKERS, NonZero::get).max(LEAST_WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    Ok(runtime.block_on(main))
}

/// Makes ring the TLS provider of this process. Call it before any client of Salesforce, NATS or a destination is
/// created; further calls do nothing.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    // It fails only if another provider is installed, which then works as well.
    INSTALLED.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

const LEAST_WORKERS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_has_two_workers_and_a_provider() {
        let workers = block_on(async { tokio::runtime::Handle::current().metrics().num_workers() }).unwrap();
        assert!(workers >= 2);
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
        install_tls();
    }
}
