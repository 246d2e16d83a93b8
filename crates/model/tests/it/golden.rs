//! Bytes and JSON of one example each. If a snapshot changes, earlier messages can no longer be read.

use crate::examples;
use model::codec::Message;
use model::{Activity, Finding, Incident, Kind, Observation};
use std::fmt::Debug;

/// Returns the encoded example in hexadecimal, 32 bytes per line, after checking that it decodes to the example.
fn hex<M: Message + PartialEq + Debug>(example: &M) -> String {
    let bytes = example.encode();
    assert_eq!(&M::decode(&bytes).unwrap(), example);
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(32).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_bytes_of_an_activity() {
    insta::assert_snapshot!(hex::<Activity>(&examples::activity()));
}

/// An activity of before the wire had an effect has the one that its kind and operation say.
#[test]
fn the_effect_of_an_earlier_activity() {
    use model::{Effect, wire};
    use prost::Message as _;
    let check = |kind, operation: Option<&str>, expect| {
        let activity = Activity { kind, operation: operation.map(Into::into), ..examples::activity() };
        let mut sent = wire::Activity::decode(activity.encode().as_slice()).unwrap();
        sent.effect = None;
        assert_eq!(Activity::decode(&sent.encode_to_vec()).unwrap().effect, expect);
    };
    check(Kind::Api, Some("Query"), Effect::Read);
    check(Kind::Api, Some("update"), Effect::Write);
    check(Kind::BulkApi, None, Effect::Export);
    check(Kind::File, Some("VersionRenditionDownload"), Effect::Preview);
    check(Kind::Login, None, Effect::None);
}

/// The bytes before the field `administers` existed.
#[test]
fn the_bytes_of_an_activity_without_permissions() {
    let without = Activity { administers: None, ..examples::activity() };
    insta::assert_snapshot!(hex(&without));
}

#[test]
fn the_bytes_of_an_observation() {
    insta::assert_snapshot!(hex::<Observation>(&examples::observation()));
}

#[test]
fn the_bytes_of_an_observation_while_events_are_missing() {
    let blind = vec![Kind::ListView, Kind::TenantSecurityApiAnomaly];
    insta::assert_snapshot!(hex(&Observation { blind, features: Vec::new(), ..examples::observation() }));
}

#[test]
fn the_bytes_of_a_finding() {
    insta::assert_snapshot!(hex::<Finding>(&examples::finding()));
}

/// The bytes before the field `evidence` existed.
#[test]
fn the_bytes_of_a_finding_without_evidence() {
    insta::assert_snapshot!(hex(&Finding { evidence: Vec::new(), ..examples::finding() }));
}

#[test]
fn the_json_of_evidence() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&examples::finding().evidence).unwrap());
}

#[test]
fn the_bytes_of_an_incident() {
    insta::assert_snapshot!(hex::<Incident>(&examples::incident()));
}

#[test]
fn the_json_of_an_incident() {
    let incident = examples::incident();
    let json = serde_json::to_string_pretty(&incident).unwrap();
    assert_eq!(serde_json::from_str::<Incident>(&json).unwrap(), incident);
    insta::assert_snapshot!(json);
}

/// Every variant has a number on the wire and a word in JSON. Neither may change.
#[test]
fn the_words_and_their_numbers() {
    use model::codec::Field;
    fn list<T: Field<i32> + std::fmt::Display>(name: &str, all: &[T]) -> String {
        let words: Vec<String> = all.iter().map(|word| format!("{word}={}", word.to_wire())).collect();
        format!("{name}: {}", words.join(" "))
    }
    let lists = [
        list("channel", model::Channel::ALL),
        list("kind", Kind::ALL),
        list("outcome", model::Outcome::ALL),
        list("effect", model::Effect::ALL),
        list("write_kind", model::WriteKind::ALL),
        list("setup_case", model::SetupCase::ALL),
        list("scope", model::Scope::ALL),
        list("score_scale", model::ScoreScale::ALL),
        list("user_class", model::UserClass::ALL),
        list("source", model::Surface::ALL),
        list("severity", model::Severity::ALL),
        list("risk_model", model::RiskModel::ALL),
        list("term_kind", model::TermKind::ALL),
    ];
    insta::assert_snapshot!(lists.join("\n"));
}
