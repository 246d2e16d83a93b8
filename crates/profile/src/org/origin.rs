//! From where: networks, clients, sessions, logins, and who is really behind them.

use super::access::{becomes_established, establish};
use super::facets::Facets;
use super::names;
use super::rows::{Brought, expected, source_of};
use super::{Shared, close};
use crate::estimate::{Seen, Sighting, usual};
use crate::user::{Counter, Day, Delegation, Profile, note};
use model::time::SECOND;
use model::{Activity, Delegated, Failures, Feature, Kind, Outcome, Rarity, SessionChange, SourceIp, Text, Usual};
use std::net::IpAddr;

pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    who(profile, day, shared, activity);
    let place = Place::of(activity);
    let session_change = session(profile, day, shared, activity, place);
    let new_network = origin(profile, day, shared, activity, place, features);
    features.extend(session_change.map(Feature::Session));
    if activity.kind == Kind::Login {
        login(profile, day, shared, activity, new_network, features);
    }
}

/// Learns what a copy of a learned activity tells beyond it: the facets `news`. Attempts to log in are not counted again.
pub(super) fn enrich(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    copy: &Activity,
    news: Facets,
    features: &mut Vec<Feature>,
) {
    let only = news.only(copy);
    who(profile, day, shared, &only);
    // Of a session that is new, nothing was followed yet; of another, the known place would be older than what it has.
    let of_session = if news.has_session() { copy } else { &only };
    let session_change = session(profile, day, shared, of_session, Place::of(of_session));
    origin(profile, day, shared, &only, Place::of(&only), features);
    features.extend(session_change.map(Feature::Session));
}

/// Who the account is: its name, whether it is a guest's, and its role.
fn who(profile: &mut Profile, day: &Day, shared: &mut Shared, activity: &Activity) {
    if profile.username.is_none() {
        profile.username.clone_from(&activity.username);
    }
    if activity.user_type.as_ref().is_some_and(|user_type| user_type.to_ascii_lowercase().starts_with("guest")) {
        profile.is_guest = true;
    }
    if let (Some(of_profile), Some(role)) = (&activity.profile_id, &activity.role_id) {
        let ids = names::pair(names::key(names::ROLE, of_profile), names::key(names::ROLE, role));
        if profile.role.note_ids(ids, day.number) {
            close::reopen(profile, shared);
        }
    }
    // No change of role: whoever gave the account a right should not thereby make all it does next usual.
    profile.administers = activity.administers.or(profile.administers);
}

/// From where and with what an activity came.
#[derive(Clone, Copy)]
struct Place<'a> {
    network: Option<Network>,
    client: Option<(u64, &'a Text)>,
}

/// The network of an address: by autonomous system where known, by prefix otherwise (/24, /48).
#[derive(Clone, Copy)]
struct Network {
    key: u64,
    asn: Option<u32>,
    address: IpAddr,
}

impl<'a> Place<'a> {
    fn of(activity: &'a Activity) -> Self {
        let client = activity.client.as_ref().map(|client| (names::key(names::CLIENT, client), client));
        Self { network: Network::of(activity), client }
    }
}

impl Network {
    fn of(activity: &Activity) -> Option<Self> {
        let asn = activity.asn;
        let address = match activity.source_ip.as_ref()? {
            SourceIp::Address(address) => *address,
            SourceIp::Salesforce | SourceIp::Other(_) => return None,
        };
        let mut bytes = [names::NETWORK, 0, 0, 0, 0, 0, 0];
        let [_, rest @ ..] = &mut bytes;
        match (asn, address) {
            (Some(asn), _) => {
                let [a, b, c, d] = asn.to_be_bytes();
                *rest = [255, 255, a, b, c, d];
            }
            (None, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                *rest = [4, 0, 0, a, b, c];
            }
            (None, IpAddr::V6(v6)) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                *rest = [a, b, c, d, e, f];
            }
        }
        Some(Self { key: model::id::hash(&bytes), asn, address })
    }

    fn name(self) -> Text {
        match (self.asn, self.address) {
            (Some(asn), _) => Text::from(format!("AS{asn}")),
            (None, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                Text::from(format!("{a}.{b}.{c}.0/24"))
            }
            (None, IpAddr::V6(v6)) => {
                let [a, b, c, ..] = v6.segments();
                Text::from(format!("{a:x}:{b:x}:{c:x}::/48"))
            }
        }
    }
}

/// Network, country and client. Returns whether the network is new to the user.
fn origin(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    place: Place<'_>,
    features: &mut Vec<Feature>,
) -> bool {
    if activity.kind == Kind::Login && activity.outcome == Outcome::Failure {
        // Somebody else's failed attempts teach nothing of where the user is.
        return false;
    }
    let mut new_country = false;
    if let Some(country) = &activity.country {
        let key = names::key(names::COUNTRY, country);
        let had_any = !profile.seen.countries.is_empty();
        new_country = profile.seen.countries.touch(key, day.number) == Sighting::Never && had_any;
    }
    let mut new_network = false;
    if let Some(network) = place.network {
        let key = network.key;
        let sighting = profile.seen.networks.touch(key, day.number);
        establish(shared, sighting, key);
        new_network = !sighting.is_established();
        if sighting == Sighting::Never {
            shared.names.note(key, &network.name());
            day.counts.bump(Counter::NewNetworks);
        }
        if is_rare(sighting) {
            let mut rarity = rarity(profile, shared, key, sighting, Counter::NewNetworks, |p| &p.seen.networks, day);
            rarity.country.clone_from(&activity.country);
            rarity.new_country = new_country;
            features.push(Feature::Network(rarity));
        }
    }
    if let Some((key, client)) = place.client {
        let sighting = profile.seen.clients.touch(key, day.number);
        establish(shared, sighting, key);
        if sighting == Sighting::Never {
            shared.names.note(key, client);
            day.counts.bump(Counter::NewClients);
        }
        if becomes_established(sighting) {
            shared.populations.establish_client(key);
        }
        if is_rare(sighting) {
            let mut rarity = rarity(profile, shared, key, sighting, Counter::NewClients, |p| &p.seen.clients, day);
            rarity.peer_tail = shared.populations.client_tail(key);
            features.push(Feature::Client(rarity));
        }
    }
    new_network
}

/// Had never, or on one earlier day alone; told once a day.
fn is_rare(sighting: Sighting) -> bool {
    match sighting {
        Sighting::Never => true,
        Sighting::Known { .. } => !sighting.is_established(),
        Sighting::Today { .. } => false,
    }
}

fn rarity(
    profile: &Profile,
    shared: &Shared,
    key: u64,
    sighting: Sighting,
    counter: Counter,
    seen: impl Fn(&Profile) -> &Seen,
    day: &Day,
) -> Rarity {
    let name = |key| shared.names.value(key).cloned();
    let known = seen(profile).best(day.number).into_iter().filter(|known| *known != key).filter_map(name);
    Rarity {
        value: name(key).unwrap_or_default(),
        seen: f64::from(sighting.days()),
        days: profile.days,
        peer_share: shared.populations.share_knowing(key),
        usual: expected(profile, shared, counter),
        peer_tail: 1.0,
        country: None,
        new_country: false,
        known: known.take(3).collect(),
    }
}

/// Follows the session. Returns what changed of it.
fn session(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    place: Place<'_>,
) -> Option<SessionChange> {
    let session_key = activity.session_key.as_ref().map_or(0, |key| names::key(names::SESSION, key));
    let login_key = activity.login_key.as_ref().map_or(0, |key| names::key(names::LOGIN, key));
    let at = activity.event_time;
    let usual = expected(profile, shared, Counter::NetworkSwitches);
    let found = profile.sessions.of(session_key, login_key, at)?;
    if let Some(delegate) = &activity.delegate {
        found.delegate = delegate.username.clone().or_else(|| delegate.user_id.clone());
    }
    let elapsed = at.since(found.last);
    found.last = found.last.max(at);
    let mut change = SessionChange {
        from_network: None,
        to_network: None,
        from_client: None,
        to_client: None,
        usual,
        known_network: true,
        elapsed,
    };
    // Under a LoginAs the session is another person's by design.
    let watched = activity.kind != Kind::Login && found.delegate.is_none();
    if let Some(network) = place.network {
        let key = network.key;
        match &found.network {
            Some((known, from)) if *known != key && watched => {
                change.from_network = Some(from.clone());
                change.to_network = Some(network.name());
                change.known_network = profile.seen.networks.peek(key, day.number).is_established();
                found.network = change.to_network.clone().map(|name| (key, name));
                day.counts.bump(Counter::NetworkSwitches);
            }
            Some((known, _)) if *known == key => {}
            _ => found.network = Some((key, network.name())),
        }
    }
    if let Some((key, client)) = place.client {
        match &found.client {
            Some((known, from)) if *known != key && watched => {
                change.from_client = Some(from.clone());
                change.to_client = Some(client.clone());
                found.client = Some((key, client.clone()));
            }
            Some((known, _)) if *known == key => {}
            _ => found.client = Some((key, client.clone())),
        }
    }
    (change.to_network.is_some() || change.to_client.is_some()).then_some(change)
}

fn login(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    new_network: bool,
    features: &mut Vec<Feature>,
) {
    /// Time in which a failed login is forgotten to a part of 1/e.
    const FADING: f64 = 900.0;
    /// Failures that everybody makes.
    const LEAST: f64 = 1.5;
    let at = activity.event_time;
    let seconds = at.since(profile.failures.last).max(0) as f64 / SECOND as f64;
    let failures = &mut profile.failures;
    failures.recent *= (-seconds / FADING).exp();
    failures.last = at;
    if activity.outcome == Outcome::Failure {
        if failures.recent < 0.05 {
            failures.count = 0;
            failures.evidence.clear();
        }
        failures.recent += 1.0;
        failures.count += 1;
        note(&mut failures.evidence, activity.id);
        day.counts.bump(Counter::LoginFailures);
        return;
    }
    let past = std::mem::take(&mut profile.failures);
    if past.recent >= LEAST {
        let mut evidence = past.evidence;
        note(&mut evidence, activity.id);
        let usual = expected(profile, shared, Counter::LoginFailures);
        features.push(Feature::Failures(Failures {
            recent: past.recent,
            count: past.count,
            usual,
            new_network,
            evidence,
        }));
    }
    profile.failures.last = at;
}

/// What is done in a session that LoginAs opened.
pub(super) fn delegated(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    brought: &Brought,
    features: &mut Vec<Feature>,
) {
    let exports = activity.is_report_export() || activity.kind == Kind::BulkApiResult;
    if !profile.sessions.has_delegates() || source_of(activity.kind).is_none() && !exports {
        return;
    }
    let session_key = activity.session_key.as_ref().map_or(0, |key| names::key(names::SESSION, key));
    let login_key = activity.login_key.as_ref().map_or(0, |key| names::key(names::LOGIN, key));
    let Some(delegate) = profile.sessions.delegate(session_key, login_key) else { return };
    let index = match day.delegated.iter().position(|known| known.delegate == *delegate) {
        Some(index) => index,
        None => {
            day.delegated.push(Delegation { delegate: delegate.clone(), ..Delegation::default() });
            day.delegated.len() - 1
        }
    };
    let Some(work) = day.delegated.get_mut(index) else { return };
    work.requests += u32::from(brought.is_new);
    work.exports += u32::from(exports && brought.is_new);
    work.rows += brought.rows;
    note(&mut work.evidence, activity.id);
    let (logs, plain) = &shared.populations.delegated;
    let usual = usual(logs, plain, None, 0.0).unwrap_or(DELEGATED);
    features.push(Feature::Delegated(Delegated {
        delegate: work.delegate.clone(),
        rows: work.rows,
        exports: work.exports,
        requests: work.requests,
        usual,
        evidence: work.evidence.clone(),
    }));
}

/// What a LoginAs session brings where none was seen: a look at some dozens of rows.
const DELEGATED: Usual = Usual {
    location: 3.5,
    scale: 1.6,
    degrees: 6.0,
    shift: 0.0,
    mean: 0.0,
    deviation: 0.0,
    evidence: 0.0,
    prior_weight: 1.0,
};
