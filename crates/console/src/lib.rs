#![doc = include_str!("../README.md")]

mod access;
mod body;
pub mod decide;
mod error;
pub mod letter;
mod meter;
mod names;
mod org_settings;
mod page;
mod pages;
mod problem;
mod routes;
mod secret;
mod server;
mod settings;
mod sign_in;

pub use error::ConsoleError;
pub use routes::openapi;
pub use secret::{Secret, token};
pub use server::{App, router};
pub use settings::{Links, Settings};
pub use sign_in::{Algorithm, GroupRole, SignInSettings};

use ::settings::Hashed;
use bus::Bus;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The service and its connections.
#[derive(Clone)]
pub struct Service {
    /// Where everything is read, and decisions are added.
    pub store: Store,
    /// The settings in force, by which previews score.
    pub rules: watch::Receiver<Arc<Hashed>>,
    /// Settings of this service.
    pub settings: Settings,
    /// Where dead letters are read, and how far consumers are.
    pub bus: Bus,
}

impl Service {
    /// Serves until `shutdown`, then answers the requests that are under way.
    ///
    /// # Errors
    /// If the client's secret of the sign-in cannot be read, the address cannot be listened on, or accepting connections fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ConsoleError> {
        let listen = self.settings.listen;
        let failed = |source| ConsoleError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let app = App::new(self.store, self.rules, self.settings, shutdown.clone());
        let app = app.with_bus(self.bus).with_sign_in()?;
        let router = router(app);
        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned()).await.map_err(failed)
    }
}
