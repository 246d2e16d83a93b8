//! Strategies for activities.

use super::{maybe, org, text, time, user, uuid, word};
use model::{
    Activity, Attribute, Channel, Delegate, Effect, Kind, NativeAnomaly, NativeFeature, Outcome, Scope, ScoreScale,
    SourceIp, Text, Timestamp,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn activity() -> impl Strategy<Value = Activity> {
    (certain(), amounts(), vec(maybe(text()), 19), places(), extras(), any::<Option<bool>>()).prop_map(
        |(certain, amounts, mut texts, places, extras, administers)| {
            let mut next = || texts.pop().flatten();
            Activity {
                username: next(),
                operation: next(),
                resource_id: next(),
                resource_name: next(),
                country: next(),
                user_agent: next(),
                client: next(),
                application: next(),
                connected_app: next(),
                api_type: next(),
                session_key: next(),
                login_key: next(),
                request_id: next(),
                status: next(),
                login_type: next(),
                user_type: next(),
                profile_id: next(),
                role_id: next(),
                run: amounts.0,
                rows: amounts.1,
                rows_returned: amounts.2,
                columns: amounts.3,
                bytes: amounts.4,
                asn: amounts.5,
                received_at: amounts.6,
                administers,
                outcome: places.0,
                effect: places.4,
                scope: places.1,
                source_ip: places.2,
                objects: places.3.into(),
                delegate: extras.0.map(Box::new),
                native: extras.1.map(Box::new),
                attributes: extras.2,
                ..certain
            }
        },
    )
}

fn certain() -> impl Strategy<Value = Activity> {
    (uuid(), org(), user(), time(), word(Channel::ALL), word(Kind::ALL))
        .prop_map(|(id, org, user, at, channel, kind)| Activity::new(id, org, user, at, channel, kind))
}

type Amounts = (Option<u64>, Option<u64>, Option<u64>, Option<u32>, Option<u64>, Option<u32>, Option<Timestamp>);

fn amounts() -> impl Strategy<Value = Amounts> {
    let (count, small) = (any::<Option<u64>>, any::<Option<u32>>);
    (count(), count(), count(), small(), count(), small(), option::of(time()))
}

fn places() -> impl Strategy<Value = (Outcome, Option<Scope>, Option<SourceIp>, Vec<Text>, Effect)> {
    let source_ip = prop_oneof![
        any::<std::net::IpAddr>().prop_map(SourceIp::Address),
        Just(SourceIp::Salesforce),
        text().prop_map(SourceIp::Other),
    ];
    (word(Outcome::ALL), maybe(word(Scope::ALL)), option::of(source_ip), vec(text(), 0..4), word(Effect::ALL))
}

fn extras() -> impl Strategy<Value = (Option<Delegate>, Option<NativeAnomaly>, Vec<Attribute>)> {
    let delegate = (maybe(text()), maybe(text()), maybe(text())).prop_map(|(username, user_id, org_id)| Delegate {
        username,
        user_id,
        org_id,
    });
    let attribute = (text(), text()).prop_map(|(name, value)| Attribute { name, value });
    (option::of(delegate), option::of(native()), vec(attribute, 0..4))
}

fn native() -> impl Strategy<Value = NativeAnomaly> {
    let number = super::WIRE.number;
    let feature = (text(), text(), option::of(number())).prop_map(|(name, value, percent)| NativeFeature {
        name,
        value,
        percent,
    });
    (option::of(number()), word(ScoreScale::ALL), maybe(text()), vec(feature, 0..3), maybe(text()))
        .prop_map(|(score, scale, summary, features, unread)| NativeAnomaly { score, scale, summary, features, unread })
}
