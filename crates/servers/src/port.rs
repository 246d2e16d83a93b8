//! Free ports that stay free while their server is stopped.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// The first port of the range, which lies below Linux's range for outgoing connections (from 32768 on). A client that
/// reconnects to a stopped server could otherwise be assigned the server's port, connect to itself, and keep the server
/// from restarting.
const FIRST: u16 = 15_000;
/// The number of ports in the range. A choice that stays below 32768.
const COUNT: u16 = 15_000;
/// How many ports to try. A choice.
const ATTEMPTS: u64 = 100;

/// Returns a loopback address on which no server listens now.
///
/// # Errors
/// If none of [`ATTEMPTS`] random ports is free.
pub(crate) fn free() -> Result<SocketAddr> {
    // Random ports, since the tests of several processes search at the same time.
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
