//! A cluster of three nats-servers with JetStream.

use std::net::SocketAddr;

use anyhow::Result;

use crate::nats::ATTEMPTS;
use crate::{Nats, NatsOptions, port};

/// Three nats-servers in a cluster, each with its own store, so that streams can have three replicas.
pub struct NatsCluster {
    servers: [Nats; 3],
}

impl NatsCluster {
    /// Starts three servers with empty stores, and waits until they have elected a leader and all have joined
    /// JetStream.
    ///
    /// # Errors
    /// If nats-server is not installed or does not start.
    pub async fn start() -> Result<Self> {
        let mut attempt = 1;
        loop {
            let mut cluster = Self::prepare()?;
            match cluster.launch().await {
                Err(_) if attempt < ATTEMPTS && cluster.servers.iter().any(Nats::has_lost_a_port) => attempt += 1,
                outcome => return outcome.map(|()| cluster),
            }
        }
    }

    /// Returns the URL of each server.
    pub fn urls(&self) -> [String; 3] {
        self.servers.each_ref().map(Nats::url)
    }

    /// Returns the servers.
    pub fn servers(&self) -> &[Nats; 3] {
        &self.servers
    }

    /// Returns the servers, to stop, kill and restart them. [`Nats::restart`] waits until the server's replicas are
    /// complete, which needs another running server.
    pub fn servers_mut(&mut self) -> &mut [Nats; 3] {
        &mut self.servers
    }

    fn prepare() -> Result<Self> {
        let routes = [port::free()?, port::free()?, port::free()?];
        let prepare = |own: SocketAddr| {
            let urls = routes.map(|route| format!("\"nats://{route}\"")).join(", ");
            let extra_config = format!("cluster {{ name: orgwatch, listen: \"{own}\", routes: [{urls}] }}");
            Nats::prepare(&NatsOptions { extra_config, ..NatsOptions::default() })
        };
        let [a, b, c] = routes.map(prepare);
        let mut servers = [a?, b?, c?];
        servers.iter_mut().for_each(|server| server.peers = Some(3));
        Ok(Self { servers })
    }

    /// Starts the servers concurrently, since none is ready before it has connected to another.
    async fn launch(&mut self) -> Result<()> {
        let [a, b, c] = &mut self.servers;
        tokio::try_join!(a.launch(), b.launch(), c.launch()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use crate::nats::get;

    use super::*;

    /// Returns the leader's name according to a server; empty if it knows none.
    async fn leader(server: &Nats) -> String {
        let answer = get(server.monitoring, "/jsz").await.unwrap();
        assert!(answer.contains("\"cluster_size\": 3"), "{answer}");
        let leader = answer.split("\"leader\": \"").nth(1);
        leader.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn three_servers_agree_on_a_leader_and_replace_it() {
        let mut cluster = NatsCluster::start().await.unwrap();
        let first = leader(&cluster.servers()[0]).await;
        let index = cluster.servers().iter().position(|server| server.name() == first).unwrap();
        for server in cluster.servers() {
            assert_eq!(leader(server).await, first);
        }
        let urls = cluster.urls();

        cluster.servers_mut()[index].kill().await;
        TcpStream::connect(cluster.servers()[index].address()).await.unwrap_err();
        cluster.servers_mut()[index].restart().await.unwrap();

        assert_eq!(cluster.urls(), urls);
        let second = leader(&cluster.servers()[index]).await;
        assert!(cluster.servers().iter().any(|server| server.name() == second), "{second}");
    }
}
