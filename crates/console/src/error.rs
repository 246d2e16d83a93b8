//! Errors of this crate.

use std::net::SocketAddr;

/// Why the service stops.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address cannot be served.
    #[error("console.listen: cannot serve {listen}: choose a free address of this machine")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system reported.
        #[source]
        source: std::io::Error,
    },
}
