//! The country and the owner of an address, from databases in MaxMind's format.

use maxminddb::{MaxMindDbError, PathElement, Reader};
use model::{Activity, SourceIp, Text};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// The open databases.
#[derive(Default)]
pub(crate) struct Networks {
    countries: Option<Database>,
    owners: Option<Database>,
}

/// A configured database is not readable.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {path}: not a readable MaxMind database", path = .path.display())]
pub(crate) struct NetworksError {
    key: &'static str,
    path: PathBuf,
    source: MaxMindDbError,
}

type Database = Reader<Vec<u8>>;

const COUNTRY: [PathElement<'static>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];
const OWNER: [PathElement<'static>; 1] = [PathElement::Key("autonomous_system_number")];

impl Networks {
    /// Reads the databases into memory: `country` has the countries of networks, such as GeoLite2-City, and `asn` their
    /// owners, such as GeoLite2-ASN. Logs the effect of a missing one.
    ///
    /// # Errors
    /// If a given one cannot be read.
    pub(crate) fn open(country: Option<&Path>, asn: Option<&Path>) -> Result<Self, NetworksError> {
        if asn.is_none() {
            tracing::info!("no asn_database is configured: networks are told apart by prefix");
        }
        if country.is_none() {
            tracing::info!("no country_database is configured: only countries that Salesforce reports are known");
        }
        let open = |key, path: Option<&Path>| {
            let error = |path: &Path, source| NetworksError { key, path: path.to_owned(), source };
            path.map(|path| Reader::open_readfile(path).map_err(|source| error(path, source))).transpose()
        };
        Ok(Self { countries: open("country_database", country)?, owners: open("asn_database", asn)? })
    }

    /// Fills the country and the number of the autonomous system where they are absent and the address is public.
    pub(crate) fn enrich(&self, activity: &mut Activity) {
        let Some(SourceIp::Address(address)) = activity.source_ip else { return };
        let address = address.to_canonical();
        if !is_public(address) {
            return;
        }
        // A broken entry counts as absent.
        if let (None, Some(countries)) = (&activity.country, &self.countries) {
            let found = countries.lookup(address).and_then(|found| found.decode_path::<&str>(&COUNTRY));
            activity.country = found.ok().flatten().map(Text::from);
        }
        if let (None, Some(owners)) = (activity.asn, &self.owners) {
            activity.asn = owners.lookup(address).and_then(|found| found.decode_path::<u32>(&OWNER)).ok().flatten();
        }
    }
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |database: &Option<Database>| database.as_ref().map(|open| open.metadata().database_type.clone());
        let (countries, owners) = (name(&self.countries), name(&self.owners));
        f.debug_struct("Networks").field("countries", &countries).field("owners", &owners).finish()
    }
}

/// Returns whether an address is public on the internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    // 0.0.0.0/8, 100.64.0.0/10 (RFC 6598), and everything from multicast on.
    let is_reserved = a == 0 || a == 100 && b & 0xc0 == 64 || a >= 224;
    !(is_reserved || v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation())
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, ..] = v6.segments();
    let is_documentation = a == 0x2001 && b == 0xdb8;
    // All assigned public addresses lie in 2000::/3.
    a & 0xe000 == 0x2000 && !is_documentation
}
