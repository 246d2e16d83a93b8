//! A TCP proxy between a service and a server, which can be cut.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use crate::port;

type Connections = Arc<Mutex<JoinSet<()>>>;

/// A TCP proxy on 127.0.0.1. Dropping it closes its connections.
pub struct Proxy {
    target: SocketAddr,
    address: SocketAddr,
    connections: Connections,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port, and forwards each connection to `target`, which need not listen yet.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let mut proxy = Self { target, address: port::free()?, connections: Connections::default(), listener: None };
        proxy.restore().await?;
        Ok(proxy)
    }

    /// Returns the address for clients, which stays the same after [`Proxy::restore`].
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the port of [`Proxy::address`].
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes all connections and refuses new ones until [`Proxy::restore`]. All are closed when this returns.
    pub async fn cut(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.abort();
            // Returns the error of the abort.
            drop(listener.await);
        }
        self.cut_now().await;
    }

    /// Closes the present connections; new ones are accepted.
    pub async fn cut_now(&self) {
        self.connections.lock().await.shutdown().await;
    }

    /// Accepts connections again after [`Proxy::cut`].
    ///
    /// # Errors
    /// If the port is in use.
    pub async fn restore(&mut self) -> Result<()> {
        if self.listener.is_none() {
            let listener = TcpListener::bind(self.address).await;
            let listener = listener.with_context(|| format!("the proxy cannot listen on {}", self.address))?;
            self.listener = Some(tokio::spawn(accept(listener, self.target, Arc::clone(&self.connections))));
        }
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let mut connections = connections.lock().await;
                while connections.try_join_next().is_some() {}
                connections.spawn(forward(client, target));
            }
            Err(error) => tracing::debug!(%error, "the proxy could not accept a connection"),
        }
    }
}

async fn forward(mut client: TcpStream, target: SocketAddr) {
    let outcome = async {
        let mut server = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut server).await
    };
    if let Err(error) = outcome.await {
        tracing::debug!(%error, %target, "a connection through the proxy ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn echo_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    tokio::io::copy(&mut reader, &mut writer).await
                });
            }
        });
        address
    }

    async fn connect(proxy: &Proxy) -> TcpStream {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
        stream
    }

    async fn is_closed(stream: &mut TcpStream) -> bool {
        matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }

    #[tokio::test]
    async fn a_cut_proxy_refuses_connections_until_restored() {
        let mut proxy = Proxy::start(echo_server().await).await.unwrap();
        let (mut one, mut two) = (connect(&proxy).await, connect(&proxy).await);

        proxy.cut().await;
        assert!(is_closed(&mut one).await && is_closed(&mut two).await);
        TcpStream::connect(proxy.address()).await.unwrap_err();
        proxy.cut().await;

        proxy.restore().await.unwrap();
        proxy.restore().await.unwrap();
        connect(&proxy).await;
    }

    #[tokio::test]
    async fn a_momentary_cut_closes_only_present_connections() {
        let proxy = Proxy::start(echo_server().await).await.unwrap();
        let mut present = connect(&proxy).await;
        proxy.cut_now().await;
        assert!(is_closed(&mut present).await);
        connect(&proxy).await;
    }

    #[tokio::test]
    async fn a_client_is_disconnected_if_the_server_is_not_running() {
        let mut proxy = Proxy::start(port::free().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(is_closed(&mut client).await);
        proxy.cut().await;
    }
}
