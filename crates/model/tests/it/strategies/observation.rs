//! Strategies for observations with every variant of feature.

use super::volume::{burst, downloads, drain, largest, pages, volume};
use super::{WIRE, activity, maybe, org, text, texts, time, user, uuid, uuids, word};
use model::{
    Anonymized, Anonymizer, Calibration, Composition, Delegated, Failures, Feature, First, HourOfWeek, Kind, NewApp,
    Observation, Precision, Rarity, Rate, Scope, SessionChange, Setup, SetupCase, Spread, Surface, UnusualValue,
    UserClass, Usual, ValueKind, Wake, WriteKind, Writes,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn observation() -> impl Strategy<Value = Observation> {
    let who = (org(), user(), maybe(text()), word(UserClass::ALL));
    let when = (time(), time(), any::<u64>());
    let blind = vec(word(Kind::ALL), 0..3);
    let calibrations = vec(calibration(), 0..3);
    let precision = (text(), 0.5..1.25).prop_map(|(detector, factor)| Precision { detector, factor });
    let precisions = vec(precision, 0..3);
    (
        who,
        when,
        option::of(activity().prop_map(Box::new)),
        vec(feature(), 0..4),
        (blind, calibrations, precisions, text()),
    )
        .prop_map(
            |(
                (org_id, user_id, username, user_class),
                (at, day, revision),
                activity,
                features,
                (blind, calibrations, precisions, settings),
            )| {
                Observation {
                    org_id,
                    user_id,
                    username,
                    user_class,
                    at,
                    day,
                    revision,
                    activity,
                    features,
                    blind,
                    calibrations,
                    precisions,
                    settings,
                }
            },
        )
}

fn calibration() -> impl Strategy<Value = Calibration> {
    (text(), text(), any::<u32>(), vec(any::<u32>(), 0..4), any::<u32>())
        .prop_map(|(detector, subject, days, knots, slope)| Calibration { detector, subject, days, knots, slope })
}

fn feature() -> impl Strategy<Value = Feature> {
    prop_oneof![
        volume().prop_map(Feature::Volume),
        burst().prop_map(Feature::Burst),
        first().prop_map(Feature::Scope),
        first().prop_map(Feature::Object),
        first().prop_map(Feature::Export),
        rarity().prop_map(Feature::Client),
        rarity().prop_map(Feature::Network),
        failures().prop_map(Feature::Failures),
        session().prop_map(Feature::Session),
        delegated().prop_map(Feature::Delegated),
        hour().prop_map(Feature::Hour),
        spread().prop_map(Feature::Recon),
        downloads().prop_map(Feature::Downloads),
        drain().prop_map(Feature::Drain),
        Just(Feature::Native),
        writes().prop_map(Feature::Writes),
        setup().prop_map(Feature::Setup),
        app().prop_map(Feature::App),
        wake().prop_map(Feature::Wake),
        largest().prop_map(Feature::Largest),
        pages().prop_map(Feature::Pages),
        composition().prop_map(Feature::Composition),
    ]
}

fn composition() -> impl Strategy<Value = Composition> {
    let numbers = [number(), number(), number(), number(), number()];
    (numbers, any::<u32>(), vec(unusual_value(), 0..3), any::<bool>()).prop_map(
        |([ratio, mean, deviation, missing, days], unusual, values, closed)| Composition {
            ratio,
            mean,
            deviation,
            missing,
            days,
            unusual,
            values,
            closed,
        },
    )
}

fn unusual_value() -> impl Strategy<Value = UnusualValue> {
    (word(ValueKind::ALL), text(), any::<u32>(), [number(), number(), number()], uuid()).prop_map(
        |(kind, name, count, [ratio, own_share, org_share], first)| UnusualValue {
            kind,
            name,
            count,
            ratio,
            own_share,
            org_share,
            first,
        },
    )
}

pub(super) fn number() -> BoxedStrategy<f64> {
    (WIRE.number)()
}

pub(super) fn usual() -> impl Strategy<Value = Usual> {
    vec(number(), 8).prop_map(|numbers| {
        let mut numbers = numbers.into_iter();
        let mut next = || numbers.next().unwrap_or_default();
        Usual {
            location: next(),
            scale: next(),
            degrees: next(),
            shift: next(),
            mean: next(),
            deviation: next(),
            evidence: next(),
            prior_weight: next(),
        }
    })
}

pub(super) fn rate() -> impl Strategy<Value = Rate> {
    [number(), number(), number(), number()].prop_map(|[shape, rate, evidence, prior_weight]| Rate {
        shape,
        rate,
        evidence,
        prior_weight,
    })
}

fn writes() -> impl Strategy<Value = Writes> {
    let numbers = [number(), number(), number(), number(), number()];
    let counts = (any::<u32>(), any::<u32>());
    let usual = [usual().boxed(), usual().boxed()];
    (word(Surface::ALL), word(WriteKind::ALL), numbers, counts, usual, texts(), uuids()).prop_map(
        |(
            surface,
            kind,
            [rows, hour_rows, chance, days, org_days],
            (requests, recurrences),
            [day, hour],
            objects,
            evidence,
        )| {
            Writes {
                surface,
                kind,
                rows,
                hour_rows,
                requests,
                day,
                hour,
                chance,
                days,
                org_days,
                objects,
                evidence,
                recurrences,
            }
        },
    )
}

fn setup() -> impl Strategy<Value = Setup> {
    let numbers = [number(), number(), number(), number()];
    (word(SetupCase::ALL), text(), numbers, any::<bool>()).prop_map(
        |(case, what, [seen, days, org_days, peer_share], known_app)| Setup {
            case,
            what,
            seen,
            days,
            org_days,
            peer_share,
            known_app,
        },
    )
}

fn first() -> impl Strategy<Value = First> {
    let names = (text(), texts(), texts(), maybe(text()));
    let scopes = (maybe(word(Scope::ALL)), maybe(word(Scope::ALL)));
    let counts = (any::<(u32, u32, Option<u64>)>(), maybe(word(Surface::ALL)));
    (names, scopes, counts, [number(), number(), number()], rate(), usual(), uuids()).prop_map(
        |(
            (name, names, from_views, to_view),
            (from_scope, to_scope),
            ((today, peers, rows), surface),
            [peer_share, peer_tail, known_share],
            usual,
            request,
            evidence,
        )| First {
            name,
            today,
            names,
            usual,
            peer_share,
            peers,
            rows,
            request,
            from_views,
            to_view,
            from_scope,
            to_scope,
            evidence,
            peer_tail,
            known_share,
            surface,
        },
    )
}

fn rarity() -> impl Strategy<Value = Rarity> {
    let place = (maybe(text()), any::<bool>(), option::of(anonymized()));
    (text(), [number(), number(), number(), number()], rate(), place, texts()).prop_map(
        |(value, [seen, days, peer_share, peer_tail], usual, (country, new_country, anonymizer), known)| Rarity {
            value,
            seen,
            days,
            peer_share,
            peer_tail,
            usual,
            country,
            new_country,
            known,
            anonymizer,
        },
    )
}

fn anonymized() -> impl Strategy<Value = Anonymized> {
    (word(Anonymizer::ALL), number(), number()).prop_map(|(kind, seen, peer_share)| Anonymized {
        kind,
        seen,
        peer_share,
    })
}

fn failures() -> impl Strategy<Value = Failures> {
    (number(), any::<(u32, bool)>(), rate(), uuids()).prop_map(|(recent, (count, new_network), usual, evidence)| {
        Failures { recent, count, usual, new_network, evidence }
    })
}

fn session() -> impl Strategy<Value = SessionChange> {
    (maybe(text()), maybe(text()), maybe(text()), maybe(text()), rate(), any::<(bool, i64)>()).prop_map(
        |(from_network, to_network, from_client, to_client, usual, (known_network, elapsed))| SessionChange {
            from_network,
            to_network,
            from_client,
            to_client,
            usual,
            known_network,
            elapsed,
        },
    )
}

fn delegated() -> impl Strategy<Value = Delegated> {
    (text(), number(), any::<(u32, u32)>(), usual(), uuids()).prop_map(
        |(delegate, rows, (exports, requests), usual, evidence)| Delegated {
            delegate,
            rows,
            exports,
            requests,
            usual,
            evidence,
        },
    )
}

fn app() -> impl Strategy<Value = NewApp> {
    let counts = any::<(u32, u32, u32)>();
    let numbers = [number(), number(), number(), number()];
    (text(), maybe(text()), counts, any::<(bool, bool)>(), numbers, uuids()).prop_map(
        |(app, app_id, (users, accounts, requests), (rolled_out, imitates), numbers, evidence)| {
            let [chance, peer_tail, days, rows] = numbers;
            NewApp {
                app,
                app_id,
                users,
                accounts,
                rolled_out,
                imitates,
                chance,
                peer_tail,
                days,
                rows,
                requests,
                evidence,
            }
        },
    )
}

fn wake() -> impl Strategy<Value = Wake> {
    (any::<(u32, u32, bool)>(), maybe(text()), maybe(text()), [number(), number(), number()]).prop_map(
        |((silent_days, longest_days, many), new_network, new_client, [chance, novelty, days])| Wake {
            silent_days,
            longest_days,
            chance,
            new_network,
            new_client,
            novelty,
            many,
            days,
        },
    )
}

fn hour() -> impl Strategy<Value = HourOfWeek> {
    (any::<(u32, u32)>(), [number(), number(), number()])
        .prop_map(|((hour, requests), [share, days, rows])| HourOfWeek { hour, share, days, rows, requests })
}

fn spread() -> impl Strategy<Value = Spread> {
    (any::<(u32, u32, u32, u32)>(), (rate(), option::of(rate())), texts(), uuids()).prop_map(
        |((objects, unknown, empty, counted), (usual, usual_counted), names, evidence)| Spread {
            objects,
            unknown,
            empty,
            usual,
            names,
            evidence,
            counted,
            usual_counted,
        },
    )
}
