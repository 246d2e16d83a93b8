//! How an executable starts.

use std::io;
use std::num::NonZero;
use std::sync::Once;
use std::thread;

/// Runs `main` on a runtime of many threads, after [`install_tls`].
///
/// There are at least two workers, also on one core: telemetry exporters block one while they need another.
///
/// # Errors
/// If the threads cannot be started.
pub fn block_on<F: Future>(main: F) -> io::Result<F::Output> {
    install_tls();
    let workers = thread::available_parallelism().map_or(LEAST_WORKERS, NonZero::get).max(LEAST_WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    Ok(runtime.block_on(main))
}

/// Makes ring the TLS provider of this process. Clients of Salesforce, NATS and sinks need it before they start; more
/// calls do nothing.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    // It refuses only if a provider is installed already, which then serves as well.
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
