//! Errors of this crate.

use std::net::SocketAddr;

/// Why the service stops.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The secret of the console at the provider of the sign-in cannot be read.
    #[error("console.sign_in.client_secret_file: cannot be read")]
    ClientSecret(#[source] std::io::Error),
    /// There is no HTTP client for the provider of the sign-in.
    #[error("console.sign_in: no HTTP client: check the certificates of this machine")]
    Client(#[source] reqwest::Error),
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
