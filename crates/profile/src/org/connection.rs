//! The connection of an activity: its network, country and client, its session, and logins.

use super::access::{becomes_established, establish};
use super::close::SETTLING_DAYS;
use super::facets::Facets;
use super::names;
use super::network::Network;
use super::rows::expected;
use super::{Shared, role, wake};
use crate::Anonymizers;
use crate::estimate::{KnownValues, Sighting};
use crate::user::{Counter, Day, Profile, push_unique};
use model::time::SECOND;
use model::{Activity, Anonymized, Failures, Feature, FirstOf, Kind, Outcome, Rarity, SessionChange, Text};

/// Learns the connection of an activity, and facts about the account that the activity carries.
pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    account(profile, day, shared, activity);
    let connection = Connection::of(activity, &shared.anonymizers);
    let session_change = session(profile, day, shared, activity, connection);
    let new_network = network_and_client(profile, day, shared, activity, connection, features);
    features.extend(session_change.map(Feature::Session));
    wake::learn(profile, day, shared, activity, features);
    if activity.kind == Kind::Login {
        login(profile, day, shared, activity, new_network, features);
    }
}

/// Learns the facets `news` of a copy, which the learned activity lacked. Logins are not counted again.
pub(super) fn enrich(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    copy: &Activity,
    news: Facets,
    features: &mut Vec<Feature>,
) {
    let only = news.only(copy);
    account(profile, day, shared, &only);
    // If the session is new, so is all of its connection. If it was known, its earlier network and client must not
    // replace later ones.
    let of_session = if news.has_session() { copy } else { &only };
    let connection = Connection::of(of_session, &shared.anonymizers);
    let session_change = session(profile, day, shared, of_session, connection);
    let connection = Connection::of(&only, &shared.anonymizers);
    network_and_client(profile, day, shared, &only, connection, features);
    features.extend(session_change.map(Feature::Session));
    wake::learn(profile, day, shared, &only, features);
}

/// Learns facts about the account: its name, whether it is a guest, its role and its rights.
fn account(profile: &mut Profile, day: &Day, shared: &mut Shared, activity: &Activity) {
    if profile.username.is_none() {
        profile.username.clone_from(&activity.username);
    }
    if let Some(user_type) = &activity.user_type {
        let is = |start: &str| user_type.get(..start.len()).is_some_and(|given| given.eq_ignore_ascii_case(start));
        profile.is_guest |= is("guest");
        profile.signals.work.is_automated |= is("automatedprocess") || is("cloudintegration");
    }
    if let Some(delegate) = activity.delegate.as_ref().filter(|_| !shared.is_only_read()) {
        shared.signals.work.note_delegate(delegate, day.number);
    }
    if let (Some(of_profile), Some(role)) = (&activity.profile_id, &activity.role_id) {
        let ids = names::pair(names::key(names::ROLE, of_profile), names::key(names::ROLE, role));
        if profile.role.note_ids(ids, day.number) {
            role::discount(profile, shared);
        }
    }
    // This is no change of role: an attacker who gives the account a right must not make first-time accesses expected.
    profile.administers = activity.administers.or(profile.administers);
}

/// The network and the client of an activity.
#[derive(Clone, Copy)]
struct Connection<'a> {
    network: Option<Network>,
    /// Hash and name.
    client: Option<(u64, &'a Text)>,
}

impl<'a> Connection<'a> {
    fn of(activity: &'a Activity, anonymizers: &Anonymizers) -> Self {
        let client = activity.client.as_ref().map(|client| (names::key(names::CLIENT, client), client));
        Self { network: Network::of(activity, anonymizers), client }
    }
}

/// Learns the country, network and client. Returns whether the network is not established for the user.
fn network_and_client(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    connection: Connection<'_>,
    features: &mut Vec<Feature>,
) -> bool {
    if activity.kind == Kind::Login && activity.outcome == Outcome::Failure {
        // The attempt may be somebody else's.
        return false;
    }
    let is_settled = profile.days > SETTLING_DAYS;
    let mut new_country = false;
    if let Some(country) = &activity.country {
        let key = names::key(names::COUNTRY, country);
        let is_not_first = !profile.values.countries.is_empty();
        let sighting = profile.values.countries.touch(key, day.number);
        shared.names.note_shown(key, sighting, None, country);
        new_country = sighting == Sighting::Never && is_not_first;
        if new_country && is_settled {
            day.news.note(FirstOf::Country, country.clone());
        }
    }
    let mut new_network = false;
    if let Some(network) = connection.network {
        let key = network.key;
        let sighting = profile.values.networks.touch(key, day.number);
        establish(shared, sighting, key, day.number);
        new_network = !sighting.is_established();
        if sighting == Sighting::Never {
            let name = network.name();
            shared.names.note(key, &name);
            day.counts.bump(Counter::NewNetworks);
            if is_settled {
                day.news.note(FirstOf::Network, name);
            }
        }
        if is_rare(sighting) {
            let mut rarity = rarity(profile, shared, key, sighting, Counter::NewNetworks, |p| &p.values.networks, day);
            rarity.country.clone_from(&activity.country);
            rarity.new_country = new_country;
            rarity.anonymizer = anonymized(profile, shared, network, day.number);
            features.push(Feature::Network(rarity));
        }
    }
    if let Some((key, client)) = connection.client {
        let sighting = profile.values.clients.touch(key, day.number);
        establish(shared, sighting, key, day.number);
        if sighting == Sighting::Never {
            shared.names.note(key, client);
            day.counts.bump(Counter::NewClients);
            if is_settled {
                day.news.note(FirstOf::Client, client.clone());
            }
        }
        if becomes_established(sighting) {
            shared.populations.establish_client(key);
        }
        if is_rare(sighting) {
            let mut rarity = rarity(profile, shared, key, sighting, Counter::NewClients, |p| &p.values.clients, day);
            rarity.peer_tail = shared.populations.client_tail(key);
            features.push(Feature::Client(rarity));
        }
    }
    new_network
}

/// Whether a feature reports the value: it was used never before, or on one earlier day only. It does so once a day.
fn is_rare(sighting: Sighting) -> bool {
    match sighting {
        Sighting::Never => true,
        Sighting::Known { .. } => !sighting.is_established(),
        Sighting::Today { .. } => false,
    }
}

/// Describes a rare network or client as a feature. `values` selects the account's values of its kind.
fn rarity(
    profile: &Profile,
    shared: &Shared,
    key: u64,
    sighting: Sighting,
    counter: Counter,
    values: impl Fn(&Profile) -> &KnownValues,
    day: &Day,
) -> Rarity {
    let name = |key| shared.names.value(key).cloned();
    let known = values(profile).best(day.number).into_iter().filter(|known| *known != key).filter_map(name);
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
        anonymizer: None,
    }
}

/// Learns that the account uses an anonymizer of a kind, if the network is one: the kind is a network of its own.
fn anonymized(profile: &mut Profile, shared: &mut Shared, network: Network, day: i32) -> Option<Anonymized> {
    let kind = network.anonymizer(&shared.anonymizers)?;
    let key = names::key(names::NETWORK, kind.as_str());
    let sighting = profile.values.networks.touch(key, day);
    establish(shared, sighting, key, day);
    let peer_share = shared.populations.share_knowing(key);
    Some(Anonymized { kind, seen: sighting.days().into(), peer_share })
}

/// Follows the session. Returns its change of network or client, if any.
fn session(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    connection: Connection<'_>,
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
    // In a session opened by LoginAs, network and client are the administrator's.
    let is_followed = activity.kind != Kind::Login && found.delegate.is_none();
    // A client with IPv4 and IPv6 alternates between two addresses of one place. To a network of the other protocol that
    // the account has used before, a session does not move.
    let networks = &profile.values.networks;
    let is_used = |key| !matches!(networks.peek(key, day.number), Sighting::Never);
    if let Some(network) = connection.network {
        let key = network.key;
        match &found.network {
            Some((known, from)) if *known != key && is_followed && network.is_twin_of(from) && is_used(key) => {
                found.network = Some((key, network.name()));
            }
            Some((known, from)) if *known != key && is_followed => {
                change.from_network = Some(from.clone());
                change.to_network = Some(network.name());
                change.known_network = networks.peek(key, day.number).is_established();
                found.network = change.to_network.clone().map(|name| (key, name));
                day.counts.bump(Counter::NetworkSwitches);
            }
            Some((known, _)) if *known == key => {}
            _ => found.network = Some((key, network.name())),
        }
    }
    if let Some((key, client)) = connection.client {
        match &found.client {
            Some((known, from)) if *known != key && is_followed => {
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

/// Learns an attempt to log in. A success after failures is reported.
fn login(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    new_network: bool,
    features: &mut Vec<Feature>,
) {
    /// Seconds after which a failed login counts 1/e. A choice: the 15 minutes for which Salesforce locks an account
    /// out by default.
    const FADING: f64 = 900.0;
    /// Decayed failures from which on a success is reported: two within minutes. A choice.
    const LEAST: f64 = 1.5;
    /// Decayed failures below which earlier ones are forgotten: one of 45 minutes ago. A choice.
    const FORGOTTEN: f64 = 0.05;
    let at = activity.event_time;
    let seconds = at.since(profile.failures.last).max(0) as f64 / SECOND as f64;
    let failures = &mut profile.failures;
    failures.recent *= (-seconds / FADING).exp();
    failures.last = at;
    if activity.outcome == Outcome::Failure {
        if failures.recent < FORGOTTEN {
            failures.count = 0;
            failures.evidence.clear();
        }
        failures.recent += 1.0;
        failures.count += 1;
        push_unique(&mut failures.evidence, activity.id);
        day.counts.bump(Counter::LoginFailures);
        return;
    }
    let past = std::mem::take(&mut profile.failures);
    if past.recent >= LEAST {
        let mut evidence = past.evidence;
        push_unique(&mut evidence, activity.id);
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
