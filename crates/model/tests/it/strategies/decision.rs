//! Strategies for decisions with every kind of ruling.

use super::{maybe, org, text, time, user, uuid, word};
use model::decision::{Allowlist, Disposed, Hours, Network, Scope, WatchCause};
use model::{Decision, Disposition, Ruling, Severity, UserClass};
use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;

pub(crate) fn decision() -> impl Strategy<Value = Decision> {
    let who = (proptest::option::of(user()), text(), maybe(text()), ".{0,60}");
    let when = (time(), maybe(time()), time(), btree_map(any::<u16>(), time(), 0..3));
    (uuid(), org(), ruling(), who, when).prop_map(
        |(
            decision_id,
            org_id,
            ruling,
            (user_id, decided_by, claimed_by, reason),
            (from, until, decided_at, in_force),
        )| Decision {
            decision_id,
            org_id,
            user_id,
            ruling,
            from,
            until,
            decided_by,
            claimed_by,
            reason,
            decided_at,
            in_force,
        },
    )
}

fn ruling() -> impl Strategy<Value = Ruling> {
    let disposed =
        (uuid(), word(Disposition::ALL), any::<bool>(), credits(), word(UserClass::ALL), word(Severity::ALL)).prop_map(
            |(incident_id, disposition, teaches, credits, user_class, severity)| Disposed {
                incident_id,
                disposition,
                teaches,
                credits,
                user_class,
                severity,
            },
        );
    prop_oneof![
        disposed.prop_map(Ruling::Disposition),
        (scope(), prop::option::of(uuid())).prop_map(|(scope, incident_id)| Ruling::Suppression { scope, incident_id }),
        allowlist().prop_map(|allowlist| Ruling::Allowlist { allowlist }),
        (word(WatchCause::ALL), decimals(100..=2_000)).prop_map(|(cause, factor)| Ruling::Watch { cause, factor }),
        (text(), decimals(5..=2_000)).prop_map(|(object, factor)| Ruling::Sensitivity { object, factor }),
        Just(Ruling::Joined),
        word(UserClass::ALL).prop_map(|class| Ruling::Class { class }),
        (text(), ".{0,60}").prop_map(|(hash, toml)| Ruling::Settings { hash, toml }),
        uuid().prop_map(|decision_id| Ruling::Ended { decision_id }),
        uuid().prop_map(|decision_id| Ruling::Undone { decision_id }),
        uuid().prop_map(|incident_id| Ruling::Acknowledged { incident_id }),
        uuid().prop_map(|incident_id| Ruling::Comment { incident_id }),
        (uuid(), time()).prop_map(|(incident_id, until)| Ruling::Snoozed { incident_id, until }),
    ]
}

/// Numbers of two decimals, which JSON keeps.
fn decimals(hundredths: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = f64> {
    hundredths.prop_map(|hundredths| f64::from(hundredths) / 100.0)
}

fn credits() -> impl Strategy<Value = std::collections::BTreeMap<model::Text, f64>> {
    btree_map(text(), decimals(0..=100), 0..3)
}

fn scope() -> impl Strategy<Value = Scope> {
    let texts = || btree_set(text(), 0..3);
    (
        btree_set(word(UserClass::ALL), 0..2),
        [texts(), texts(), texts(), texts(), texts()],
        btree_set(network(), 0..3),
        proptest::option::of(hours()),
    )
        .prop_map(|(classes, [detectors, objects, resources, clients, apps], networks, hours)| Scope {
            classes,
            detectors,
            objects,
            resources,
            networks,
            clients,
            apps,
            hours,
        })
}

fn allowlist() -> impl Strategy<Value = Allowlist> {
    let texts = || btree_set(text(), 0..3);
    (proptest::option::of(hours()), btree_set(network(), 0..3), [texts(), texts()], maybe(any::<u64>())).prop_map(
        |(hours, networks, [clients, objects], most_rows)| Allowlist { hours, networks, clients, objects, most_rows },
    )
}

fn hours() -> impl Strategy<Value = Hours> {
    (0u8..24, 0u8..24).prop_map(|(first, last)| Hours { first, last })
}

fn network() -> impl Strategy<Value = Network> {
    let text = prop_oneof![
        (any::<[u8; 4]>(), 0u8..=32).prop_map(|(address, bits)| (std::net::IpAddr::from(address), bits)),
        (any::<[u8; 16]>(), 0u8..=128).prop_map(|(address, bits)| (std::net::IpAddr::from(address), bits)),
    ];
    text.prop_map(|(address, bits)| Network::parse(&format!("{address}/{bits}")).unwrap())
}
