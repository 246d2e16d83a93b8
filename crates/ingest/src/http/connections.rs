//! How many connections are open: in all, and from each address.

use super::answer::Refusal;
use crate::Settings;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The open connections. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    limits: Limits,
    open: Arc<Mutex<Open>>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    all: u32,
    of_address: u32,
    /// Those on which no request with a valid token has arrived yet.
    unauthenticated_of_address: u32,
}

#[derive(Debug, Default)]
struct Open {
    all: u32,
    /// Only addresses that have a connection.
    by_address: HashMap<IpAddr, Share>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    all: u32,
    unauthenticated: u32,
}

/// One open connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    connections: Connections,
    address: IpAddr,
    is_authenticated: AtomicBool,
}

impl Connections {
    pub(super) fn new(settings: &Settings) -> Self {
        let limits = Limits {
            all: settings.max_connections,
            of_address: settings.max_connections_per_address,
            unauthenticated_of_address: settings.max_unauthenticated_per_address,
        };
        Self { limits, open: Arc::default() }
    }

    /// Counts a connection from an address.
    ///
    /// # Errors
    /// Which limit is reached.
    pub(super) fn open(&self, address: IpAddr) -> Result<Connection, Refusal> {
        let address = counted_as(address);
        let mut open = self.open_now();
        let of_address = open.by_address.get(&address).copied().unwrap_or_default();
        if open.all >= self.limits.all {
            return Err(Refusal::Connections(self.limits.all));
        }
        if of_address.all >= self.limits.of_address {
            return Err(Refusal::ConnectionsOfAddress(self.limits.of_address));
        }
        if of_address.unauthenticated >= self.limits.unauthenticated_of_address {
            return Err(Refusal::Unauthenticated(self.limits.unauthenticated_of_address));
        }
        open.all += 1;
        let of_address = open.by_address.entry(address).or_default();
        of_address.all += 1;
        of_address.unauthenticated += 1;
        Ok(Connection { connections: self.clone(), address, is_authenticated: AtomicBool::new(false) })
    }

    /// Returns how many are open.
    #[cfg(test)]
    pub(super) fn count(&self) -> u32 {
        self.open_now().all
    }

    fn open_now(&self) -> MutexGuard<'_, Open> {
        // No change under this lock can be interrupted halfway.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Records that a request with a valid token has arrived.
    pub(super) fn authenticated(&self) {
        if self.is_authenticated.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(of_address) = self.connections.open_now().by_address.get_mut(&self.address) {
            of_address.unauthenticated -= 1;
        }
    }

    /// Returns whether a request with a valid token has arrived.
    pub(super) fn is_authenticated(&self) -> bool {
        self.is_authenticated.load(Ordering::Acquire)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.authenticated();
        let mut open = self.connections.open_now();
        open.all -= 1;
        if let Some(of_address) = open.by_address.get_mut(&self.address) {
            of_address.all -= 1;
            if of_address.all == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// Returns the address as which a client counts: a client of IPv6 usually has a whole network of 64 bits.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(max_connections: u32, per_address: u32, unauthenticated: u32) -> Connections {
        Connections::new(&Settings {
            max_connections,
            max_connections_per_address: per_address,
            max_unauthenticated_per_address: unauthenticated,
            ..Settings::default()
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_has_its_reason() {
        let connections = connections(4, 3, 2);
        let (one, two) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = [connections.open(one).unwrap(), connections.open(one).unwrap()];
        assert!(matches!(connections.open(one), Err(Refusal::Unauthenticated(2))));
        first.iter().for_each(Connection::authenticated);
        first.iter().for_each(Connection::authenticated);
        let third = connections.open(one).unwrap();
        assert!(matches!(connections.open(one), Err(Refusal::ConnectionsOfAddress(3))));
        let other = connections.open(two).unwrap();
        assert!(matches!(connections.open(two), Err(Refusal::Connections(4))));
        drop((first, third, other));
        let open = connections.open_now();
        assert!(open.all == 0 && open.by_address.is_empty());
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_address() {
        let check =
            |one: &str, other: &str, expect| assert_eq!(counted_as(address(one)) == counted_as(address(other)), expect);
        check("2001:db8::1", "2001:db8::ffff:1", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("::ffff:192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
    }
}
