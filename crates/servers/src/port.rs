//! Free ports that stay free while their server is down.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// Below what systems hand out to outgoing connections: a client that keeps connecting to a server that is down could
/// otherwise be given the server's own port, connect to itself, and keep the server from coming back.
const FIRST: u16 = 15_000;
const COUNT: u16 = 15_000;
const ATTEMPTS: u64 = 100;

/// An address of this machine that nobody listens on at this moment.
pub(crate) fn free() -> Result<SocketAddr> {
    // Tests of many processes look at the same time, so each starts from another place.
    let seed = RandomState::new();
    for attempt in 0..ATTEMPTS {
        let offset = u16::try_from(seed.hash_one(attempt) % u64::from(COUNT))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port found among {FIRST} to {} in {ATTEMPTS} attempts", FIRST + (COUNT - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_bound() {
        let address = free().unwrap();
        assert!((FIRST..FIRST + COUNT).contains(&address.port()));
        TcpListener::bind(address).unwrap();
    }
}
